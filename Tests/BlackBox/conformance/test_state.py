"""State of rooms, members, power levels."""

from __future__ import annotations

import pytest
from blackbox.client import User


class TestState:
    def test_state_is_set_and_read(self, alice: User, bob: User, room: str) -> None:
        event = alice.set_state(room, "m.room.name", {"name": "New"})
        assert bob.state(room, "m.room.name") == {"name": "New"}
        whole = bob.get("rooms", room, "state", "m.room.name", "", format="event").ok()
        assert whole["event_id"] == event and whole["sender"] == alice.id and whole["content"] == {"name": "New"}

    def test_an_empty_state_key_may_be_left_out(self, alice: User, room: str) -> None:
        alice.put("rooms", room, "state", "m.room.topic", body={"topic": "short"}).ok()
        assert alice.get("rooms", room, "state", "m.room.topic").ok()["topic"] == "short"
        assert alice.get("rooms", room, "state", "m.room.topic", "").ok()["topic"] == "short"

    def test_missing_state_is_not_found(self, alice: User, room: str) -> None:
        alice.get("rooms", room, "state", "org.example.none", "").refused(404, "M_NOT_FOUND")
        alice.get("rooms", room, "state", "m.room.member", "@nobody:localhost").refused(404, "M_NOT_FOUND")

    def test_the_whole_state_has_each_key_once(self, alice: User, bob: User, room: str) -> None:
        alice.set_state(room, "org.example.thing", {"n": 1}, key="a")
        alice.set_state(room, "org.example.thing", {"n": 2}, key="a")
        alice.set_state(room, "org.example.thing", {"n": 3}, key="b")
        events = bob.get("rooms", room, "state").ok()
        keys = [(e["type"], e["state_key"]) for e in events]
        assert len(keys) == len(set(keys))
        assert {e["state_key"]: e["content"]["n"] for e in events if e["type"] == "org.example.thing"} == {"a": 2, "b": 3}
        for event in events:
            assert {"event_id", "sender", "origin_server_ts", "room_id", "content"} <= set(event)

    def test_keys_that_look_alike_are_different(self, alice: User, room: str) -> None:
        composed, decomposed = "caf\u00e9", "cafe\u0301"
        alice.set_state(room, "org.example.unicode", {"which": "composed"}, key=composed)
        alice.set_state(room, "org.example.unicode", {"which": "decomposed"}, key=decomposed)
        assert alice.state(room, "org.example.unicode", composed) == {"which": "composed"}
        assert alice.state(room, "org.example.unicode", decomposed) == {"which": "decomposed"}

    def test_setting_the_same_state_again_makes_no_event(self, alice: User, room: str) -> None:
        first = alice.set_state(room, "m.room.name", {"name": "Same"})
        assert alice.set_state(room, "m.room.name", {"name": "Same"}) == first

    def test_somebody_outside_cannot_read_or_write_it(self, alice: User, charlie: User) -> None:
        room = alice.create_room(preset="private_chat")
        charlie.get("rooms", room, "state").refused(403, "M_FORBIDDEN")
        charlie.get("rooms", room, "state", "m.room.create", "").refused((403, 404), "M_FORBIDDEN", "M_NOT_FOUND")
        charlie.try_set_state(room, "m.room.name", {"name": "x"}).refused(403, "M_FORBIDDEN")

    def test_somebody_who_left_sees_the_state_as_it_was(self, alice: User, bob: User, room: str) -> None:
        alice.set_state(room, "m.room.name", {"name": "Before"})
        bob.leave(room)
        alice.set_state(room, "m.room.name", {"name": "After"})
        assert bob.state(room, "m.room.name") == {"name": "Before"}
        names = [e["content"] for e in bob.get("rooms", room, "state").ok() if e["type"] == "m.room.name"]
        assert names == [{"name": "Before"}]

    def test_a_world_readable_room_is_read_from_outside(self, alice: User, charlie: User) -> None:
        rule = {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": "world_readable"}}
        room = alice.create_room(preset="public_chat", name="Open", initial_state=[rule])
        assert charlie.state(room, "m.room.name") == {"name": "Open"}
        assert charlie.get("rooms", room, "messages", dir="b").ok()["chunk"]

    def test_an_unfit_canonical_alias_is_refused(self, alice: User, room: str) -> None:
        answer = alice.try_set_state(room, "m.room.canonical_alias", {"alias": "#nothing-there:localhost"})
        answer.refused(400, "M_BAD_ALIAS")
        alice.try_set_state(room, "m.room.canonical_alias", {"alias": "nonsense"}).refused(400, "M_INVALID_PARAM")

    def test_a_second_create_event_is_refused(self, alice: User, room: str) -> None:
        answer = alice.try_set_state(room, "m.room.create", {"room_version": "10"})
        answer.refused((400, 403), "M_FORBIDDEN", "M_BAD_JSON", "M_INVALID_PARAM", "M_UNKNOWN")


class TestPower:
    def test_state_needs_power(self, alice: User, bob: User, room: str) -> None:
        bob.try_set_state(room, "m.room.name", {"name": "mine"}).refused(403, "M_FORBIDDEN")
        bob.try_set_state(room, "org.example.thing", {}).refused(403, "M_FORBIDDEN")

    def test_power_can_be_given_and_works_at_once(self, alice: User, bob: User, room: str) -> None:
        levels = alice.state(room, "m.room.power_levels")
        levels.setdefault("users", {})[bob.id] = 50
        alice.set_state(room, "m.room.power_levels", levels)
        bob.set_state(room, "m.room.name", {"name": "mine"})

    def test_nobody_gives_more_power_than_they_have(self, alice: User, bob: User, charlie: User, room: str) -> None:
        levels = alice.state(room, "m.room.power_levels")
        levels.setdefault("users", {})[bob.id] = 75
        levels.setdefault("events", {})["m.room.power_levels"] = 75
        alice.set_state(room, "m.room.power_levels", levels)
        charlie.join(room)
        levels["users"][charlie.id] = 100
        bob.try_set_state(room, "m.room.power_levels", levels).refused(403, "M_FORBIDDEN")
        levels["users"][charlie.id] = 75
        bob.set_state(room, "m.room.power_levels", levels)

    def test_messages_can_need_power(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="public_chat", power_level_content_override={"events_default": 50})
        bob.join(room)
        bob.try_send(room).refused(403, "M_FORBIDDEN")
        alice.send(room)

    def test_a_state_key_that_is_a_user_belongs_to_that_user(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="public_chat", power_level_content_override={"state_default": 0})
        bob.join(room)
        bob.set_state(room, "org.example.own", {"a": 1}, key=bob.id)
        bob.try_set_state(room, "org.example.own", {"a": 1}, key=alice.id).refused(403, "M_FORBIDDEN")

    def test_a_level_that_is_no_integer_is_refused(self, alice: User) -> None:
        room = alice.create_room(room_version="10")
        levels = alice.state(room, "m.room.power_levels")
        levels["events_default"] = "50"
        alice.try_set_state(room, "m.room.power_levels", levels).refused((400, 403), "M_BAD_JSON", "M_FORBIDDEN", "M_UNKNOWN")


class TestMembers:
    def test_members_are_listed_and_filtered(self, alice: User, bob: User, charlie: User, room: str) -> None:
        charlie.join(room)
        charlie.leave(room)

        def listed(**query: str) -> set[str]:
            return {e["state_key"] for e in alice.get("rooms", room, "members", **query).ok()["chunk"]}

        assert listed() == {alice.id, bob.id, charlie.id}
        assert listed(membership="join") == {alice.id, bob.id}
        assert listed(not_membership="join") == {charlie.id}
        assert listed(membership="leave") == {charlie.id}

    def test_members_as_of_a_moment(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="public_chat")
        before = alice.sync()["next_batch"]
        bob.join(room)
        chunk = alice.get("rooms", room, "members", at=before).ok()["chunk"]
        assert {e["state_key"] for e in chunk} == {alice.id}

    def test_joined_members_are_those_who_are_in(self, alice: User, bob: User, charlie: User, room: str) -> None:
        charlie.join(room)
        charlie.leave(room)
        assert set(alice.get("rooms", room, "joined_members").ok()["joined"]) == {alice.id, bob.id}
        charlie.get("rooms", room, "joined_members").refused(403, "M_FORBIDDEN")

    def test_members_are_for_members(self, alice: User, charlie: User) -> None:
        charlie.get("rooms", alice.create_room(), "members").refused(403, "M_FORBIDDEN")

    @pytest.mark.parametrize("target", ["join", "leave"])
    def test_a_membership_can_be_written_as_state(self, alice: User, bob: User, target: str) -> None:
        room = alice.create_room(preset="public_chat")
        bob.join(room)
        bob.set_state(room, "m.room.member", {"membership": target}, key=bob.id)
        assert alice.state(room, "m.room.member", bob.id)["membership"] == target
