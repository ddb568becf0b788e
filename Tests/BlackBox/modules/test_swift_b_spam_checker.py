"""B. Spam checkers in Swift."""

from __future__ import annotations

import pytest
from blackbox.client import Client, User
from blackbox.modules import SwiftPuppet, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server

puppet_server = shared_puppet({
    "spam_checker": [
        "check_event_for_spam", "user_may_join_room", "user_may_invite", "user_may_create_room",
        "user_may_create_room_alias", "user_may_publish_room", "user_may_send_state_event",
        "check_registration_for_spam", "check_login_for_spam",
    ],
}, SwiftPuppet)

SPAM = "This message has been rejected as probable spam"
TOLD = {"errcode": "M_BAD_ALIAS", "fields": {"another_field": "12345"}}


def test_b1_an_allowed_message_is_sent(puppet: SwiftPuppet, alice: User, room: str) -> None:
    alice.send(room, "hello")
    assert puppet.calls("check_event_for_spam")[-1][0]["content"]["body"] == "hello"


@pytest.mark.parametrize(
    ("deny", "code", "error", "fields"),
    [
        (True, "M_FORBIDDEN", SPAM, {}),
        ({"error": "ANY OTHER STRING"}, "M_FORBIDDEN", "ANY OTHER STRING", {}),
        ({"errcode": "M_LIMIT_EXCEEDED"}, "M_LIMIT_EXCEEDED", SPAM, {}),
        (
            {"errcode": "M_SERVER_NOT_TRUSTED", "fields": {"additional_field": "12345"}}, "M_SERVER_NOT_TRUSTED", SPAM,
            {"additional_field": "12345"},
        ),
        ({"error": "a", "fields": {"error": "mine"}}, "M_FORBIDDEN", "mine", {}),
    ],
)
def test_b1_b2_a_denied_message_is_refused_in_the_modules_words(
    puppet: SwiftPuppet, alice: User, room: str, deny: object, code: str, error: str, fields: dict
) -> None:
    puppet.answers("check_event_for_spam", deny=deny)
    assert alice.try_send(room).refused(403, code) == {"errcode": code, "error": error, **fields}


def test_b4_an_error_of_matrix_reaches_the_client_and_any_other_is_a_500(
    puppet: SwiftPuppet, alice: User, room: str
) -> None:
    before = len(alice.all_messages(room))
    puppet.answers("check_event_for_spam", throw={"status": 418, "errcode": "M_TEAPOT", "error": "x"})
    assert alice.try_send(room).refused(418, "M_TEAPOT") == {"errcode": "M_TEAPOT", "error": "x"}
    puppet.answers("check_event_for_spam", throw="x")
    assert alice.try_send(room).refused(500, "M_UNKNOWN")["error"] == "Internal server error"
    puppet.forget()
    assert len(alice.all_messages(room)) == before


def test_b5_memberships_and_the_events_of_a_new_room_pass_by(puppet: SwiftPuppet, alice: User, bob: User) -> None:
    puppet.answers("check_event_for_spam", deny=True)
    room = alice.create_room(preset="public_chat")
    bob.join(room)
    bob.leave(room)
    alice.invite(room, bob.id)
    assert puppet.calls("check_event_for_spam") == []


def test_b8_joining_is_asked_about_with_or_without_an_invite(
    puppet: SwiftPuppet, alice: User, bob: User, admin: User
) -> None:
    puppet.answers("user_may_join_room", deny=True)
    room = alice.create_room(preset="public_chat")
    assert puppet.calls("user_may_join_room") == []
    assert bob.post("join", room).refused(403, "M_FORBIDDEN")["error"] == "Not allowed to join this room"
    alice.invite(room, bob.id)
    bob.post("join", room).refused(403, "M_FORBIDDEN")
    assert puppet.calls("user_may_join_room") == [[bob.id, room, False], [bob.id, room, True]]
    puppet.answers("user_may_join_room", deny={"errcode": "M_CONSENT_NOT_GIVEN"})
    bob.post("join", room).refused(403, "M_CONSENT_NOT_GIVEN")
    puppet.answers("user_may_join_room", deny=TOLD)
    assert bob.post("join", room).refused(403, "M_BAD_ALIAS")["another_field"] == "12345"
    asked = len(puppet.calls("user_may_join_room"))
    admin.join(room)
    assert len(puppet.calls("user_may_join_room")) == asked
    puppet.answers("user_may_join_room")
    bob.join(room)


def test_b9_inviting(puppet: SwiftPuppet, alice: User, bob: User, admin: User) -> None:
    room = alice.create_room(preset="public_chat")
    puppet.answers("user_may_invite", deny=True)
    denied = alice.post("rooms", room, "invite", body={"user_id": bob.id}).refused(403, "M_FORBIDDEN")
    assert denied["error"] == "Invites have been disabled on this server"
    assert puppet.calls("user_may_invite") == [[alice.id, bob.id, room]]
    alice.post("createRoom", body={"invite": [bob.id]}).refused(403, "M_FORBIDDEN")
    admin.create_room(invite=[bob.id])
    puppet.forget()
    alice.invite(room, bob.id)


