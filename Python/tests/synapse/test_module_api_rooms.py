"""The module API: rooms, events, account data."""

from __future__ import annotations

import pytest
from twisted.internet import defer

from synapse.api.errors import StoreError, SynapseError
from synapse.module_api import RoomAlias, RoomID
from tests.synapse.conftest import result_of

EVENT = {
    "event_id": "$e",
    "room_id": "!r:test",
    "room_version": "11",
    "pdu": {
        "type": "m.room.canonical_alias",
        "state_key": "",
        "sender": "@a:test",
        "room_id": "!r:test",
        "content": {"alias": "#main:test"},
    },
}


def event_of_wire():
    from synapse.events import event_from_wire

    return event_from_wire(EVENT)


def test_state(api, peer):
    state = {("m.room.canonical_alias", ""): event_of_wire()}
    peer.answers["get_room_state"] = state
    assert result_of(api.get_room_state("!r:test")) == state
    assert peer.calls[-1] == ("get_room_state", {"room_id": "!r:test", "filter": None})
    result_of(api.get_room_state("!r:test", []))
    assert peer.calls[-1][1]["filter"] is None
    result_of(api.get_room_state("!r:test", [("m.room.member", None), ("a", "b")]))
    assert peer.calls[-1][1]["filter"] == [["m.room.member", None], ["a", "b"]]
    events = api.get_state_events_in_room("!r:test", types=[("m.room.canonical_alias", "")])
    assert isinstance(events, defer.Deferred)
    assert [event.event_id for event in result_of(events)] == ["$e"]


def test_canonical_aliases(api, peer):
    peer.answers["get_room_state"] = {("m.room.canonical_alias", ""): event_of_wire()}
    assert result_of(api.get_canonical_room_alias(RoomID.from_string("!r:test"))) == RoomAlias("main", "test")
    peer.answers["get_room_state"] = {}
    assert result_of(api.get_canonical_room_alias(RoomID.from_string("!r:test"))) is None


def test_sending(api, peer):
    peer.answers["create_and_send_event_into_room"] = EVENT
    content = event_of_wire().content
    sent = result_of(
        api.create_and_send_event_into_room(
            {"type": "m.x", "room_id": "!r:test", "sender": "@a:test", "content": content}
        )
    )
    assert (sent.event_id, sent.state_key) == ("$e", "")
    given = peer.calls[-1][1]["event"]["content"]
    assert (type(given), given) == (dict, {"alias": "#main:test"})


def test_memberships(api, peer):
    peer.answers["update_room_membership"] = EVENT
    result_of(api.update_room_membership("@a:test", "@b:other", "!r:test", "invite", remote_room_hosts=("x",)))
    assert peer.calls[-1][1] == {
        "sender": "@a:test",
        "target": "@b:other",
        "room_id": "!r:test",
        "new_membership": "invite",
        "content": {},
        "remote_room_hosts": ["x"],
    }
    with pytest.raises(RuntimeError):
        result_of(api.update_room_membership("@a:other", "@a:other", "!r:test", "join"))


def test_rooms(api, peer):
    peer.answers.update(
        create_room={"room_id": "!r:test", "room_alias": None},
        lookup_room_alias={"room_id": "!r:test", "servers": ["test"]},
    )
    assert result_of(api.create_room("@a:test", {"preset": "x"})) == ("!r:test", None)
    with pytest.raises(RuntimeError):
        result_of(api.create_room("@a:other", {}))
    assert result_of(api.lookup_room_alias("#a:test")) == ("!r:test", ["test"])
    with pytest.raises(SynapseError) as caught:
        result_of(api.lookup_room_alias("nonsense"))
    assert caught.value.code == 400
    result_of(api.delete_room("!r:test"))
    assert peer.calls[-1] == ("delete_room", {"room_id": "!r:test"})


def test_the_room_directory(api, peer):
    manager = api.public_room_list_manager
    peer.answers["room_is_in_public_room_list"] = True
    assert result_of(manager.room_is_in_public_room_list("!r:test")) is True
    result_of(manager.add_room_to_public_room_list("!r:test"))
    peer.answers["remove_room_from_public_room_list"] = SynapseError(404, "no room")
    with pytest.raises(StoreError):
        result_of(manager.remove_room_from_public_room_list("!r:test"))


def test_account_data(api, peer):
    manager = api.account_data_manager
    peer.answers["get_account_data"] = {"wombat": True, "list": [1, {"a": 2}]}
    data = result_of(manager.get_global("@a:test", "x"))
    assert (data["wombat"], data["list"][1]["a"]) == (True, 2)
    with pytest.raises(TypeError):
        data["wombat"] = False
    with pytest.raises(TypeError):
        data["list"][1]["a"] = 3
    assert isinstance(data["list"], tuple)
    result_of(manager.put_global("@a:test", "x", data))
    assert peer.calls[-1][1] == {"user_id": "@a:test", "type": "x", "content": {"wombat": True, "list": [1, {"a": 2}]}}
    peer.answers["get_account_data"] = None
    assert result_of(manager.get_global("@a:test", "y")) is None


def test_account_data_of_the_wrong_kind(api, peer):
    manager = api.account_data_manager
    for call in (manager.get_global("@a:other", "x"), manager.put_global("@a:other", "x", {})):
        with pytest.raises(ValueError):
            result_of(call)
    for call in (manager.get_global("nonsense", "x"), manager.put_global("nonsense", "x", {})):
        with pytest.raises(SynapseError):
            result_of(call)
    with pytest.raises(TypeError):
        result_of(manager.put_global("@a:test", 42, {}))
    with pytest.raises(TypeError):
        result_of(manager.put_global("@a:test", "x", 42))
    assert peer.calls == []
    peer.answers["put_account_data"] = SynapseError(404, "no user")
    with pytest.raises(ValueError):
        result_of(manager.put_global("@a:test", "x", {}))
