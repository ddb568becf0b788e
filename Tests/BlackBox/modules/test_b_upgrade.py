"""Room upgrades: what becomes of the room, and what modules are asked of it."""

from __future__ import annotations

import pytest
from blackbox.client import User
from blackbox.modules import Puppet, shared_puppet

pytestmark = pytest.mark.own_server
puppet_server = shared_puppet({
    "spam_checker": ["user_may_create_room"], "third_party_rules": ["check_event_allowed", "on_create_room"],
})
VERSIONS = pytest.mark.parametrize(("before", "after"), [("10", "11"), ("11", "12"), ("12", "12")])


def furnished(alice: User, version: str) -> str:
    return alice.create_room(
        room_version=version, preset="public_chat", name="Name", topic="Topic",
        initial_state=[{"type": "org.example.any", "state_key": "", "content": {"stays": "behind"}}],
    )


def upgrade(user: User, room: str, version: str) -> str:
    return user.post("rooms", room, "upgrade", body={"new_version": version}).ok()["replacement_room"]


@VERSIONS
def test_b13_user_may_create_room_is_asked_with_what_the_room_will_hold(
    puppet: Puppet, alice: User, admin: User, before: str, after: str
) -> None:
    for user in (alice, admin):
        room = furnished(user, before)
        puppet.forget()
        upgrade(user, room, after)
        [[asked, config]] = puppet.calls("user_may_create_room")
        assert asked == user.id
        assert sorted(config) == ["creation_content", "initial_state"]
        assert config["creation_content"]["room_version"] == after
        assert config["creation_content"]["predecessor"]["room_id"] == room
        [topic] = [entry for entry in config["initial_state"] if entry["type"] == "m.room.topic"]
        assert (topic["state_key"], topic["content"]["topic"]) == ("", "Topic")
        assert puppet.calls("on_create_room") == []


@VERSIONS
def test_check_event_allowed_is_asked_of_every_event(puppet: Puppet, alice: User, before: str, after: str) -> None:
    room = furnished(alice, before)
    puppet.forget()
    upgrade(alice, room, after)
    types = [call[0]["type"] for call in puppet.calls("check_event_allowed")]
    first = {"m.room.create", "m.room.tombstone"}
    assert set(types[:2]) == first
    assert types[2:4] == ["m.room.member", "m.room.power_levels"]
    assert {"m.room.name", "m.room.topic", "m.room.join_rules", "m.room.history_visibility"} <= set(types)
    assert types.count("m.room.tombstone") == 1


def test_b13_a_denial_leaves_the_room_as_it_was(puppet: Puppet, alice: User, room: str) -> None:
    before = {event["event_id"] for event in alice.get("rooms", room, "state").ok()}
    puppet.answers("user_may_create_room", "return Codes.UNAUTHORIZED")
    answer = alice.post("rooms", room, "upgrade", body={"new_version": "11"})
    assert answer.refused(403, "M_UNAUTHORIZED")["error"] == "You are not permitted to create rooms"
    puppet.forget()
    for type in ("m.room.tombstone", "m.room.join_rules"):
        puppet.answers("check_event_allowed", f'return (args[0].type != "{type}", None)')
        answer = alice.post("rooms", room, "upgrade", body={"new_version": "11"})
        assert answer.refused(403, "M_FORBIDDEN")["error"] == "This event is not allowed in this context"
    assert {event["event_id"] for event in alice.get("rooms", room, "state").ok()} == before
