"""Sending, redacting, and reading events back: event, messages, context, timestamp_to_event."""

from __future__ import annotations

import time

import pytest
from blackbox.client import User
from blackbox.server import Homeserver


class TestSending:
    def test_an_event_arrives_as_it_was_sent(self, alice: User, bob: User, room: str) -> None:
        content = {"msgtype": "m.text", "body": "grüße 👋 \u0000 \u2028", "org.example": {"deep": [1, None, True, -5, "x"]}}
        event = alice.put("rooms", room, "send", "m.room.message", "t1", body=content).ok()["event_id"]
        got = bob.get("rooms", room, "event", event).ok()
        assert got["content"] == content
        assert got["type"] == "m.room.message" and got["sender"] == alice.id and got["room_id"] == room
        assert abs(got["origin_server_ts"] / 1000 - time.time()) < 60
        assert "state_key" not in got

    def test_a_transaction_id_serves_once_per_device(self, alice: User, bob: User, room: str, hs: Homeserver) -> None:
        body = {"msgtype": "m.text", "body": "once"}
        first = alice.put("rooms", room, "send", "m.room.message", "same", body=body).ok()
        assert alice.put("rooms", room, "send", "m.room.message", "same", body=body).ok() == first
        # Also with another content: the transaction is over.
        again = alice.put("rooms", room, "send", "m.room.message", "same", body={**body, "body": "other"}).ok()
        assert again == first
        assert bob.put("rooms", room, "send", "m.room.message", "same", body=body).ok() != first
        other_device = hs.login(alice)
        assert other_device.put("rooms", room, "send", "m.room.message", "same", body=body).ok() != first
        texts = [e["content"].get("body") for e in alice.all_messages(room)]
        assert texts.count("once") == 3 and "other" not in texts

    def test_only_the_sending_device_sees_its_transaction_id(self, alice: User, bob: User, room: str, hs: Homeserver) -> None:
        event = alice.put("rooms", room, "send", "m.room.message", "mine", body={"msgtype": "m.text", "body": "x"}).ok()
        event_id = event["event_id"]
        assert alice.get("rooms", room, "event", event_id).ok()["unsigned"]["transaction_id"] == "mine"
        for other in (bob, hs.login(alice)):
            assert "transaction_id" not in other.get("rooms", room, "event", event_id).ok().get("unsigned", {})

    def test_an_event_that_is_too_large_is_refused(self, alice: User, room: str) -> None:
        alice.try_send(room, "x" * 65_536).refused(413, "M_TOO_LARGE")
        alice.try_send(room, "x" * 60_000).ok()

    def test_a_body_beyond_all_limits_is_refused(self, alice: User, room: str) -> None:
        answer = alice.try_send(room, "x" * 2_000_000)
        assert answer.status == 413, answer

    def test_fields_that_are_too_long_are_refused(self, alice: User, room: str) -> None:
        alice.try_send(room, type="t" * 256, a=1).refused((400, 413), "M_TOO_LARGE", "M_INVALID_PARAM", "M_BAD_JSON")
        answer = alice.try_set_state(room, "org.example", {}, key="k" * 256)
        answer.refused((400, 413), "M_TOO_LARGE", "M_INVALID_PARAM", "M_BAD_JSON")

    @pytest.mark.parametrize("number", [
        "1.5", "1e3", "9007199254740992", "-9007199254740992",
        pytest.param("1e400", marks=pytest.mark.synapse_differs("Synapse answers 500")),
    ])
    def test_numbers_that_events_cannot_hold_are_refused(self, alice: User, room: str, number: str) -> None:
        path = f"/_matrix/client/v3/rooms/{room}/send/org.example.number/{alice.transaction()}"
        answer = alice.request("PUT", path.replace("!", "%21"), b'{"n":' + number.encode() + b"}")
        answer.refused(400, "M_BAD_JSON", "M_NOT_JSON")

    def test_the_largest_numbers_pass(self, alice: User, room: str) -> None:
        content = {"a": 9007199254740991, "b": -9007199254740991}
        event = alice.put("rooms", room, "send", "org.example.number", alice.transaction(), body=content).ok()["event_id"]
        assert alice.get("rooms", room, "event", event).ok()["content"] == content

    def test_somebody_outside_cannot_send(self, alice: User, charlie: User, room: str) -> None:
        charlie.try_send(room).refused(403, "M_FORBIDDEN")

    def test_nothing_is_sent_to_an_unknown_room(self, alice: User) -> None:
        alice.try_send("!nothing:localhost").refused((403, 404), "M_FORBIDDEN", "M_NOT_FOUND", "M_UNKNOWN")


