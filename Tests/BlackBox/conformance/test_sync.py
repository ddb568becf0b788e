"""sync: initial, incremental, gaps, lazy loading, rooms left and invited to, state_after, filters, long polls."""

from __future__ import annotations

import threading
import time

import pytest
from blackbox.client import User
from blackbox.server import Homeserver


def joined(answer: dict, room: str) -> dict:
    return answer.get("rooms", {}).get("join", {}).get(room, {})


def timeline(answer: dict, room: str) -> list[dict]:
    return joined(answer, room).get("timeline", {}).get("events", [])


def state_keys(section: dict, name: str = "state") -> set[tuple[str, str]]:
    return {(e["type"], e["state_key"]) for e in section.get(name, {}).get("events", [])}


class TestInitial:
    def test_it_shows_joined_rooms_with_state_before_the_timeline(self, alice: User, bob: User, room: str) -> None:
        answer = bob.sync()
        section = joined(answer, room)
        assert answer["next_batch"] and section["timeline"]["prev_batch"]
        together = state_keys(section) | {(e["type"], e["state_key"]) for e in timeline(answer, room) if "state_key" in e}
        assert {("m.room.create", ""), ("m.room.power_levels", ""), ("m.room.member", alice.id), ("m.room.member", bob.id)} <= together
        # State is as before the timeline: no event is in both.
        ids = [e["event_id"] for e in section.get("state", {}).get("events", []) + timeline(answer, room)]
        assert len(ids) == len(set(ids))

    def test_events_carry_no_room_id(self, alice: User, room: str) -> None:
        for event in timeline(alice.sync(), room):
            # Synapse leaves it in the create event of a version 12 room.
            assert "room_id" not in event or event["type"] == "m.room.create"
            assert {"event_id", "sender", "type", "content", "origin_server_ts"} <= set(event)

    def test_a_summary_names_who_is_there(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="private_chat", invite=[bob.id])
        summary = joined(alice.sync(filter={"room": {"state": {"lazy_load_members": True}}}), room)["summary"]
        assert summary["m.joined_member_count"] == 1 and summary["m.invited_member_count"] == 1
        assert summary["m.heroes"] == [bob.id]

    def test_rooms_left_before_are_not_shown(self, alice: User, bob: User, room: str) -> None:
        bob.leave(room)
        assert room not in bob.sync().get("rooms", {}).get("leave", {})
        asked = bob.sync(filter={"room": {"include_leave": True}})
        assert room in asked["rooms"]["leave"]

    def test_full_state_shows_all_state_again(self, alice: User, room: str) -> None:
        since = alice.sync()["next_batch"]
        section = joined(alice.sync(since, full_state=True), room)
        assert {("m.room.create", ""), ("m.room.member", alice.id)} <= state_keys(section)


