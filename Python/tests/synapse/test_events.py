"""Events."""

from __future__ import annotations

import copy
import json
import timeit
from collections.abc import Mapping

import pytest

from synapse.api.errors import Codes, SynapseError
from synapse.api.room_versions import RoomVersions
from synapse.events import EventBase, event_from_parts, event_from_wire, make_event_from_dict
from synapse.events.utils import (
    clone_event,
    copy_and_fixup_power_levels_contents,
    format_event_for_client_v1,
    format_event_for_client_v2,
    format_event_for_client_v2_without_room_id,
    prune_event,
    strip_event,
)
from synapse.util.frozenutils import unfreeze

MESSAGE = {
    "type": "m.room.message",
    "room_id": "!a:b",
    "sender": "@u:b",
    "content": {"body": "x", "l": [1, {"a": 2}], "d": {"z": 1}},
    "origin_server_ts": 5,
    "depth": 3,
    "hashes": {"sha256": "abc"},
    "signatures": {"b": {"ed25519:1": "x"}},
    "prev_events": ["$p"],
    "auth_events": ["$q"],
    "unsigned": {"age_ts": 1, "foo": 2},
    "origin": "b",
}
MEMBER = {
    **MESSAGE,
    "type": "m.room.member",
    "state_key": "@u:b",
    "content": {"membership": "join", "displayname": "x", "join_authorised_via_users_server": "@z:b"},
    "hashes": {},
    "signatures": {},
    "prev_events": [],
    "auth_events": [],
    "unsigned": {"age_ts": 1, "replaces_state": "$z"},
    "redacts": "$x",
}
FIRST = {**MESSAGE, "event_id": "$x:b", "prev_events": [["$p", {}]], "auth_events": [["$q", {}]], "redacts": "$r"}


def message(version=RoomVersions.V11, **metadata):
    return make_event_from_dict(MESSAGE, version, metadata)


def wire(pdu=MESSAGE, **more):
    return {"event_id": "$e", "room_id": "!a:b", "room_version": "11", "pdu": pdu, **more}


def test_the_identifiers_are_those_that_synapse_computes():
    assert message().event_id == "$WUv8COAxJk7oRdVt2zyqeE4CnV3WVQqcey7FkYWD7iI"
    assert message(RoomVersions.V12).event_id == "$WUv8COAxJk7oRdVt2zyqeE4CnV3WVQqcey7FkYWD7iI"
    member = make_event_from_dict(MEMBER, RoomVersions.V10)
    assert member.event_id == "$16NaExp4gVT8G7ErPoODAd420VqbLRogl-8RvhoX8IQ"
    assert make_event_from_dict(FIRST, RoomVersions.V1).event_id == "$x:b"


def test_properties():
    event = message()
    assert isinstance(event, EventBase)
    assert (event.type, event.sender, event.user_id, event.room_id) == ("m.room.message", "@u:b", "@u:b", "!a:b")
    assert (event.origin_server_ts, event.depth, event.format_version) == (5, 3, 3)
    assert event.hashes == {"sha256": "abc"}
    assert event.signatures == {"b": {"ed25519:1": "x"}}
    assert event.room_version is RoomVersions.V11
    assert event.rejected_reason is None
    assert event.prev_event_ids() == ["$p"]
    assert event.auth_event_ids() == ["$q"]
    assert repr(message()) == "<Event event_id=$WUv8COAxJk7oRdVt2zyqeE4CnV3WVQqcey7FkYWD7iI, type=m.room.message>"


def test_state_keys_are_there_for_state_events_only():
    event, member = message(), make_event_from_dict(MEMBER, RoomVersions.V10)
    assert not hasattr(event, "state_key")
    with pytest.raises(AttributeError, match="state_key"):
        _ = event.state_key
    assert event.get_state_key() is None
    assert not event.is_state()
    assert member.state_key == member.get_state_key() == "@u:b"
    assert member.is_state()
    assert member.membership == "join"
    with pytest.raises(KeyError):
        _ = event.membership