class TestRedacting:
    def test_a_redacted_event_loses_its_content(self, alice: User, bob: User, room: str) -> None:
        event = bob.send(room, "regrettable")
        since = alice.sync()["next_batch"]
        redaction = bob.put("rooms", room, "redact", event, bob.transaction(), body={"reason": "typo"}).ok()["event_id"]
        got = alice.get("rooms", room, "event", event).ok()
        assert got["content"] == {}
        because = got["unsigned"]["redacted_because"]
        assert because["event_id"] == redaction and because["content"]["reason"] == "typo"
        answer = alice.sync_until(lambda s: room in s.get("rooms", {}).get("join", {}), since)
        shown = answer["rooms"]["join"][room]["timeline"]["events"][-1]
        assert shown["type"] == "m.room.redaction"
        assert event in (shown.get("redacts"), shown["content"].get("redacts"))

    def test_every_way_to_read_it_shows_it_redacted(self, alice: User, bob: User, room: str) -> None:
        before = alice.sync()["next_batch"]
        event = bob.send(room, "regrettable")
        bob.put("rooms", room, "redact", event, bob.transaction()).ok()
        after = alice.send(room, "later")

        def redacted(events: list[dict]) -> bool:
            (shown,) = [e for e in events if e["event_id"] == event]
            return shown["content"] == {} and "redacted_because" in shown["unsigned"]

        for since in (None, before):
            answer = alice.sync_until(lambda s: after in str(s), since)
            assert redacted(answer["rooms"]["join"][room]["timeline"]["events"]), f"sync since {since}"
        assert redacted(alice.messages(room, "b")["chunk"])
        assert redacted(alice.messages(room, "f", limit=100)["chunk"])
        assert redacted(alice.get("rooms", room, "context", after).ok()["events_before"])
        assert redacted([alice.get("rooms", room, "context", event).ok()["event"]])
        assert redacted([alice.get("rooms", room, "event", event).ok()])
        assert "regrettable" not in str(alice.sync(before, full_state=True))

    def test_others_events_need_power(self, alice: User, bob: User, room: str) -> None:
        event = alice.send(room)
        bob.put("rooms", room, "redact", event, bob.transaction()).refused(403, "M_FORBIDDEN")
        event = bob.send(room)
        alice.put("rooms", room, "redact", event, alice.transaction()).ok()

    def test_a_redaction_is_idempotent_by_transaction(self, alice: User, room: str) -> None:
        event = alice.send(room)
        first = alice.put("rooms", room, "redact", event, "redact-once").ok()
        assert alice.put("rooms", room, "redact", event, "redact-once").ok() == first

    def test_what_redaction_keeps_stays(self, alice: User, bob: User, room: str) -> None:
        member = next(e for e in alice.get("rooms", room, "state").ok() if e.get("state_key") == bob.id)
        alice.put("rooms", room, "redact", member["event_id"], alice.transaction()).ok()
        assert alice.state(room, "m.room.member", bob.id) == {"membership": "join"}
        bob.send(room, "still here")

    def test_an_event_of_elsewhere_is_not_redacted(self, alice: User, bob: User, room: str) -> None:
        elsewhere = alice.create_room()
        event = alice.send(elsewhere)
        bob.put("rooms", room, "redact", event, bob.transaction())
        assert alice.get("rooms", elsewhere, "event", event).ok()["content"]["body"] == "hello"


class TestOneEvent:
    def test_an_unknown_event_is_not_found(self, alice: User, room: str) -> None:
        alice.get("rooms", room, "event", "$nothing").refused(404, "M_NOT_FOUND")

    def test_an_event_of_another_room_is_not_found(self, alice: User, room: str) -> None:
        event = alice.send(alice.create_room())
        alice.get("rooms", room, "event", event).refused(404, "M_NOT_FOUND")

    def test_somebody_outside_does_not_see_it(self, alice: User, charlie: User) -> None:
        room = alice.create_room()
        event = alice.send(room)
        charlie.get("rooms", room, "event", event).refused((403, 404), "M_FORBIDDEN", "M_NOT_FOUND")

    def test_state_shows_what_it_replaced(self, alice: User, room: str) -> None:
        first = alice.set_state(room, "m.room.name", {"name": "One"})
        second = alice.set_state(room, "m.room.name", {"name": "Two"})
        shown = alice.messages(room, limit=1)["chunk"][0]
        assert shown["event_id"] == second
        unsigned = shown["unsigned"]
        assert unsigned["prev_content"] == {"name": "One"} and unsigned["replaces_state"] == first


