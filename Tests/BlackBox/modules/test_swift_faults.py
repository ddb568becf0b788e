"""What becomes of the server when a module in Swift is slow, gets stuck or fails."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Callable

import pytest
from blackbox.client import Client, User
from blackbox.modules import SwiftPuppet, logged, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

CALLBACKS = {"spam_checker": ["check_event_for_spam"], "third_party_rules": ["on_new_event"]}
puppet_server = shared_puppet(CALLBACKS, SwiftPuppet, module_settings={"callback_timeout": "500ms"})


def test_a_callback_that_does_not_answer_is_given_up(
    puppet: SwiftPuppet, server: LocalServer, alice: User, room: str
) -> None:
    puppet.answers("check_event_for_spam", sleep_ms=60_000)
    began = time.monotonic()
    alice.try_send(room, "lost").refused(500, "M_UNKNOWN")
    assert 0.4 < time.monotonic() - began < 5
    logged(server, "ERROR", "check_event_for_spam", "no answer")
    puppet.forget()
    alice.send(room, "found")
    assert "lost" not in str(alice.all_messages(room))


def test_a_callback_that_is_told_something_and_hangs_is_given_up(
    puppet: SwiftPuppet, alice: User, bob: User, room: str
) -> None:
    puppet.answers("on_new_event", sleep_ms=60_000)
    since = bob.sync()["next_batch"]
    began = time.monotonic()
    events = [alice.send(room) for _ in range(3)]
    assert time.monotonic() - began < 5
    bob.sync_until(lambda answer: events[-1] in str(answer), since)
    puppet.forget()
    last = alice.send(room)
    while last not in [call[0]["event_id"] for call in puppet.calls("on_new_event")]:
        puppet.wait_for_calls("on_new_event", len(puppet.calls("on_new_event")) + 1)


def test_a_callback_that_blocks_its_thread_holds_up_nobody_for_longer(
    puppet: SwiftPuppet, server: LocalServer, alice: User, bob: User, room: str
) -> None:
    puppet.answers("check_event_for_spam", block_ms=1500)
    answers: list = []
    blocked = threading.Thread(target=lambda: answers.append(alice.try_send(room)))
    blocked.start()
    puppet.wait_for_calls("check_event_for_spam")
    assert server.healthy()
    bob.get("account", "whoami").ok()
    blocked.join()
    answers[0].refused(500, "M_UNKNOWN")
    puppet.forget()
    alice.send(room)


def test_callbacks_run_beside_each_other(puppet: SwiftPuppet, server: LocalServer) -> None:
    users = server.users(*(f"crowd{n}" for n in range(12)))
    rooms = [user.create_room() for user in users]
    puppet.answers("check_event_for_spam", sleep_ms=250)
    began = time.monotonic()
    threads = [threading.Thread(target=user.send, args=(room,)) for user, room in zip(users, rooms)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 12 * 0.25
    assert len(puppet.calls("check_event_for_spam")) == 12


def test_a_callback_ends_even_if_the_client_hangs_up(
    puppet: SwiftPuppet, server: LocalServer, alice: User, room: str
) -> None:
    command = {"call": "background.run", "name": f"after {room}"}
    puppet.answers("check_event_for_spam", sleep_ms=200, do=[command])
    body = b'{"msgtype": "m.text", "body": "hung up"}'
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            f"PUT /_matrix/client/v3/rooms/{room}/send/m.room.message/1 HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {alice.token}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        puppet.wait_for_calls("check_event_for_spam")
    end = time.monotonic() + 10
    while not puppet.result(server, "count", name=f"after {room}") and time.monotonic() < end:
        time.sleep(0.02)
    assert puppet.result(server, "count", name=f"after {room}") == 1


def test_a_server_whose_module_is_at_work_stops_all_the_same(
    module_server: MakeModuleServer, tmp_path: Path
) -> None:
    puppet = SwiftPuppet(tmp_path / "strings", "puppet", CALLBACKS)
    server = module_server(puppet.entry(), module_settings={"callback_timeout": "2s"})
    alice = server.user("alice")
    room = alice.create_room()
    puppet.result(server, "background.loop", name="busy", ms=10)
    puppet.answers("on_new_event", sleep_ms=60_000)
    alice.send(room)
    puppet.wait_for_calls("on_new_event")
    server.stop()
    server.start()
    assert Client(server.base_url).request("GET", "/health").status == 200
    assert puppet.result(server, "count", name="busy") == 0
