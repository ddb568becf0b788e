"""What users may not say in events, and how they are told so."""

from __future__ import annotations

from typing import Any

import pytest
from blackbox.client import User

ACL = "Can't create an ACL event that denies the local server"


def refused(alice: User, type: str, content: dict, status: int, code: str, error: str, state: bool) -> None:
    room = alice.create_room()
    before = [event["event_id"] for event in alice.all_messages(room)]
    if state:
        answer = alice.try_set_state(room, type, content)
    else:
        answer = alice.put("rooms", room, "send", type, alice.transaction(), body=content)
    assert answer.refused(status, code)["error"] == error
    assert [event["event_id"] for event in alice.all_messages(room)] == before


@pytest.mark.parametrize(
    ("type", "content", "error"),
    [
        ("m.room.message", {}, "'body' not in content"),
        ("m.room.message", {"body": 1, "msgtype": "m.text"}, "'body' not a string type"),
        ("m.room.message", {"body": None, "msgtype": "m.text"}, "'body' not a string type"),
        ("m.room.message", {"body": "x"}, "'msgtype' not in content"),
        ("m.room.message", {"body": "x", "msgtype": 1}, "'msgtype' not a string type"),
        ("m.room.tombstone", {}, "Content has no replacement_room key"),
        ("m.room.retention", {"max_lifetime": 5}, "must be a state event"),
    ],
)
def test_messages_say_what_their_type_promises(alice: User, type: str, content: dict, error: str) -> None:
    refused(alice, type, content, 400, "M_UNKNOWN", error, state=False)


@pytest.mark.parametrize(
    ("type", "content", "code", "error"),
    [
        ("m.room.name", {}, "M_UNKNOWN", "'name' not in content"),
        ("m.room.name", {"name": None}, "M_UNKNOWN", "'name' not a string type"),
        ("m.room.topic", {}, "M_UNKNOWN", "'topic' not in content"),
        ("m.room.topic", {"topic": 2}, "M_UNKNOWN", "'topic' not a string type"),
        ("m.room.tombstone", {}, "M_UNKNOWN", "Content has no replacement_room key"),
        ("m.room.retention", {"max_lifetime": "x"}, "M_BAD_JSON", "'max_lifetime' must be an integer"),
        ("m.room.server_acl", {}, "M_UNKNOWN", ACL),
        ("m.room.server_acl", {"allow": "*"}, "M_UNKNOWN", ACL),
        ("m.room.server_acl", {"allow": ["example.com"]}, "M_UNKNOWN", ACL),
        ("m.room.server_acl", {"allow": ["*"], "deny": ["local*"]}, "M_UNKNOWN", ACL),
        ("m.room.server_acl", {"allow": ["*"], "deny": [3, "LOCALHOS?"]}, "M_UNKNOWN", ACL),
        ("m.room.power_levels", {"users": {"bad": 1}}, "M_UNKNOWN", "Not a valid user_id: bad"),
        ("m.room.power_levels", {"users": 3}, "M_BAD_JSON", "\"users\": 3 is not of type 'object'"),
        ("m.room.power_levels", {"users": {"@x:y": "5"}}, "M_BAD_JSON", "\"@x:y\": '5' is not of type 'integer'"),
        ("m.room.power_levels", {"ban": "50"}, "M_BAD_JSON", "\"ban\": '50' is not of type 'integer'"),
        ("m.room.power_levels", {"ban": True}, "M_BAD_JSON", "\"ban\": True is not of type 'integer'"),
        ("m.room.power_levels", {"ban": None}, "M_BAD_JSON", "\"ban\": None is not of type 'integer'"),
        ("m.room.power_levels", {"ban": []}, "M_BAD_JSON", "\"ban\": [] is not of type 'integer'"),
        ("m.room.power_levels", {"events": {"a": "x"}}, "M_BAD_JSON", "\"a\": 'x' is not of type 'integer'"),
        ("m.room.power_levels", {"notifications": 3}, "M_BAD_JSON", "\"notifications\": 3 is not of type 'object'"),
        ("m.room.canonical_alias", {"alias": 1}, "M_INVALID_PARAM", "The alias must be of type string."),
        ("m.room.canonical_alias", {"alias": "x"}, "M_INVALID_PARAM", "Expected RoomAlias string to start with '#'"),
        ("m.room.canonical_alias", {"alt_aliases": [3]}, "M_INVALID_PARAM", "Each alt_alias must be of type string."),
    ],
)
def test_state_says_what_its_type_promises(alice: User, type: str, content: dict, code: str, error: str) -> None:
    refused(alice, type, content, 400, code, error, state=True)