class TestMessages:
    @pytest.fixture
    def history(self, alice: User, room: str) -> list[str]:
        """The ids of 25 messages, oldest first."""
        return [alice.send(room, f"message {number}") for number in range(25)]

    def test_both_directions_show_the_same_events(self, alice: User, room: str, history: list[str]) -> None:
        backward = [e["event_id"] for e in alice.all_messages(room, "b", limit=7)]
        forward = [e["event_id"] for e in alice.all_messages(room, "f", limit=9)]
        assert backward[::-1] == forward
        assert forward[-25:] == history
        assert len(set(forward)) == len(forward)

    def test_pages_join_without_gap_or_overlap(self, alice: User, room: str, history: list[str]) -> None:
        first = alice.messages(room, "b", limit=10)
        second = alice.messages(room, "b", limit=10, from_=first["end"])
        assert [e["event_id"] for e in first["chunk"] + second["chunk"]] == history[:4:-1]
        back = alice.messages(room, "f", limit=10, from_=second["end"])
        assert [e["event_id"] for e in back["chunk"]] == history[5:15]

    @pytest.mark.parametrize(("direction", "last"), [("b", "m.room.create"), ("f", "m.room.message")])
    def test_after_the_last_page_comes_an_empty_one_without_end(
        self, alice: User, room: str, direction: str, last: str
    ) -> None:
        alice.send(room)
        page = alice.messages(room, direction, limit=100)
        assert page["chunk"][-1]["type"] == last
        # Clients that take a page without "end" for no page at all would never see this one.
        beyond = alice.messages(room, direction, limit=100, from_=page["end"])
        assert beyond["chunk"] == [] and "end" not in beyond

    def test_it_stops_at_a_token(self, alice: User, room: str) -> None:
        alice.send(room, "before")
        token = alice.sync()["next_batch"]
        after = [alice.send(room, f"after {n}") for n in range(3)]
        page = alice.messages(room, "b", to=token, limit=50)
        assert [e["event_id"] for e in page["chunk"]] == after[::-1]

    @pytest.mark.parametrize("start", ["", "END"])
    def test_without_a_place_to_start_backwards_starts_at_the_latest_event(
        self, alice: User, room: str, history: list[str], start: str
    ) -> None:
        # What libQuotient and old clients send when they have no token.
        for query in ({}, {"from_": start, "to": ""}):
            page = alice.messages(room, "b", limit=2, **query)
            assert [e["event_id"] for e in page["chunk"]] == history[:-3:-1]

    def test_a_sync_token_serves_as_a_start(self, alice: User, room: str, history: list[str]) -> None:
        since = alice.sync()["next_batch"]
        later = [alice.send(room, f"later {n}") for n in range(2)]
        back = alice.messages(room, "b", from_=since, limit=3)
        assert [e["event_id"] for e in back["chunk"]] == history[:-4:-1]
        forward = alice.messages(room, "f", from_=since, limit=3)
        assert [e["event_id"] for e in forward["chunk"]] == later

    def test_prev_batch_of_a_limited_sync_reaches_what_was_left_out(self, alice: User, room: str, history: list[str]) -> None:
        joined = alice.sync(filter={"room": {"timeline": {"limit": 5}}})["rooms"]["join"][room]["timeline"]
        assert joined["limited"] is True and [e["event_id"] for e in joined["events"]] == history[-5:]
        page = alice.messages(room, "b", from_=joined["prev_batch"], limit=20)
        assert [e["event_id"] for e in page["chunk"]] == history[:-5][::-1]

    def test_filters_choose(self, alice: User, bob: User, room: str, history: list[str]) -> None:
        bob.send(room, "from bob")
        bob.send(room, type="org.example.other", n=1)
        by_bob = alice.all_messages(room, filter={"senders": [bob.id], "types": ["m.room.message"]})
        assert [e["content"]["body"] for e in by_bob] == ["from bob"]
        wild = alice.all_messages(room, filter={"types": ["org.example.*"]})
        assert [e["type"] for e in wild] == ["org.example.other"]
        none = alice.all_messages(room, filter={"not_senders": [alice.id, bob.id]})
        assert none == []

    def test_lazy_loading_brings_the_members_who_speak(self, alice: User, bob: User, charlie: User, room: str) -> None:
        charlie.join(room)
        bob.send(room, "hi")
        page = alice.messages(room, "b", limit=1, filter={"lazy_load_members": True})
        assert [e["state_key"] for e in page["state"] if e["type"] == "m.room.member"] == [bob.id]

    @pytest.mark.parametrize("query", [{"dir": "x"}, {"dir": "b", "from": "nonsense"}, {"dir": "b", "limit": "many"}, {"dir": "b", "limit": "-1"}])
    def test_a_malformed_query_is_refused(self, alice: User, room: str, query: dict) -> None:
        answer = alice.get("rooms", room, "messages", **query)
        answer.refused(400, "M_INVALID_PARAM", "M_UNKNOWN", "M_MISSING_PARAM", "M_BAD_JSON", "M_NOT_JSON")

    def test_the_direction_must_be_said(self, alice: User, room: str) -> None:
        answer = alice.get("rooms", room, "messages")
        # The specification requires it; Synapse takes it for "f".
        assert answer.status in (200, 400), answer

    def test_somebody_who_left_sees_only_what_came_before(self, alice: User, bob: User, room: str) -> None:
        alice.send(room, "before")
        bob.leave(room)
        alice.send(room, "after")
        seen = bob.all_messages(room)
        assert seen[0]["content"]["membership"] == "leave"
        assert "after" not in [e["content"].get("body") for e in seen]

    def test_somebody_outside_sees_nothing(self, alice: User, charlie: User) -> None:
        charlie.get("rooms", alice.create_room(), "messages", dir="b").refused(403, "M_FORBIDDEN")