def test_b12_creating_a_room(puppet: SwiftPuppet, alice: User, admin: User) -> None:
    body = {
        "preset": "public_chat", "org.example.unknown": {"kept": [1]},
        "initial_state": [{"type": "m.room.topic", "content": {"topic": "t"}}],
    }
    alice.create_room(**body)
    assert puppet.calls("user_may_create_room") == [[alice.id, body]]
    puppet.answers("user_may_create_room", deny={"errcode": "M_UNAUTHORIZED"})
    denied = alice.post("createRoom", body=body).refused(403, "M_UNAUTHORIZED")
    assert denied["error"] == "You are not permitted to create rooms"
    admin.create_room()
    assert len(puppet.calls("user_may_create_room")) == 2


def test_b14_state_events_of_clients(puppet: SwiftPuppet, alice: User, room: str) -> None:
    alice.set_state(room, "m.room.topic", {"topic": "a"})
    assert puppet.calls("user_may_send_state_event") == [[alice.id, room, "m.room.topic", "", {"topic": "a"}]]
    for deny, code in ((True, "M_FORBIDDEN"), ({"errcode": "M_BAD_ALIAS"}, "M_BAD_ALIAS")):
        puppet.answers("user_may_send_state_event", deny=deny)
        denied = alice.try_set_state(room, "m.room.topic", {"topic": "b"})
        assert denied.refused(403, code)["error"] == "You are not permitted to send the state event"
    alice.create_room(name="not asked about")
    assert alice.state(room, "m.room.topic") == {"topic": "a"}


def test_b15_aliases_and_the_room_list(puppet: SwiftPuppet, alice: User, room: str) -> None:
    alias = f"#a{alice.localpart}:localhost"
    puppet.answers("user_may_create_room_alias", deny=True)
    denied = alice.put("directory", "room", alias, body={"room_id": room}).refused(403, "M_FORBIDDEN")
    assert denied["error"] == "This user is not permitted to create this alias"
    assert puppet.calls("user_may_create_room_alias") == [[alice.id, {"id": alias}]]
    alice.post("createRoom", body={"room_alias_name": f"b{alice.localpart}"}).refused(403, "M_FORBIDDEN")
    puppet.answers("user_may_publish_room", deny=True)
    for visibility in ("public", "private"):
        answer = alice.put("directory", "list", "room", room, body={"visibility": visibility})
        assert answer.refused(403, "M_FORBIDDEN")["error"] == (
            "This user is not permitted to publish rooms to the room list"
        )
    assert puppet.calls("user_may_publish_room") == [[alice.id, room]] * 2


def test_b17_registration(puppet: SwiftPuppet, server: LocalServer) -> None:
    client = Client(server.base_url)
    body = {"username": "newcomer", "password": "a long enough one", "auth": {"type": "m.login.dummy"}}
    puppet.answers("check_registration_for_spam", result="deny")
    assert client.post("register", body=body).refused(429, "M_UNKNOWN")["error"] == "Rate limited"
    (threepid, username, requests, provider) = puppet.calls("check_registration_for_spam")[0]
    assert (threepid, username, provider) == (None, "newcomer", None)
    assert [len(pair) for pair in requests] == [2] and requests[0][1] == "127.0.0.1"
    puppet.answers("check_registration_for_spam", throw="x")
    client.post("register", body={**body, "username": "newcomer2"}).refused(500, "M_UNKNOWN")
    puppet.answers("check_registration_for_spam", result="shadow_ban")
    banned = client.post("register", body={**body, "username": "newcomer3"}).ok()["user_id"]
    assert puppet.result(server, "users.info", user=banned)["is_shadow_banned"] is True
    client.close()


def test_b19_login(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    body = {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.localpart},
        "password": alice.password, "initial_device_display_name": "spy",
    }
    puppet.answers("check_login_for_spam", deny={"errcode": "M_LIMIT_EXCEEDED", "fields": {"extra": "value"}})
    client = Client(server.base_url)
    denied = client.post("login", body=body).refused(403, "M_LIMIT_EXCEEDED")
    assert denied["extra"] == "value" and denied["error"] == "Login was blocked by the server"
    (user, device, name, requests, provider) = puppet.calls("check_login_for_spam")[0]
    assert (user, device, name, provider) == (alice.id, None, "spy", None)
    assert len(requests) == 1 and requests[0][1] == "127.0.0.1"
    assert len(alice.get("devices").ok()["devices"]) == 1
    puppet.forget()
    client.post("login", body=body).ok()
    client.close()


def test_b13_upgrading_a_room_is_creating_one(puppet: SwiftPuppet, alice: User) -> None:
    room = alice.create_room(room_version="11", preset="public_chat", topic="Topic")
    puppet.answers("user_may_create_room", deny={"errcode": "M_UNAUTHORIZED"})
    asked = len(puppet.calls("user_may_create_room"))
    alice.post("rooms", room, "upgrade", body={"new_version": "12"}).refused(403, "M_UNAUTHORIZED")
    (user, config) = puppet.calls("user_may_create_room")[asked]
    assert user == alice.id and config["creation_content"]["predecessor"]["room_id"] == room
    (topic,) = [entry for entry in config["initial_state"] if entry["type"] == "m.room.topic"]
    assert (topic["state_key"], topic["content"]["topic"]) == ("", "Topic")
    puppet.forget()
    assert alice.post("rooms", room, "upgrade", body={"new_version": "12"}).ok()["replacement_room"] != room