def test_room_versions_decide_where_things_stand():
    first = make_event_from_dict(FIRST, RoomVersions.V1)
    assert first.prev_event_ids() == ["$p"]
    assert first.auth_event_ids() == ["$q"]
    assert first.redacts == "$r"
    redaction = {**MESSAGE, "content": {"redacts": "$y"}, "redacts": "$x"}
    assert make_event_from_dict(redaction, RoomVersions.V11).redacts == "$y"
    assert make_event_from_dict(redaction, RoomVersions.V10).redacts == "$x"
    assert message(RoomVersions.V12).auth_event_ids() == ["$q", "$a:b"]
    create = {key: value for key, value in MESSAGE.items() if key != "room_id"}
    create["type"], create["state_key"] = "m.room.create", ""
    made = make_event_from_dict(create, RoomVersions.V12)
    assert made.room_id == "!" + made.event_id[1:]
    with pytest.raises(SynapseError):
        make_event_from_dict(create, RoomVersions.V11)


def test_contents_cannot_be_changed():
    content = message().content
    assert isinstance(content, dict)
    assert isinstance(content, Mapping)
    assert content == MESSAGE["content"]
    for change in (
        lambda: content.__setitem__("body", "y"),
        lambda: content.__delitem__("body"),
        lambda: content.update(body="y"),
        lambda: content.pop("body"),
        lambda: content.popitem(),
        lambda: content.setdefault("new", 1),
        lambda: content.clear(),
        lambda: content.__ior__({"body": "y"}),
    ):
        with pytest.raises(TypeError):
            change()
    assert content == MESSAGE["content"]


def test_nested_contents_are_copies():
    event = message()
    event.content["l"][1]["a"] = 3
    event.content.get("d")["z"] = 9
    dict(event.content)["d"]["z"] = 9
    {**event.content}["d"]["z"] = 9
    for _, value in event.content.items():
        if isinstance(value, dict):
            value["z"] = 9
    for value in event.content.values():
        if isinstance(value, dict):
            value["z"] = 9
    assert event.content["l"] == [1, {"a": 2}]
    assert event.content["d"] == {"z": 1}
    assert event.get_dict()["content"] == MESSAGE["content"]


def test_copies_of_contents_are_plain_dictionaries():
    content = message().content
    for plain in (content.copy(), copy.copy(content), copy.deepcopy(content), unfreeze(content), content | {"n": 1}):
        assert type(plain) is dict
        plain["body"] = "y"
        plain["d"]["z"] = 5
    assert content == MESSAGE["content"]
    assert json.loads(json.dumps(content)) == MESSAGE["content"]


def test_events_cannot_be_changed():
    event = message()
    for name in ("type", "content", "sender", "unsigned", "anything"):
        with pytest.raises(AttributeError):
            setattr(event, name, "x")


def test_the_mapping_is_that_of_the_federation_format():
    event = message()
    assert event.get("event_id") is None
    assert event.get("x", "d") == "d"
    assert event["type"] == event.get("type") == "m.room.message"
    assert event["room_id"] == "!a:b"
    with pytest.raises(KeyError):
        event["event_id"]
    assert "type" in event
    assert "unsigned" in event
    assert "event_id" not in event
    assert make_event_from_dict(FIRST, RoomVersions.V1).get("event_id") == "$x:b"
    assert set(event.keys()) == set(MESSAGE)
    assert dict(event.items())["sender"] == "@u:b"
    assert dict(event) == event.get_dict()
    with pytest.raises(TypeError):
        iter(event)
    event["content"]["body"] = "changed"
    assert event.content["body"] == "x"


def test_dictionaries_are_new_each_time():
    event = message()
    expected = {**MESSAGE, "unsigned": {"age_ts": 1}}
    assert event.get_dict() == event.get_pdu_json() == expected
    event.get_dict()["content"]["body"] = "y"
    assert event.get_dict() == expected
    assert event.get_pdu_json(time_now=11)["unsigned"] == {"age": 10}