class TestHistoryVisibility:
    @pytest.mark.parametrize(
        "visibility, expected",
        [("shared", {"early", "invited", "joined"}), ("invited", {"invited", "joined"}), ("joined", {"joined"}),
         ("world_readable", {"early", "invited", "joined"})],
    )
    def test_how_far_back_a_new_member_sees(self, alice: User, bob: User, visibility: str, expected: set[str]) -> None:
        rule = {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": visibility}}
        room = alice.create_room(preset="private_chat", initial_state=[rule])
        alice.send(room, "early")
        alice.invite(room, bob.id)
        alice.send(room, "invited")
        bob.join(room)
        alice.send(room, "joined")
        seen = {e["content"]["body"] for e in bob.all_messages(room) if e["type"] == "m.room.message"}
        assert seen == expected


class TestContext:
    def test_it_shows_what_is_around_an_event(self, alice: User, room: str) -> None:
        ids = [alice.send(room, f"{n}") for n in range(11)]
        around = alice.get("rooms", room, "context", ids[5], limit=6).ok()
        assert around["event"]["event_id"] == ids[5]
        assert [e["event_id"] for e in around["events_before"]] == ids[4:1:-1]
        assert [e["event_id"] for e in around["events_after"]] == ids[6:9]
        assert any(e["type"] == "m.room.create" for e in around["state"])
        earlier = alice.messages(room, "b", from_=around["start"], limit=2)
        assert [e["event_id"] for e in earlier["chunk"]] == ids[1::-1]
        later = alice.messages(room, "f", from_=around["end"], limit=2)
        assert [e["event_id"] for e in later["chunk"]] == ids[9:11]

    def test_a_limit_of_none_shows_the_event_alone(self, alice: User, room: str) -> None:
        event = alice.send(room)
        around = alice.get("rooms", room, "context", event, limit=0).ok()
        assert around["event"]["event_id"] == event
        assert around.get("events_before", []) == [] and around.get("events_after", []) == []

    def test_an_unknown_event_is_not_found(self, alice: User, room: str) -> None:
        alice.get("rooms", room, "context", "$nothing").refused(404, "M_NOT_FOUND")


class TestTimestamps:
    def test_the_nearest_event_in_each_direction_is_found(self, alice: User, room: str) -> None:
        path = ("/_matrix/client/v1/rooms", room, "timestamp_to_event")
        first = alice.send(room, "first")
        first_ts = alice.get("rooms", room, "event", first).ok()["origin_server_ts"]
        last = alice.send(room, "last")
        last_ts = alice.get("rooms", room, "event", last).ok()["origin_server_ts"]
        after = alice.get(*path, ts=last_ts, dir="f").ok()
        assert after["origin_server_ts"] >= last_ts
        if first_ts < last_ts:
            assert after == {"event_id": last, "origin_server_ts": last_ts}
        assert alice.get(*path, ts=last_ts + 1000, dir="b").ok() == {"event_id": last, "origin_server_ts": last_ts}
        alice.get(*path, ts=last_ts + 1000, dir="f").refused(404, "M_NOT_FOUND")
        alice.get(*path, ts=1, dir="b").refused(404, "M_NOT_FOUND")

    def test_a_malformed_query_is_refused(self, alice: User, room: str) -> None:
        path = ("/_matrix/client/v1/rooms", room, "timestamp_to_event")
        alice.get(*path, ts="soon", dir="f").refused(400, "M_INVALID_PARAM", "M_UNKNOWN")
        alice.get(*path, ts=1, dir="sideways").refused(400, "M_INVALID_PARAM", "M_UNKNOWN")
