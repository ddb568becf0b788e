"""The server is killed again and again under load: what it answered is there, and nothing is half done."""

from __future__ import annotations

import http.client
import random
import threading
import time
from typing import Callable

import pytest
from blackbox.client import User
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server

KILLS = 22
SENDERS = 6
ROOMS = 3
START_LIMIT = 3.0  # seconds to the first good /health after a kill


class Sender(threading.Thread):
    """Sends into the rooms until the connection breaks; every fifth event is state."""

    def __init__(self, user: User, rooms: list[str], chance: random.Random, life: int):
        super().__init__(daemon=True)
        self.user, self.rooms, self.chance, self.life = user, rooms, chance, life
        self.answered: list[tuple[str, str]] = []  # room and event id, in the order of the answers
        self.unexpected: str | None = None

    def run(self) -> None:
        number = 0
        while True:
            room = self.chance.choice(self.rooms)
            number += 1
            try:
                if number % 5 == 0:
                    answer = self.user.try_set_state(room, "org.example.counter", {"life": self.life, "n": number}, self.user.id)
                else:
                    answer = self.user.try_send(room, f"life {self.life}, number {number}")
            except (OSError, http.client.HTTPException):
                return
            # While it is killed, a proxy or the kernel may cut an answer, but a whole answer must be a good one.
            if answer.status != 200:
                self.unexpected = repr(answer)
                return
            self.answered.append((room, answer.json["event_id"]))


def newest(user: User, room: str, known: str | None) -> list[str]:
    """The ids of events after `known`, oldest first."""
    found: list[str] = []
    start = None
    while True:
        page = user.messages(room, "b", limit=200, from_=start)
        for event in page["chunk"]:
            if event["event_id"] == known:
                return found[::-1]
            found.append(event["event_id"])
        if "end" not in page:
            return found[::-1]
        start = page["end"]


def check_order(sent: list[tuple[str, str]], rooms: dict[str, list[str]]) -> None:
    """Every answered event is in its room, and each sender's are in the order of their answers."""
    position = {event: index for events in rooms.values() for index, event in enumerate(events)}
    last: dict[str, int] = {}
    for room, event in sent:
        assert event in position, f"{event} was answered, and is lost"
        assert position[event] > last.get(room, -1), f"{event} comes before what was answered earlier"
        last[room] = position[event]


def check_room(user: User, room: str, reads: int) -> None:
    """State, current members, both directions of history and sync agree with each other."""
    state = {(e["type"], e["state_key"]): e for e in user.get("rooms", room, "state").ok()}
    assert ("m.room.create", "") in state and state["m.room.member", user.id]["content"]["membership"] == "join"
    joined = user.get("rooms", room, "joined_members").ok()["joined"]
    assert set(joined) == {k for (t, k), e in state.items() if t == "m.room.member" and e["content"]["membership"] == "join"}
    for event in state.values():
        assert user.get("rooms", room, "event", event["event_id"]).status == 200
    backward = [e["event_id"] for e in user.all_messages(room, "b", limit=reads)]
    forward = [e["event_id"] for e in user.all_messages(room, "f", limit=reads)]
    assert backward[::-1] == forward and len(set(forward)) == len(forward)
    # The newest value of each state key in the timeline is the state.
    latest = {(e["type"], e["state_key"]): e["event_id"] for e in user.all_messages(room, "f", limit=reads) if "state_key" in e}
    assert latest == {key: event["event_id"] for key, event in state.items()}