def test_unsigned_holds_known_keys_only():
    unsigned = message().unsigned
    assert unsigned.get("age_ts") == 1
    assert unsigned.get("foo") is None
    with pytest.raises(KeyError):
        unsigned["foo"] = 4
    unsigned["prev_content"] = {"a": 1}
    assert dict(unsigned) == {"age_ts": 1, "prev_content": {"a": 1}}


def test_internal_metadata():
    metadata = message(soft_failed=True, txn_id="t", stream_ordering=7, outlier=True).internal_metadata
    assert (metadata.soft_failed, metadata.txn_id, metadata.stream_ordering, metadata.outlier) == (True, "t", 7, True)
    assert metadata.is_outlier()
    assert metadata.is_soft_failed()
    assert not metadata.is_notifiable()
    assert metadata.get_dict() == {"soft_failed": True, "txn_id": "t"}
    plain = message().internal_metadata
    for name in ("soft_failed", "txn_id", "device_id", "token_id", "out_of_band_membership", "redacted", "nonsense"):
        with pytest.raises(AttributeError):
            getattr(plain, name)
    assert (plain.outlier, plain.stream_ordering, plain.spam_checker_spammy) == (False, None, False)
    assert not plain.is_redacted()
    assert plain.is_notifiable()
    with pytest.raises(AttributeError):
        plain.nonsense = 1
    plain.soft_failed = True
    assert plain.is_soft_failed()


def test_what_is_assigned_to_metadata_stays():
    event = message()
    event.internal_metadata.soft_failed = True
    assert event.internal_metadata.soft_failed


@pytest.mark.parametrize(
    "name", ["type", "content", "sender", "origin_server_ts", "depth", "hashes", "prev_events", "auth_events"]
)
def test_incomplete_events_are_refused(name):
    with pytest.raises(SynapseError) as caught:
        make_event_from_dict({key: value for key, value in MESSAGE.items() if key != name}, RoomVersions.V11)
    assert (caught.value.code, caught.value.errcode) == (400, Codes.BAD_JSON)


def test_events_of_the_wire():
    event = event_from_wire(wire(internal_metadata={"txn_id": "t"}, rejected_reason="auth_error"))
    assert event.event_id == "$e"
    assert event.room_version is RoomVersions.V11
    assert event.rejected_reason == "auth_error"
    assert event.internal_metadata.txn_id == "t"
    part = event_from_parts("$e", "10", json.dumps(MEMBER).encode())
    assert (part.event_id, part.membership, part.state_key) == ("$e", "join", "@u:b")
    assert event_from_wire({**wire(), "room_version": "org.example.future"}).room_version.identifier.endswith("future")


def test_making_an_event_costs_a_few_microseconds():
    given = wire()
    raw = json.dumps(MESSAGE).encode()
    best = min(timeit.repeat(lambda: event_from_wire(given), number=2000, repeat=5)) / 2000
    assert best < 20e-6
    best = min(timeit.repeat(lambda: event_from_parts("$e", "11", raw), number=2000, repeat=5)) / 2000
    assert best < 20e-6


def test_copies_share_nothing():
    event = message(txn_id="t")
    for other in (event.deep_copy(), copy.deepcopy(event), clone_event(event)):
        other.internal_metadata.soft_failed = True
        other.unsigned["prev_content"] = {}
        assert other.event_id == event.event_id
        assert other.content == event.content
    assert not event.internal_metadata.is_soft_failed()
    assert "prev_content" not in event.unsigned