class TestIncremental:
    def test_only_what_is_new_is_shown(self, alice: User, bob: User, room: str) -> None:
        since = bob.sync()["next_batch"]
        event = alice.send(room, "new")
        answer = bob.sync_until(lambda s: timeline(s, room), since)
        assert [e["event_id"] for e in timeline(answer, room)] == [event]
        assert joined(answer, room)["timeline"].get("limited", False) is False
        assert state_keys(joined(answer, room)) == set()
        assert room not in bob.sync(answer["next_batch"]).get("rooms", {}).get("join", {})

    def test_a_token_may_be_used_again(self, alice: User, bob: User, room: str) -> None:
        since = bob.sync()["next_batch"]
        event = alice.send(room, "one")
        for _ in range(2):
            answer = bob.sync_until(lambda s: timeline(s, room), since)
            assert [e["event_id"] for e in timeline(answer, room)] == [event]

    def test_a_newly_joined_room_comes_with_its_state(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="public_chat", name="Earlier")
        since = bob.sync()["next_batch"]
        bob.join(room)
        answer = bob.sync_until(lambda s: joined(s, room), since)
        section = joined(answer, room)
        together = state_keys(section) | {(e["type"], e["state_key"]) for e in timeline(answer, room) if "state_key" in e}
        assert {("m.room.create", ""), ("m.room.name", ""), ("m.room.member", alice.id), ("m.room.member", bob.id)} <= together

    def test_a_gap_is_limited_and_brings_the_state_it_skips(self, alice: User, bob: User, room: str) -> None:
        since = bob.sync()["next_batch"]
        alice.set_state(room, "m.room.name", {"name": "In the gap"})
        ids = [alice.send(room, f"{n}") for n in range(15)]
        answer = bob.sync(since, filter={"room": {"timeline": {"limit": 10}}})
        section = joined(answer, room)
        assert section["timeline"]["limited"] is True
        assert [e["event_id"] for e in timeline(answer, room)] == ids[-10:]
        assert state_keys(section) == {("m.room.name", "")}
        missed = bob.messages(room, "b", from_=section["timeline"]["prev_batch"], to=since, limit=50)
        assert [e["event_id"] for e in missed["chunk"]][:5] == ids[4::-1]

    def test_state_in_the_timeline_is_not_repeated(self, alice: User, bob: User, room: str) -> None:
        since = bob.sync()["next_batch"]
        alice.set_state(room, "m.room.topic", {"topic": "shown once"})
        section = joined(bob.sync_until(lambda s: timeline(s, room), since), room)
        assert state_keys(section) == set()
        assert [e["type"] for e in section["timeline"]["events"]] == ["m.room.topic"]

    def test_a_malformed_token_is_refused(self, alice: User) -> None:
        alice.get("sync", since="nonsense").refused(400, "M_INVALID_PARAM", "M_UNKNOWN", "M_UNKNOWN_POS")


@pytest.mark.synapse_differs("Synapse knows it by its unstable name only")
class TestStateAfter:
    def test_it_replaces_state_and_holds_the_state_after_the_timeline(self, alice: User, bob: User, room: str) -> None:
        since = bob.sync()["next_batch"]
        alice.set_state(room, "m.room.topic", {"topic": "after"})
        alice.send(room, "later")
        section = joined(bob.sync_until(lambda s: timeline(s, room), since, use_state_after=True), room)
        assert "state" not in section
        assert state_keys(section, "state_after") == {("m.room.topic", "")}

    def test_initially_it_holds_the_whole_state(self, alice: User, room: str) -> None:
        section = joined(alice.sync(use_state_after=True), room)
        assert {("m.room.create", ""), ("m.room.member", alice.id)} <= state_keys(section, "state_after")


class TestMemberships:
    def test_leaving_shows_the_room_once_under_leave(self, alice: User, bob: User, room: str) -> None:
        since = bob.sync()["next_batch"]
        alice.post("rooms", room, "kick", body={"user_id": bob.id}).ok()
        alice.send(room, "not for bob")
        answer = bob.sync_until(lambda s: room in s.get("rooms", {}).get("leave", {}), since)
        events = answer["rooms"]["leave"][room]["timeline"]["events"]
        assert events[-1]["content"]["membership"] == "leave" and events[-1]["state_key"] == bob.id
        assert "not for bob" not in [e["content"].get("body") for e in events]
        assert room not in bob.sync(answer["next_batch"]).get("rooms", {}).get("leave", {})

    def test_an_invitation_shows_until_it_is_answered(self, alice: User, bob: User) -> None:
        since = bob.sync()["next_batch"]
        room = alice.create_room(invite=[bob.id])
        answer = bob.sync_until(lambda s: room in s.get("rooms", {}).get("invite", {}), since)
        assert room not in bob.sync(answer["next_batch"]).get("rooms", {}).get("invite", {})
        assert room in bob.sync()["rooms"]["invite"]
        bob.join(room)
        after = bob.sync()
        assert room not in after["rooms"].get("invite", {}) and room in after["rooms"]["join"]

    def test_rejoining_shows_what_happened_meanwhile(self, alice: User, bob: User, room: str) -> None:
        bob.leave(room)
        since = bob.sync()["next_batch"]
        alice.set_state(room, "m.room.name", {"name": "Meanwhile"})
        bob.join(room)
        answer = bob.sync_until(lambda s: joined(s, room), since)
        section = joined(answer, room)
        assert ("m.room.name", "") in state_keys(section) | {
            (e["type"], e["state_key"]) for e in timeline(answer, room) if "state_key" in e
        }


