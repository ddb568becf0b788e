"""Many clients at once in a room where a module looks at everything, and says something itself now and then."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Callable

import pytest
from blackbox.client import User
from blackbox.modules import Puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
SENDERS, MESSAGES = 8, 40


def test_nothing_is_lost_or_doubled_under_load(
    module_server: Callable[..., LocalServer], tmp_path: Path, engine: str
) -> None:
    puppet = Puppet(tmp_path / "strings", "puppet", {"third_party_rules": ["check_event_allowed"]})
    server = module_server(puppet.entry(), engine=engine)
    owner = server.user("owner")
    room = owner.create_room(preset="public_chat")
    senders = server.users(*(f"sender{n}" for n in range(SENDERS)))
    for sender in senders:
        sender.join(room)
    puppet.answers("check_event_allowed", f"""
        event, state = args
        if event.type != "m.room.message" or event.room_id != "{room}":
            return (True, None)
        assert state[("m.room.member", event.sender)].content["membership"] == "join"
        number = memory["count"] = memory.get("count", 0) + 1
        if number % 10 == 0:
            sent = await api.create_and_send_event_into_room({{
                "type": "org.example.count", "state_key": str(number % 30), "room_id": "{room}",
                "sender": "{owner.id}", "content": {{"number": number}},
            }})
            memory.setdefault("sent", []).append((str(number % 30), sent.event_id))
        return (True, None)
    """)
    since = owner.sync()["next_batch"]
    answered: dict[str, list[str]] = {}

    def send(sender: User) -> None:
        answered[sender.id] = [sender.send(room, str(number)) for number in range(MESSAGES)]

    threads = [threading.Thread(target=send, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    synced: list[dict] = []
    watcher = server.login(owner)
    end = time.monotonic() + 60
    while len([event for event in synced if event["type"] == "m.room.message"]) < SENDERS * MESSAGES:
        # A wake-up that is lost would leave this waiting for all of its time.
        assert time.monotonic() < end, f"{len(synced)} events within the time"
        filter_ = {"room": {"timeline": {"limit": 1000}}}
        answer = watcher.sync(since, timeout=20_000, filter=filter_)
        found = answer.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {})
        assert not found.get("limited")
        synced += found.get("events", [])
        since = answer["next_batch"]
    for thread in threads:
        thread.join(60)
    assert all(len(events) == MESSAGES for events in answered.values()) and len(answered) == SENDERS
    puppet.forget()
    sent = puppet.result(server, 'memory["sent"]')
    assert len(sent) == SENDERS * MESSAGES // 10

    stored = owner.all_messages(room, "f", limit=200)
    for timeline in (stored, synced):
        identifiers = [event["event_id"] for event in timeline]
        assert len(identifiers) == len(set(identifiers))
        for sender, events in answered.items():
            told = [e["event_id"] for e in timeline if e["sender"] == sender and e["type"] == "m.room.message"]
            assert told == events
    told = [event["event_id"] for event in stored if event["type"] == "org.example.count"]
    assert sorted(told) == sorted(event for _, event in sent)
    # Each key holds one of the events that were sent under it; and the server, its clients and its module agree.
    events = owner.get("rooms", room, "state").ok()
    state = {event["state_key"]: event["event_id"] for event in events if event["type"] == "org.example.count"}
    assert sorted(state) == ["0", "10", "20"]
    assert all([key, event] in sent for key, event in state.items())
    seen = puppet.result(server, f"""
        state = await api.get_room_state("{room}")
        return {{key[1]: event.event_id for key, event in state.items() if key[0] == "org.example.count"}}
    """)
    assert seen == state