@pytest.mark.parametrize("seed", [20261121])
def test_answered_events_survive_kills_at_random_moments(
    make_server: Callable[..., LocalServer], engine: str, seed: int
) -> None:
    chance = random.Random(seed)
    server = make_server(engine)
    server.start()
    users = server.users(*[f"sender{n}" for n in range(SENDERS)])
    watcher = server.user("watcher")
    rooms = [users[0].create_room(preset="public_chat", power_level_content_override={"state_default": 0}) for _ in range(ROOMS)]
    for room in rooms:
        for user in [*users[1:], watcher]:
            user.join(room)
    since = watcher.sync()["next_batch"]
    answered: dict[str, list[tuple[str, str]]] = {user.id: [] for user in users}
    timeline: dict[str, list[str]] = {room: [] for room in rooms}
    seen: dict[str, set[str]] = {room: set() for room in rooms}
    slowest = total = 0.0

    for life in range(KILLS):
        senders = [Sender(user, rooms, random.Random(chance.random()), life) for user in users]
        for sender in senders:
            sender.start()
        # Sometimes in the middle of the first commits, sometimes in full swing.
        time.sleep(chance.choice([0.02, 0.1, 0.4]) + chance.random() * 0.8)
        server.kill()
        for sender in senders:
            sender.join(30)
            assert not sender.is_alive()
            assert sender.unexpected is None, sender.unexpected
            answered[sender.user.id] += sender.answered

        began = server.start()
        slowest, total = max(slowest, began), total + began
        assert began < START_LIMIT or server.__class__.__name__ == "Synapse", f"it took {began:.2f} s to start after a kill"

        for room in rooms:
            known = timeline[room][-1] if timeline[room] else None
            timeline[room] += newest(watcher, room, known)
        for sender in senders:
            check_order(answered[sender.user.id], timeline)

        # A client goes on from the token it had, and everything reaches it.
        for _ in range(3):
            answer = watcher.sync(since, filter={"room": {"timeline": {"limit": 50}}})
            for room, section in answer.get("rooms", {}).get("join", {}).items():
                seen[room] |= {event["event_id"] for event in section["timeline"]["events"]}
                if section["timeline"].get("limited"):
                    gap = watcher.all_messages(room, "b", limit=200, start=section["timeline"]["prev_batch"], to=since)
                    seen[room] |= {event["event_id"] for event in gap}
            since = answer["next_batch"]
        for sender in senders:
            missing = [event for room, event in sender.answered if event not in seen[room]]
            assert not missing, f"sync did not bring {len(missing)} answered events to the watcher"
        # Sending works, in every room.
        for room in rooms:
            users[life % SENDERS].send(room, f"after kill {life}")

    for room in rooms:
        check_room(watcher, room, reads=200)
    count = sum(len(events) for events in answered.values())
    assert count > KILLS, "the load was too small to show anything"
    assert server.log_errors() == []
    print(f"{engine}: {count} answered events in {KILLS} lives; start after a kill: mean {total / KILLS:.3f} s, longest {slowest:.3f} s")


def test_a_kill_while_rooms_are_made_leaves_no_half_room(make_server: Callable[..., LocalServer], engine: str) -> None:
    chance = random.Random(7)
    server = make_server(engine)
    server.start()
    alice, bob = server.users("alice", "bob")
    created: list[str] = []

    def make_rooms() -> None:
        while True:
            try:
                created.append(alice.create_room(preset="public_chat", name="Whole", invite=[bob.id]))
            except (OSError, http.client.HTTPException):
                return

    for _ in range(5):
        maker = threading.Thread(target=make_rooms, daemon=True)
        maker.start()
        time.sleep(0.2 + chance.random() * 0.5)
        server.kill()
        maker.join(30)
        server.start()
    joined = set(alice.get("joined_rooms").ok()["joined_rooms"])
    assert set(created) <= joined
    for room in created:
        assert alice.state(room, "m.room.name") == {"name": "Whole"}
        assert alice.state(room, "m.room.member", bob.id)["membership"] == "invite"
    # A room whose creation was cut short may be there or not, but what is there can be used.
    for room in joined:
        alice.get("rooms", room, "state").ok()
        alice.send(room, "works")
    assert joined <= set(alice.sync()["rooms"]["join"])
    assert server.log_errors() == []