class TestLazyLoading:
    FILTER = {"room": {"state": {"lazy_load_members": True}, "timeline": {"limit": 2}}}

    @pytest.fixture
    def room(self, alice: User, bob: User) -> str:
        """It has a name; the members a nameless room is called after would be shown too."""
        room = alice.create_room(preset="public_chat", name="Named")
        bob.join(room)
        return room

    def test_only_the_members_who_speak_are_shown(self, alice: User, bob: User, charlie: User, room: str) -> None:
        charlie.join(room)
        for number in range(3):
            bob.send(room, f"{number}")
        section = joined(alice.sync(filter=self.FILTER), room)
        members = {key for type_, key in state_keys(section) if type_ == "m.room.member"}
        # A client's own membership comes along.
        assert members == {alice.id, bob.id}
        assert ("m.room.create", "") in state_keys(section)

    def test_members_shown_before_are_not_repeated_unless_asked(self, alice: User, bob: User, room: str) -> None:
        for number in range(3):
            bob.send(room, f"{number}")
        since = alice.sync(filter=self.FILTER)["next_batch"]
        bob.send(room, "again")
        section = joined(alice.sync_until(lambda s: timeline(s, room), since, filter=self.FILTER), room)
        assert ("m.room.member", bob.id) not in state_keys(section)
        redundant = {"room": {"state": {"lazy_load_members": True, "include_redundant_members": True}}}
        section = joined(alice.sync(since, filter=redundant), room)
        assert ("m.room.member", bob.id) in state_keys(section)

    def test_somebody_who_speaks_first_after_it_is_shown_then(self, alice: User, bob: User, charlie: User, room: str) -> None:
        charlie.join(room)
        for number in range(3):
            bob.send(room, f"{number}")
        since = alice.sync(filter=self.FILTER)["next_batch"]
        charlie.send(room, "now me")
        section = joined(alice.sync_until(lambda s: timeline(s, room), since, filter=self.FILTER), room)
        assert ("m.room.member", charlie.id) in state_keys(section)


class TestFilters:
    def test_a_filter_is_stored_and_used(self, alice: User, bob: User, room: str) -> None:
        definition = {"room": {"timeline": {"types": ["org.example.wanted"], "limit": 5}}}
        number = alice.post("user", alice.id, "filter", body=definition).ok()["filter_id"]
        assert isinstance(number, str) and not number.startswith("{")
        stored = alice.get("user", alice.id, "filter", number).ok()
        assert stored["room"]["timeline"] == definition["room"]["timeline"]
        bob.send(room, "unwanted")
        bob.send(room, type="org.example.wanted", n=1)
        assert [e["type"] for e in timeline(alice.sync(filter=number), room)] == ["org.example.wanted"]

    def test_filters_belong_to_their_user(self, alice: User, bob: User) -> None:
        number = alice.post("user", alice.id, "filter", body={}).ok()["filter_id"]
        bob.get("user", alice.id, "filter", number).refused(403, "M_FORBIDDEN")
        bob.post("user", alice.id, "filter", body={}).refused(403, "M_FORBIDDEN")

    def test_an_unknown_filter_is_not_found(self, alice: User) -> None:
        alice.get("user", alice.id, "filter", "999999").refused(404, "M_NOT_FOUND")

    def test_a_malformed_filter_is_refused(self, alice: User) -> None:
        alice.get("sync", filter='{"room": 7}').refused(400, "M_BAD_JSON", "M_INVALID_PARAM", "M_UNKNOWN")
        alice.get("sync", filter="{nonsense").refused(400, "M_BAD_JSON", "M_NOT_JSON", "M_INVALID_PARAM", "M_UNKNOWN")

    @pytest.mark.synapse_differs("Synapse answers 500")
    def test_a_malformed_filter_is_not_stored(self, alice: User) -> None:
        alice.post("user", alice.id, "filter", body={"room": 7}).refused(400, "M_BAD_JSON", "M_INVALID_PARAM", "M_UNKNOWN")

    def test_rooms_senders_and_fields_can_be_chosen(self, alice: User, bob: User, room: str) -> None:
        other = alice.create_room(preset="public_chat")
        bob.send(room, "hi")
        assert set(alice.sync(filter={"room": {"rooms": [room]}})["rooms"]["join"]) == {room}
        assert other in alice.sync(filter={"room": {"not_rooms": [room]}})["rooms"]["join"]
        by_bob = timeline(alice.sync(filter={"room": {"timeline": {"senders": [bob.id]}}}), room)
        assert {e["sender"] for e in by_bob} == {bob.id}
        fields = {"event_fields": ["type", "content.body"], "room": {"timeline": {"types": ["m.room.message"]}}}
        assert timeline(alice.sync(filter=fields), room) == [{"type": "m.room.message", "content": {"body": "hi"}}]


