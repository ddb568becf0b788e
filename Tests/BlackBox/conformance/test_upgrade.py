"""Moving a room to another version."""

from __future__ import annotations

import secrets

import pytest
from blackbox.client import User

VERSIONS = pytest.mark.parametrize(
    ("before", "after"), [("1", "6"), ("6", "10"), ("10", "11"), ("11", "12"), ("12", "12")]
)


def upgrade(user: User, room: str, version: str, **body: object) -> str:
    return user.post("rooms", room, "upgrade", body={"new_version": version, **body}).ok()["replacement_room"]


def state(user: User, room: str) -> dict[tuple[str, str], dict]:
    return {(e["type"], e["state_key"]): e["content"] for e in user.get("rooms", room, "state").ok()}


@VERSIONS
def test_a_room_is_replaced_by_one_like_it(alice: User, bob: User, charlie: User, before: str, after: str) -> None:
    name = f"upgraded-{secrets.token_hex(4)}"
    main, second = f"#{name}:{alice.server_name}", f"#{name}-2:{alice.server_name}"
    room = alice.create_room(
        room_version=before, preset="public_chat", name="Name", topic="Topic", room_alias_name=name,
        creation_content={"type": "org.example.kind"},
        initial_state=[
            {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
            {"type": "m.room.avatar", "content": {"url": "mxc://a/b"}},
            {"type": "m.room.server_acl", "content": {"allow": ["*"], "deny": ["evil.example"]}},
            {"type": "m.room.history_visibility", "content": {"history_visibility": "joined"}},
            {"type": "m.room.pinned_events", "content": {"pinned": ["$x"]}},
            {"type": "org.example.any", "content": {"a": 1}},
        ],
    )
    alice.put("directory", "room", second, body={"room_id": room}).ok()
    canonical = {"alias": main, "alt_aliases": [second]}
    alice.set_state(room, "m.room.canonical_alias", canonical)
    alice.put("directory", "list", "room", room, body={"visibility": "public"}).ok()
    bob.join(room)
    alice.post("rooms", room, "ban", body={"user_id": charlie.id, "reason": "spam"}).ok()
    levels = alice.state(room, "m.room.power_levels")
    levels.setdefault("users", {})[bob.id] = 50
    levels.update(users_default=7, invite=70)
    alice.set_state(room, "m.room.power_levels", levels)
    old = state(alice, room)

    replacement = upgrade(alice, room, after)
    now, new = state(alice, room), state(alice, replacement)
    assert now["m.room.tombstone", ""] == {"body": "This room has been replaced", "replacement_room": replacement}
    created = new["m.room.create", ""]
    assert (created["room_version"], created["type"]) == (after, "org.example.kind")
    assert created["predecessor"]["room_id"] == room
    tombstone = [e for e in alice.get("rooms", room, "state").ok() if e["type"] == "m.room.tombstone"][0]
    assert created["predecessor"].get("event_id", tombstone["event_id"]) == tombstone["event_id"]
    assert ("event_id" in created["predecessor"]) == (after != "12")
    for type in ("name", "topic", "avatar", "encryption", "server_acl", "history_visibility", "join_rules"):
        assert new[f"m.room.{type}", ""] == old[f"m.room.{type}", ""], type
    for key in (("m.room.pinned_events", ""), ("org.example.any", "")):
        assert key not in new
    # Members join by themselves; who was banned stays banned.
    assert {key: content["membership"] for (type, key), content in new.items() if type == "m.room.member"} == {
        alice.id: "join", charlie.id: "ban"
    }
    bob.join(replacement)
    charlie.post("join", replacement).refused(403, "M_BAD_STATE", "M_FORBIDDEN")
    # In the old room only those may talk who run it.
    assert now["m.room.power_levels", ""] == {**levels, "events_default": 50}
    bob.send(room)
    given = new["m.room.power_levels", ""]
    assert given["users"][bob.id] == 50
    assert (given["users_default"], given["invite"], given["events_default"]) == (7, 70, 0)
    assert (alice.id in given["users"]) == (after != "12")
    # Aliases and the directory go with it.
    for alias in (main, second):
        assert alice.get("directory", "room", alias).ok()["room_id"] == replacement
    assert now["m.room.canonical_alias", ""] == {} and new["m.room.canonical_alias", ""] == canonical
    assert alice.get("directory", "list", "room", room).ok() == {"visibility": "private"}
    assert alice.get("directory", "list", "room", replacement).ok() == {"visibility": "public"}


def test_children_of_spaces_are_taken_over(alice: User) -> None:
    room = alice.create_room(room_version="10", creation_content={"type": "m.space"})
    alice.set_state(room, "m.space.child", {"via": ["y"]}, "!x:y")
    alice.set_state(room, "m.space.child", {}, "!z:y")
    new = state(alice, upgrade(alice, room, "11"))
    assert new["m.room.create", ""]["type"] == "m.space"
    assert [key for key in new if key[0] == "m.space.child"] == [("m.space.child", "!x:y")]


def test_a_moderator_may_upgrade_where_the_room_lets_them(alice: User, bob: User) -> None:
    room = alice.create_room(room_version="10", preset="public_chat")
    bob.join(room)
    bob.post("rooms", room, "upgrade", body={"new_version": "11"}).refused(403, "M_FORBIDDEN")
    levels = alice.state(room, "m.room.power_levels")
    levels["users"][bob.id] = 50
    levels["events"]["m.room.tombstone"] = 50
    alice.set_state(room, "m.room.power_levels", levels)
    replacement = upgrade(bob, room, "11")
    # What it took to make the room is given back.
    assert bob.state(replacement, "m.room.power_levels")["users"] == {alice.id: 100, bob.id: 50}
    # Bob has not the power to close the old room to others.
    assert bob.state(room, "m.room.power_levels") == levels


def test_further_creators_are_named(alice: User, bob: User) -> None:
    room = alice.create_room(room_version="11")
    for bad, error in (
        (["x"], "entry in additional_creators is not a valid user ID"), (3, "additional_creators must be an array"),
    ):
        answer = alice.post("rooms", room, "upgrade", body={"new_version": "12", "additional_creators": bad})
        assert answer.refused(400, "M_FORBIDDEN")["error"] == error
    replacement = upgrade(alice, room, "12", additional_creators=[bob.id])
    assert alice.state(replacement, "m.room.create")["additional_creators"] == [bob.id]
    assert alice.state(replacement, "m.room.power_levels")["users"] == {}


def test_a_repeated_request_makes_no_second_room(alice: User) -> None:
    room = alice.create_room(room_version="10")
    assert upgrade(alice, room, "11") == upgrade(alice, room, "11")


def test_upgrades_that_cannot_be(alice: User, bob: User) -> None:
    room = alice.create_room(room_version="10")
    answer = alice.post("rooms", room, "upgrade", body={})
    assert answer.refused(400, "M_MISSING_PARAM")["error"] == "Missing params: ['new_version']"
    for version in ("nope", 3):
        alice.post("rooms", room, "upgrade", body={"new_version": version}).refused(400, "M_UNSUPPORTED_ROOM_VERSION")
    alice.post("rooms", "!none:localhost", "upgrade", body={"new_version": "11"}).refused(404, "M_NOT_FOUND")
    bob.post("rooms", room, "upgrade", body={"new_version": "11"}).refused(403, "M_FORBIDDEN")
    assert ("m.room.tombstone", "") not in state(alice, room)
