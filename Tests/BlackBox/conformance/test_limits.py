"""Rate limits, each on a server whose other limits are lifted."""

from __future__ import annotations

import time
from typing import Callable

import pytest
from blackbox.client import PASSWORD, Answer
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
FEW = {"per_second": 0.2, "burst_count": 3}

MakeServer = Callable[..., LocalServer]


def limited(answers: list[Answer]) -> Answer:
    """The first refusal, which must come after some successes."""
    statuses = [answer.status for answer in answers]
    assert statuses[0] == 200 and 429 in statuses, statuses
    refusal = answers[statuses.index(429)]
    body = refusal.refused(429, "M_LIMIT_EXCEEDED")
    assert 0 < int(refusal.headers["Retry-After"]) <= 60
    assert 0 < body["retry_after_ms"] <= 60_000
    return refusal


def test_messages(make_server: MakeServer) -> None:
    server = make_server(settings={"rc_message": {"per_second": 1, "burst_count": 3}})
    server.start()
    alice, bob = server.users("alice", "bob")
    room = alice.create_room(preset="public_chat")
    bob.join(room)
    refusal = limited([alice.try_send(room) for _ in range(8)])
    # Others are not held up, and after the time it says, a message passes.
    bob.send(room)
    time.sleep(refusal.json["retry_after_ms"] / 1000 + 0.1)
    alice.send(room)


def test_registrations(make_server: MakeServer) -> None:
    server = make_server(settings={"rc_registration": FEW})
    server.start()
    client = server.client()
    body = {"password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    limited([client.post("register", body={**body, "username": f"user{n}"}) for n in range(8)])


def test_failed_logins(make_server: MakeServer) -> None:
    server = make_server(settings={"rc_login": {"failed_attempts": FEW, "address": FEW | {"burst_count": 100}}})
    server.start()
    alice = server.user("alice")
    identifier = {"type": "m.id.user", "user": alice.localpart}
    body = {"type": "m.login.password", "identifier": identifier, "password": "wrong"}
    answers = [server.client().post("login", body=body) for _ in range(8)]
    assert answers[0].status == 403 and answers[-1].status == 429
    answers[-1].refused(429, "M_LIMIT_EXCEEDED")


def test_logins(make_server: MakeServer) -> None:
    server = make_server(settings={"rc_login": {"account": FEW}})
    server.start()
    alice = server.user("alice")
    identifier = {"type": "m.id.user", "user": alice.localpart}
    body = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD}
    limited([server.client().post("login", body=body) for _ in range(8)])


def test_joins(make_server: MakeServer) -> None:
    server = make_server(settings={"rc_joins": {"local": FEW}})
    server.start()
    alice, bob = server.users("alice", "bob")
    rooms = [alice.create_room(preset="public_chat") for _ in range(2)]
    answers = []
    for number in range(8):
        answers.append(bob.post("join", rooms[number % 2]))
        bob.post("rooms", rooms[number % 2], "leave")
    limited(answers)


def test_invitations(make_server: MakeServer) -> None:
    server = make_server(settings={"rc_invites": {"per_issuer": FEW}})
    server.start()
    alice = server.user("alice")
    room = alice.create_room()
    people = server.users(*["guest"] * 8)
    limited([alice.post("rooms", room, "invite", body={"user_id": person.id}) for person in people])