class TestLongPolling:
    def test_a_poll_ends_when_something_comes(self, alice: User, bob: User, room: str) -> None:
        since = bob.sync()["next_batch"]
        # What is still on its way to Bob, such as his own join, comes first.
        while True:
            answer = bob.sync(since, timeout=200)
            since = answer["next_batch"]
            if room not in answer.get("rooms", {}).get("join", {}):
                break
        timer = threading.Timer(0.4, lambda: alice.send(room, "wake up"))
        began = time.monotonic()
        timer.start()
        answer = bob.sync(since, timeout=20_000)
        took = time.monotonic() - began
        timer.join()
        assert [e["content"].get("body") for e in timeline(answer, room)] == ["wake up"]
        assert 0.3 < took < 5

    def test_a_poll_ends_with_its_timeout(self, alice: User) -> None:
        since = alice.sync()["next_batch"]
        since = alice.sync(since, timeout=200)["next_batch"]
        began = time.monotonic()
        answer = alice.sync(since, timeout=700)
        assert 0.5 < time.monotonic() - began < 5
        assert answer["next_batch"] and not answer.get("rooms", {}).get("join")

    def test_many_wait_at_once(self, hs: Homeserver, alice: User, room: str) -> None:
        people = [hs.user(f"waiter{n}") for n in range(12)]
        for person in people:
            person.join(room)
        tokens = [person.sync()["next_batch"] for person in people]
        got: list[list] = [[] for _ in people]

        def wait(index: int) -> None:
            answer = people[index].sync_until(
                lambda s: any(e["content"].get("body") == "to all" for e in timeline(s, room)), tokens[index]
            )
            got[index] = timeline(answer, room)

        threads = [threading.Thread(target=wait, args=(n,)) for n in range(len(people))]
        for thread in threads:
            thread.start()
        event = alice.send(room, "to all")
        for thread in threads:
            thread.join(30)
        assert all(event in [e["event_id"] for e in events] for events in got)

    def test_a_transaction_id_comes_back_to_its_device(self, alice: User, bob: User, room: str) -> None:
        since_alice, since_bob = alice.sync()["next_batch"], bob.sync()["next_batch"]
        alice.put("rooms", room, "send", "m.room.message", "echo-1", body={"msgtype": "m.text", "body": "x"}).ok()
        mine = timeline(alice.sync_until(lambda s: timeline(s, room), since_alice), room)[-1]
        theirs = timeline(bob.sync_until(lambda s: timeline(s, room), since_bob), room)[-1]
        assert mine["unsigned"]["transaction_id"] == "echo-1"
        assert "transaction_id" not in theirs.get("unsigned", {})
