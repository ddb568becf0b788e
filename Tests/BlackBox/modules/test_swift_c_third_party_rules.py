"""C. Third-party rules in Swift."""

from __future__ import annotations

import pytest
from blackbox.client import Client, User
from blackbox.modules import SwiftPuppet, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server

puppet_server = shared_puppet({
    "third_party_rules": [
        "check_event_allowed", "on_create_room", "check_visibility_can_be_modified", "on_new_event", "on_profile_update",
        "check_can_deactivate_user", "on_user_deactivation_status_changed",
    ],
}, SwiftPuppet)

NOT_ALLOWED = "This event is not allowed in this context"


def of_type(*types: str) -> dict:
    """Has an answer hold for events of these types only."""
    return {"argument": 0, "member": "type", "is": list(types)}


def test_c1_events_are_allowed_and_denied_by_type(puppet: SwiftPuppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", {"when": of_type("foo.bar.forbidden"), "deny": True})
    alice.send(room, type="foo.bar.allowed")
    (call,) = [c for c in puppet.calls("check_event_allowed") if c[0]["type"] == "foo.bar.allowed"]
    state = {tuple(key): event for key, event in call[1]["map"]}
    for key in (("m.room.create", ""), ("m.room.member", alice.id)):
        assert (state[key]["type"], state[key]["state_key"]) == key
    assert alice.try_send(room, type="foo.bar.forbidden").refused(403, "M_FORBIDDEN")["error"] == NOT_ALLOWED


@pytest.mark.parametrize("way", ["deny", "throw"])
def test_c2_an_error_in_the_modules_own_words(puppet: SwiftPuppet, alice: User, room: str, way: str) -> None:
    error = {"status": 429, "errcode": "M_UNKNOWN", "error": "message", "fields": {"nasty": "very"}}
    puppet.answers("check_event_allowed", **{way: error})
    answer = alice.try_send(room)
    assert answer.status == 429
    assert answer.json == {"errcode": "M_UNKNOWN", "error": "message", "nasty": "very"}


def test_c2_any_other_error_is_a_500(puppet: SwiftPuppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", throw="x")
    alice.try_send(room, "before").refused(500, "M_UNKNOWN")
    puppet.forget()
    assert "before" not in str(alice.all_messages(room))


def test_c4_an_event_can_be_replaced_and_so_can_an_edit(puppet: SwiftPuppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", content={"x": "y"})
    event = alice.send(room, type="org.example.note", text="hello")
    assert alice.get("rooms", room, "event", event).ok()["content"] == {"x": "y"}
    relation = {"m.relates_to": {"rel_type": "m.replace", "event_id": event}}
    edited = {"msgtype": "m.text", "body": "EDITED", "m.new_content": {"msgtype": "m.text", "body": "EDITED"}, **relation}
    puppet.answers("check_event_allowed", content=edited)
    edit = alice.send(room, "* hi", **{"m.new_content": {"msgtype": "m.text", "body": "hi"}, **relation})
    assert alice.get("rooms", room, "event", edit).ok()["content"]["body"] == "EDITED"


@pytest.mark.parametrize(
    "change", [{"type": "other"}, {"room_id": "!other:localhost"}, {"state_key": ""}, {"sender": "@eve:elsewhere"}])
def test_c5_what_an_event_is_cannot_be_changed(puppet: SwiftPuppet, alice: User, room: str, change: dict) -> None:
    puppet.answers("check_event_allowed", set=change)
    alice.try_send(room).refused(500, "M_UNKNOWN")


def test_c5_a_replacement_has_to_be_a_valid_event(puppet: SwiftPuppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", content={"x": "y"})
    error = alice.try_send(room).refused(500, "M_UNKNOWN")["error"]
    assert error == "Third party rules module created an invalid event: 'body' not in content"


def test_c8_state_a_module_sends_while_it_is_asked_stays(puppet: SwiftPuppet, alice: User) -> None:
    room = alice.create_room()
    levels = alice.state(room, "m.room.power_levels")
    for n in range(5):
        command = {
            "call": "rooms.send", "room": room, "sender": alice.id, "type": "bzh.friendica", "state_key": "",
            "content": {"n": n},
        }
        puppet.answers("check_event_allowed", {"when": of_type("m.room.power_levels"), "do": [command]})
        levels["marker"] = {"n": n}
        alice.set_state(room, "m.room.power_levels", levels)
        assert alice.state(room, "bzh.friendica") == {"n": n}
        assert alice.state(room, "m.room.power_levels")["marker"] == {"n": n}


def test_c9_joins_invites_and_new_rooms_are_asked_about(puppet: SwiftPuppet, alice: User, bob: User) -> None:
    room = alice.create_room(preset="public_chat")
    types = [call[0]["type"] for call in puppet.calls("check_event_allowed")]
    assert {"m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules"} <= set(types)
    puppet.answers("check_event_allowed", {"when": of_type("m.room.member", "m.room.create"), "deny": True})
    assert bob.post("join", room).refused(403, "M_FORBIDDEN")["error"] == NOT_ALLOWED
    alice.post("rooms", room, "invite", body={"user_id": bob.id}).refused(403, "M_FORBIDDEN")
    alice.post("createRoom", body={}).refused(403, "M_FORBIDDEN")


def test_c10_new_events_are_told_of_once_with_the_state_they_made(
    puppet: SwiftPuppet, alice: User, bob: User
) -> None:
    room = alice.create_room()
    event = alice.send(room, "psst")
    alice.invite(room, bob.id)

    def seen() -> list:
        return [c for c in puppet.calls("on_new_event") if c[0].get("room_id") == room]

    count = len(puppet.calls("on_new_event"))
    while not any(c[0].get("state_key") == bob.id for c in seen()):
        count = len(puppet.wait_for_calls("on_new_event", count + 1))
    (invite,) = [c for c in seen() if c[0]["type"] == "m.room.member" and c[0].get("state_key") == bob.id]
    state = {tuple(key): event for key, event in invite[1]["map"]}
    assert state[("m.room.member", bob.id)]["content"]["membership"] == "invite"
    assert len([c for c in seen() if c[0]["event_id"] == event]) == 1


def test_c10_an_error_in_it_is_only_logged_and_the_sender_does_not_wait(
    puppet: SwiftPuppet, alice: User, room: str
) -> None:
    puppet.answers("on_new_event", throw="out of sorts")
    alice.send(room, "one")
    puppet.wait_for_calls("on_new_event")
    count = {"call": "background.run", "name": "slow"}
    puppet.answers("on_new_event", sleep_ms=3000, do=[count])
    alice.send(room, "two")


def test_c11_a_request_to_create_a_room_can_be_changed_and_refused(
    puppet: SwiftPuppet, alice: User, admin: User
) -> None:
    mark = {"type": "org.example.mark", "state_key": "", "content": {"by": "module"}}
    puppet.answers("on_create_room", set={"initial_state": [mark]})
    room = alice.create_room()
    assert alice.state(room, "org.example.mark") == {"by": "module"}
    admin.create_room()
    calls = puppet.calls("on_create_room")
    assert [(call[0], call[2]) for call in calls] == [({"requester": alice.id}, False), ({"requester": admin.id}, True)]
    puppet.answers("on_create_room", throw={"status": 400, "errcode": "M_X", "error": "no such rooms"})
    assert alice.post("createRoom", body={}).refused(400, "M_X") == {"errcode": "M_X", "error": "no such rooms"}
    puppet.answers("on_create_room", throw="x")
    denied = alice.post("createRoom", body={}).refused(403, "M_UNKNOWN")
    assert denied["error"] == "Room creation forbidden with these parameters"


def test_c12_visibility_can_be_kept_as_it_is(puppet: SwiftPuppet, alice: User, room: str) -> None:
    puppet.forget()
    puppet.answers("check_visibility_can_be_modified", {"when": {"argument": 2, "is": ["public"]}, "deny": True})
    denied = alice.post("createRoom", body={"visibility": "public"}).refused(403, "M_UNKNOWN")
    assert denied["error"] == "Room visibility value not allowed."
    alice.create_room()
    asked = puppet.calls("check_visibility_can_be_modified")
    assert [(call[1], call[2]) for call in asked] == [({"map": []}, "public"), ({"map": []}, "private")]
    listing = ("directory", "list", "room", room)
    denied = alice.put(*listing, body={"visibility": "public"}).refused(403, "M_UNKNOWN")
    assert denied["error"] == "Not allowed to publish room"
    (call,) = [c for c in puppet.calls("check_visibility_can_be_modified") if c[0] == room]
    assert ["m.room.create", ""] in [key for key, _ in call[1]["map"]]
    alice.put(*listing, body={"visibility": "private"}).ok()
    assert len([c for c in puppet.calls("check_visibility_can_be_modified") if c[0] == room]) == 1
    puppet.answers("check_visibility_can_be_modified", throw="x")
    alice.put(*listing, body={"visibility": "public"}).ok()


def test_c13_profiles_come_with_both_parts(puppet: SwiftPuppet, alice: User) -> None:
    alice.put("profile", alice.id, "displayname", body={"displayname": "A"}).ok()
    alice.put("profile", alice.id, "avatar_url", body={"avatar_url": "mxc://localhost/b"}).ok()
    assert puppet.calls("on_profile_update") == [
        [alice.id, {"display_name": "A", "avatar_url": None}, False, False],
        [alice.id, {"display_name": "A", "avatar_url": "mxc://localhost/b"}, False, False],
    ]
    assert puppet.calls("check_event_allowed") == []


def test_c13_a_module_that_changes_a_profile_is_an_administrator(
    puppet: SwiftPuppet, server: LocalServer, alice: User
) -> None:
    puppet.result(server, "users.set_display_name", user=alice.id, name="By module")
    assert puppet.calls("on_profile_update")[-1] == [
        alice.id, {"display_name": "By module", "avatar_url": None}, True, False,
    ]


def deactivate(user: User, **body: object) -> object:
    auth = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user.id}, "password": user.password}
    return user.post("account", "deactivate", body={"auth": auth, **body})


def test_c14_deactivation(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    answer = deactivate(alice, erase=True)
    assert answer.status == 200, answer
    assert puppet.calls("on_user_deactivation_status_changed") == [[alice.id, True, False]]
    nothing = {"display_name": None, "avatar_url": None}
    assert puppet.calls("on_profile_update") == [[alice.id, nothing, False, True]]
    login = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.id}, "password": alice.password}
    Client(server.base_url).post("login", body=login).refused(403, "M_USER_DEACTIVATED", "M_FORBIDDEN")


def test_c15_deactivation_can_be_refused(puppet: SwiftPuppet, alice: User) -> None:
    puppet.answers("check_can_deactivate_user", deny=True)
    answer = deactivate(alice)
    assert answer.refused(403, "M_FORBIDDEN")["error"] == "Deactivation of this user is forbidden"
    assert puppet.calls("check_can_deactivate_user") == [[alice.id, False]]
    alice.get("account", "whoami").ok()
