"""Account data: global, for a room, in sync."""

from __future__ import annotations

import threading

from blackbox.client import User
from blackbox.server import Homeserver

TYPE = "org.example.setting"


def told(section: dict) -> dict[str, dict]:
    """The contents under a section's account data, by type; push rules, which Synapse adds, aside."""
    events = section.get("account_data", {}).get("events", [])
    return {event["type"]: event["content"] for event in events if event["type"] != "m.push_rules"}


class TestSetting:
    def test_what_is_set_is_there(self, alice: User, room: str) -> None:
        path = ("user", alice.id, "account_data", TYPE)
        alice.get(*path).refused(404, "M_NOT_FOUND")
        assert alice.put(*path, body={"a": 1, "b": ["c"]}).ok() == {}
        assert alice.get(*path).ok() == {"a": 1, "b": ["c"]}
        alice.put(*path, body={}).ok()
        assert alice.get(*path).ok() == {}

    def test_data_for_a_room_is_apart(self, alice: User, room: str) -> None:
        path = ("user", alice.id, "rooms", room, "account_data", TYPE)
        alice.get(*path).refused(404, "M_NOT_FOUND")
        assert alice.put(*path, body={"n": 1}).ok() == {}
        assert alice.get(*path).ok() == {"n": 1}
        alice.get("user", alice.id, "account_data", TYPE).refused(404, "M_NOT_FOUND")
        alice.put("user", alice.id, "rooms", "nonsense", "account_data", TYPE, body={}).refused(400, "M_INVALID_PARAM")
        alice.get("user", alice.id, "rooms", "nonsense", "account_data", TYPE).refused(400, "M_INVALID_PARAM")

    def test_it_is_the_users_own(self, alice: User, bob: User, room: str, hs: Homeserver) -> None:
        for path in (("account_data", TYPE), ("rooms", room, "account_data", TYPE)):
            alice.put("user", alice.id, *path, body={"secret": True}).ok()
            bob.get("user", alice.id, *path).refused(403, "M_FORBIDDEN")
            bob.put("user", alice.id, *path, body={}).refused(403, "M_FORBIDDEN")
            hs.client().get("user", alice.id, *path).refused(401, "M_MISSING_TOKEN")

    def test_types_that_the_server_manages_are_refused(self, alice: User, room: str) -> None:
        for type in ("m.fully_read", "m.push_rules"):
            alice.put("user", alice.id, "account_data", type, body={}).refused(405, "M_BAD_JSON")
            alice.put("user", alice.id, "rooms", room, "account_data", type, body={}).refused(405, "M_BAD_JSON")

    def test_content_must_be_an_object(self, alice: User) -> None:
        alice.put("user", alice.id, "account_data", TYPE, body=[]).refused(400, "M_BAD_JSON", "M_NOT_JSON", "M_UNKNOWN")
        alice.put("user", alice.id, "account_data", TYPE, body=b"{").refused(400, "M_NOT_JSON")


class TestSync:
    def test_it_is_told_at_first_and_when_it_changes(self, alice: User, bob: User, room: str) -> None:
        alice.put("user", alice.id, "account_data", TYPE, body={"n": 1}).ok()
        alice.put("user", alice.id, "rooms", room, "account_data", TYPE, body={"n": 2}).ok()
        first = alice.sync()
        assert told(first) == {TYPE: {"n": 1}}
        assert told(first["rooms"]["join"][room]) == {TYPE: {"n": 2}}
        assert told(bob.sync()) == {}

        second = alice.sync(first["next_batch"])
        assert told(second) == {} and room not in second.get("rooms", {}).get("join", {})
        alice.put("user", alice.id, "rooms", room, "account_data", TYPE, body={"n": 3}).ok()
        third = alice.sync(second["next_batch"])
        assert told(third) == {} and told(third["rooms"]["join"][room]) == {TYPE: {"n": 3}}
        alice.put("user", alice.id, "account_data", TYPE, body={"n": 4}).ok()
        assert told(alice.sync(third["next_batch"])) == {TYPE: {"n": 4}}

    def test_filters_choose(self, alice: User, room: str) -> None:
        for type in ("org.example.one", "org.example.two"):
            alice.put("user", alice.id, "account_data", type, body={}).ok()
            alice.put("user", alice.id, "rooms", room, "account_data", type, body={}).ok()
        wanted = {
            "account_data": {"types": ["org.example.one"]},
            "room": {"account_data": {"not_types": ["org.example.one"]}},
        }
        answer = alice.sync(filter=wanted)
        assert set(told(answer)) == {"org.example.one"}
        assert set(told(answer["rooms"]["join"][room])) == {"org.example.two"}

    def test_a_client_that_waits_is_woken(self, alice: User, hs: Homeserver) -> None:
        since = alice.sync()["next_batch"]
        answers: list[dict] = []
        waiter = User(alice.base_url, {"access_token": alice.token, "user_id": alice.id, "device_id": alice.device})
        poll = threading.Thread(target=lambda: answers.append(waiter.sync(since, timeout=30_000)))
        poll.start()
        alice.put("user", alice.id, "account_data", TYPE, body={"n": 1}).ok()
        poll.join(20)
        assert answers and told(answers[0]) == {TYPE: {"n": 1}}
