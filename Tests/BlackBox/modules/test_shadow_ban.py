"""What users may do whom a module has shadow-banned at registration, and what comes of it."""

from __future__ import annotations

import threading
from typing import Any, Callable

import pytest
from blackbox.client import User
from blackbox.modules import Puppet, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
puppet_server = shared_puppet({
    "spam_checker": ["check_registration_for_spam", "check_event_for_spam", "user_may_invite"],
    "third_party_rules": ["check_event_allowed"],
})


@pytest.fixture
def troll(server: LocalServer, puppet: Puppet) -> User:
    puppet.answers("check_registration_for_spam", "return RegistrationBehaviour.SHADOW_BAN")
    user = server.user("troll")
    puppet.forget()
    return user


def at_once(server: LocalServer, user: User, *actions: Callable[[User], Any]) -> list[Any]:
    """What each action returns, each with a session of its own: answers take up to ten seconds."""
    results: list[Any] = [None] * len(actions)

    def run(index: int) -> None:
        session = server.login(user)
        results[index] = actions[index](session)
        session.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_b17_nobody_gets_what_a_shadow_banned_user_says(
    server: LocalServer, puppet: Puppet, troll: User, alice: User, bob: User
) -> None:
    room = alice.create_room(preset="public_chat")
    troll.join(room)
    own = troll.create_room()
    puppet.forget()
    event = {"msgtype": "m.text", "body": "buy this"}
    answers = at_once(
        server, troll,
        lambda user: user.try_send(room, "buy this"),
        lambda user: user.put("rooms", room, "send", "m.room.message", "bad", body={}),
        lambda user: user.put("rooms", "!none:localhost", "send", "m.room.message", "none", body=event),
        lambda user: user.put("rooms", room, "redact", "$event", "redaction"),
        lambda user: user.try_set_state(own, "m.room.topic", {"topic": "buy this"}),
        lambda user: user.put("rooms", own, "state", "m.room.member", bob.id, body={"membership": "invite"}),
        lambda user: user.post("rooms", own, "invite", body={"user_id": bob.id}),
        lambda user: user.put("profile", user.id, "displayname", body={"displayname": "Buy this"}),
        lambda user: user.post("createRoom", body={"invite": [bob.id]}),
        lambda user: [user.put("rooms", room, "send", "m.room.message", "t", body=event).ok() for _ in range(2)],
    )
    for answer in answers[:6]:
        assert answer.ok()["event_id"].startswith("$")
    assert answers[6].ok() == answers[7].ok() == {}
    assert answers[9][0] == answers[9][1]
    assert puppet.calls("check_event_for_spam") == puppet.calls("user_may_invite") == []
    members = alice.get("rooms", room, "members").ok()["chunk"]
    assert {e["state_key"]: e["content"]["membership"] for e in members} == {alice.id: "join", troll.id: "join"}
    assert all(e["content"].get("displayname") != "Buy this" for e in members)
    assert bob.get("profile", troll.id, "displayname").ok() == {"displayname": "Buy this"}
    assert not [e for e in alice.all_messages(room) if e["type"] == "m.room.message"]
    troll.get("rooms", own, "state", "m.room.topic", "").refused(404, "M_NOT_FOUND")
    for mine in (own, answers[8].ok()["room_id"]):
        assert {e["state_key"] for e in troll.get("rooms", mine, "members").ok()["chunk"]} == {troll.id}
    assert not bob.sync().get("rooms", {}).get("invite")


def test_a_shadow_banned_user_comes_and_goes_as_ever(puppet: Puppet, troll: User, alice: User, bob: User) -> None:
    room = alice.create_room(preset="public_chat")
    alice.send(room, "hello")
    troll.join(room)
    assert [e["content"]["body"] for e in troll.all_messages(room) if e["type"] == "m.room.message"] == ["hello"]
    own = troll.create_room()
    troll.post("rooms", own, "ban", body={"user_id": bob.id}).ok()
    assert troll.state(own, "m.room.member", bob.id)["membership"] == "ban"
    # A name of their own in one room is not shown, either.
    troll.try_set_state(room, "m.room.member", {"membership": "join", "displayname": "Buy this"}, troll.id).ok()
    assert alice.state(room, "m.room.member", troll.id).get("displayname") != "Buy this"
    troll.leave(room)
    assert alice.state(room, "m.room.member", troll.id)["membership"] == "leave"


def test_modules_send_for_shadow_banned_users(server: LocalServer, puppet: Puppet, troll: User) -> None:
    room = troll.create_room()
    sent = puppet.result(server, f"""
        event = await api.create_and_send_event_into_room({{
            "type": "m.room.message", "room_id": "{room}", "sender": "{troll.id}",
            "content": {{"msgtype": "m.text", "body": "x"}},
        }})
        return event.event_id
    """)
    assert sent in [event["event_id"] for event in troll.all_messages(room)]