@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize(
    ("content", "status", "code", "error"),
    [
        ({"a": 1.5}, 400, "M_BAD_JSON", "Bad JSON value: float"),
        ({"a": [{"b": 1.5}]}, 400, "M_BAD_JSON", "Bad JSON value: float"),
        ({"a": 2**53}, 400, "M_BAD_JSON", "JSON integer out of range"),
        ({"a": -(2**53)}, 400, "M_BAD_JSON", "JSON integer out of range"),
        ({"a": "x" * 70_000}, 413, "M_TOO_LARGE", "event too large"),
        ({"m.mentions": 3}, 400, "M_BAD_JSON", "3 is not of type 'object'"),
        ({"m.mentions": {"room": "x"}}, 400, "M_BAD_JSON", "\"room\": 'x' is not of type 'boolean'"),
    ],
)
def test_no_event_holds_what_has_no_place_in_events(
    alice: User, content: dict, status: int, code: str, error: str, state: bool
) -> None:
    refused(alice, "org.example.any", content, status, code, error, state)


@pytest.mark.parametrize(
    ("type", "content"),
    [
        ("m.room.message", {"body": "", "msgtype": "", "format": 3}),
        ("m.room.message", {"body": "x", "msgtype": "m.text", "m.mentions": {"user_ids": ["@a:b"], "room": True}}),
        ("m.room.encrypted", {}),
        ("m.reaction", {}),
        ("org.example.any", {"a": 2**53 - 1}),
    ],
)
def test_what_is_merely_odd_is_sent(alice: User, type: str, content: dict) -> None:
    room = alice.create_room()
    event = alice.put("rooms", room, "send", type, alice.transaction(), body=content).ok()["event_id"]
    assert alice.get("rooms", room, "event", event).ok()["content"] == content


def test_access_lists_that_let_this_server_be_are_set(alice: User) -> None:
    room = alice.create_room()
    for content in (
        {"allow": ["LOCALHOST"]}, {"allow": ["*", 3], "deny": "localhost"}, {"allow": ["*"], "deny": ["evil.*"]},
    ):
        alice.set_state(room, "m.room.server_acl", content)
        assert alice.state(room, "m.room.server_acl") == content


@pytest.mark.parametrize(
    ("body", "status", "code", "error"),
    [
        ({"power_level_content_override": {"ban": "x"}}, 400, "M_BAD_JSON", "\"ban\": 'x' is not of type 'integer'"),
        ({"initial_state": [{"type": "m.room.name", "content": {}}]}, 400, "M_UNKNOWN", "'name' not in content"),
        ({"initial_state": [{"type": "m.room.server_acl", "content": {}}]}, 400, "M_UNKNOWN", ACL),
        ({"initial_state": [{"type": "x", "content": {"a": 1.5}}]}, 400, "M_BAD_JSON", "Bad JSON value: float"),
        ({"topic": "x" * 70_000}, 413, "M_TOO_LARGE", "event too large"),
    ],
)
def test_rooms_begin_with_valid_events(alice: User, body: dict, status: int, code: str, error: str) -> None:
    assert alice.post("createRoom", body=body).refused(status, code)["error"] == error


def member(user: str, membership: str) -> dict[str, Any]:
    return {"type": "m.room.member", "state_key": user, "content": {"membership": membership}}


def test_nobody_is_made_to_join_by_a_rooms_initial_state(alice: User, bob: User) -> None:
    answer = alice.post("createRoom", body={"initial_state": [member(bob.id, "join")]})
    assert answer.refused(403, "M_FORBIDDEN")["error"] == "Cannot force another user to join."
    room = alice.create_room(initial_state=[member(alice.id, "join"), member(bob.id, "invite")])
    assert alice.state(room, "m.room.member", bob.id)["membership"] == "invite"
    assert alice.state(room, "m.room.member", alice.id)["membership"] == "join"


@pytest.mark.parametrize(
    ("content", "code", "error"),
    [
        ({}, "M_UNKNOWN", "Invalid membership (must be a string)"),
        ({"membership": "x"}, "M_UNKNOWN", "Invalid membership key"),
        ({"membership": "join", "displayname": "x" * 257}, "M_BAD_JSON", "Displayname is too long (max 256)"),
    ],
)
def test_member_events_are_well_formed(alice: User, content: dict, code: str, error: str) -> None:
    room = alice.create_room()
    assert alice.try_set_state(room, "m.room.member", content, alice.id).refused(400, code)["error"] == error


def test_events_that_a_reader_may_not_see_are_not_found_by_their_time(alice: User, bob: User) -> None:
    path = "/_matrix/client/v1/rooms"
    room = alice.create_room(preset="public_chat")
    alice.set_state(room, "m.room.history_visibility", {"history_visibility": "joined"})
    hidden = alice.send(room, "not for Bob")
    bob.join(room)
    seen = alice.send(room, "for Bob")
    time = alice.get("rooms", room, "event", hidden).ok()["origin_server_ts"]
    found = alice.get(path, room, "timestamp_to_event", ts=time, dir="f").ok()["event_id"]
    assert found == hidden
    found = bob.get(path, room, "timestamp_to_event", ts=time, dir="f").ok()
    bob.get("rooms", room, "event", found["event_id"]).ok()
    last = alice.get("rooms", room, "event", seen).ok()["origin_server_ts"]
    assert bob.get(path, room, "timestamp_to_event", ts=last + 1000, dir="b").ok()["event_id"] == seen