def test_pruning():
    member = make_event_from_dict(MEMBER, RoomVersions.V10, {"txn_id": "t"})
    pruned = prune_event(member)
    assert pruned.event_id == member.event_id
    assert pruned.content == {"membership": "join", "join_authorised_via_users_server": "@z:b"}
    assert pruned.unsigned == {"age_ts": 1, "replaces_state": "$z"}
    assert "redacts" not in pruned
    assert pruned["origin"] == "b"
    assert pruned.internal_metadata.get_dict() == {"txn_id": "t", "redacted": True}
    assert not member.internal_metadata.is_redacted()
    newer = prune_event(make_event_from_dict(MEMBER, RoomVersions.V11))
    assert "origin" not in newer


@pytest.mark.parametrize(
    "version, event_type, content, kept",
    [
        ("V8", "m.room.member", {"membership": "join", "join_authorised_via_users_server": "@a:b"}, {"membership"}),
        ("V11", "m.room.member", {"membership": "invite", "third_party_invite": {"signed": {}}}, None),
        ("V10", "m.room.member", {"membership": "invite", "third_party_invite": {"signed": {}}}, {"membership"}),
        ("V10", "m.room.create", {"creator": "@a:b", "room_version": "10"}, {"creator"}),
        ("V11", "m.room.create", {"m.federate": False, "room_version": "11"}, None),
        ("V7", "m.room.join_rules", {"join_rule": "x", "allow": []}, {"join_rule"}),
        ("V8", "m.room.join_rules", {"join_rule": "x", "allow": []}, None),
        ("V10", "m.room.power_levels", {"ban": 1, "invite": 1, "notifications": {}}, {"ban"}),
        ("V11", "m.room.power_levels", {"ban": 1, "invite": 1, "notifications": {}}, {"ban", "invite"}),
        ("V5", "m.room.aliases", {"aliases": []}, None),
        ("V6", "m.room.aliases", {"aliases": []}, set()),
        ("V10", "m.room.redaction", {"redacts": "$x", "reason": ""}, set()),
        ("V11", "m.room.redaction", {"redacts": "$x", "reason": ""}, {"redacts"}),
        ("V11", "m.room.history_visibility", {"history_visibility": "x", "y": 1}, {"history_visibility"}),
        ("V11", "m.room.topic", {"topic": "x"}, set()),
    ],
)
def test_pruning_by_room_version(version, event_type, content, kept):
    event = {**MESSAGE, "type": event_type, "state_key": "", "content": content}
    pruned = prune_event(make_event_from_dict(event, getattr(RoomVersions, version)))
    assert pruned.content == {key: content[key] for key in (content if kept is None else kept)}


def test_formats():
    event = make_event_from_dict(MEMBER, RoomVersions.V10)
    assert strip_event(event) == {
        "type": "m.room.member",
        "state_key": "@u:b",
        "content": MEMBER["content"],
        "sender": "@u:b",
    }
    kept = {"content", "origin_server_ts", "redacts", "room_id", "sender", "state_key", "type", "unsigned"}
    assert set(format_event_for_client_v2(event.get_dict())) == kept
    assert set(format_event_for_client_v2_without_room_id(event.get_dict())) == kept - {"room_id"}
    assert format_event_for_client_v1(event.get_dict())["user_id"] == "@u:b"
    assert format_event_for_client_v1(event.get_dict())["replaces_state"] == "$z"


def test_power_levels_in_strings_become_numbers():
    fixed = copy_and_fixup_power_levels_contents({"users": {"@a:b": "5"}, "ban": " 50 ", "x": 1, "events": {}})
    assert fixed == {"users": {"@a:b": 5}, "ban": 50, "x": 1, "events": {}}
    with pytest.raises(TypeError, match="Invalid power_levels value for ban: x"):
        copy_and_fixup_power_levels_contents({"ban": "x"})
    with pytest.raises(TypeError, match=r"Invalid power_levels value for a: \{'b': 1\}"):
        copy_and_fixup_power_levels_contents({"users": {"a": {"b": 1}}})
    with pytest.raises(TypeError, match="Not a valid power-levels content"):
        copy_and_fixup_power_levels_contents([])
