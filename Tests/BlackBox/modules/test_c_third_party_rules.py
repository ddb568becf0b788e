"""C. Third-party rules, written for Synapse, in Python."""

from __future__ import annotations

import pytest
from blackbox.client import Client, User
from blackbox.modules import Puppet, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server

puppet_server = shared_puppet({
    "third_party_rules": [
        "check_event_allowed", "on_create_room", "check_visibility_can_be_modified", "on_new_event", "on_profile_update",
        "check_can_deactivate_user", "on_user_deactivation_status_changed",
    ],
})

NOT_ALLOWED = "This event is not allowed in this context"


def of_type(calls: list, type: str) -> list:
    return [call for call in calls if call[0]["type"] == type]


def test_c1_events_are_allowed_and_denied_by_type(puppet: Puppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", 'return (args[0].type != "foo.bar.forbidden", None)')
    alice.send(room, type="foo.bar.allowed")
    (call,) = of_type(puppet.calls("check_event_allowed"), "foo.bar.allowed")
    state = {tuple(key): event for key, event in call[1]["map"]}
    for key in (("m.room.create", ""), ("m.room.member", alice.id)):
        assert (state[key]["type"], state[key]["state_key"]) == key
    assert alice.try_send(room, type="foo.bar.forbidden").refused(403, "M_FORBIDDEN")["error"] == NOT_ALLOWED


def test_c2_an_error_in_the_modules_own_words(puppet: Puppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", """
        class Nasty(SynapseError):
            def error_dict(self, config):
                told = super().error_dict(config)
                told["nasty"] = "very"
                return told
        raise Nasty(429, "message")
    """)
    answer = alice.try_send(room)
    assert answer.status == 429
    assert answer.json == {"errcode": "M_UNKNOWN", "error": "message", "nasty": "very"}


def test_c3_an_event_cannot_be_changed_in_place(puppet: Puppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", 'args[0].content["body"] = "changed"\nreturn (True, None)')
    alice.try_send(room, "before").refused(500, "M_UNKNOWN")
    puppet.forget()
    assert "before" not in str(alice.all_messages(room))


def test_c4_an_event_can_be_replaced_and_so_can_an_edit(puppet: Puppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", """
        told = args[0].get_dict()
        told["content"] = {"x": "y"} if "m.relates_to" not in told["content"] else dict(told["content"], body="EDITED")
        return (True, told)
    """)
    event = alice.send(room, type="org.example.note", text="hello")
    assert alice.get("rooms", room, "event", event).ok()["content"] == {"x": "y"}
    relation = {"m.relates_to": {"rel_type": "m.replace", "event_id": event}}
    edit = alice.send(room, "* hi", **{"m.new_content": {"msgtype": "m.text", "body": "hi"}, **relation})
    assert alice.get("rooms", room, "event", edit).ok()["content"]["body"] == "EDITED"


@pytest.mark.parametrize(
    "change",
    ['told["type"] = "other"', 'told["room_id"] = "!other:localhost"', 'told["state_key"] = ""',
     'told["sender"] = "@eve:elsewhere"'],
)
def test_c5_what_an_event_is_cannot_be_changed(puppet: Puppet, alice: User, room: str, change: str) -> None:
    puppet.answers("check_event_allowed", f"told = args[0].get_dict()\n{change}\nreturn (True, told)")
    alice.try_send(room).refused(500, "M_UNKNOWN")


def test_c5_a_replacement_has_to_be_a_valid_event(puppet: Puppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", 'return (True, dict(args[0].get_dict(), content={"x": "y"}))')
    error = alice.try_send(room).refused(500, "M_UNKNOWN")["error"]
    assert error == "Third party rules module created an invalid event: 'body' not in content"


@pytest.mark.parametrize("answer", ["True", "{}", 'args[0].get_dict()', "(True,)", '(True, None, None)', '"yes"'])
def test_c6_an_answer_that_is_no_pair_fails(puppet: Puppet, alice: User, room: str, answer: str) -> None:
    puppet.answers("check_event_allowed", answer)
    alice.try_send(room).refused(500, "M_UNKNOWN")


def test_c6_only_false_denies(puppet: Puppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", "(None, None)")
    alice.send(room)


def test_c8_state_a_module_sends_while_it_is_asked_stays(puppet: Puppet, alice: User) -> None:
    room = alice.create_room()
    puppet.answers("check_event_allowed", """
        event, state = args
        if event.type == "m.room.power_levels" and event.is_state():
            await api.create_and_send_event_into_room({
                "room_id": event.room_id, "sender": event.sender, "type": "bzh.friendica", "state_key": "",
                "content": dict(event.content.get("marker", {"n": -1})),
            })
        return True, None
    """)
    levels = alice.state(room, "m.room.power_levels")
    for n in range(5):
        levels["marker"] = {"n": n}
        alice.set_state(room, "m.room.power_levels", levels)
        assert alice.state(room, "bzh.friendica") == {"n": n}
        assert alice.state(room, "m.room.power_levels")["marker"] == {"n": n}


def test_c9_joins_invites_and_new_rooms_are_asked_about(puppet: Puppet, alice: User, bob: User) -> None:
    room = alice.create_room(preset="public_chat")
    types = [call[0]["type"] for call in puppet.calls("check_event_allowed")]
    assert {"m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules"} <= set(types)
    puppet.answers("check_event_allowed", 'return (args[0].type not in ("m.room.member", "m.room.create"), None)')
    assert bob.post("join", room).refused(403, "M_FORBIDDEN")["error"] == NOT_ALLOWED
    alice.post("rooms", room, "invite", body={"user_id": bob.id}).refused(403, "M_FORBIDDEN")
    alice.post("createRoom", body={}).refused(403, "M_FORBIDDEN")


def test_c10_new_events_are_told_of_once_with_the_state_they_made(puppet: Puppet, alice: User, bob: User) -> None:
    room = alice.create_room()
    event = alice.send(room, "psst")
    (call,) = [c for c in puppet.wait_for_calls("on_new_event", 7) if c[0]["event_id"] == event] or [None]
    assert call is not None
    alice.invite(room, bob.id)

    def invites() -> list:
        calls = puppet.calls("on_new_event")
        return [c for c in calls if c[0]["type"] == "m.room.member" and c[0].get("state_key") == bob.id]

    count = len(puppet.calls("on_new_event"))
    if not invites():
        puppet.wait_for_calls("on_new_event", count + 1)
    (invite,) = invites()
    state = {tuple(key): event for key, event in invite[1]["map"]}
    assert state[("m.room.member", bob.id)]["content"]["membership"] == "invite"
    assert len([c for c in puppet.calls("on_new_event") if c[0]["event_id"] == event]) == 1


def test_c10_an_error_in_it_is_only_logged_and_the_sender_does_not_wait(
    puppet: Puppet, server: LocalServer, alice: User, room: str
) -> None:
    puppet.answers("on_new_event", 'raise RuntimeError("out of sorts")')
    alice.send(room, "one")
    puppet.wait_for_calls("on_new_event")
    puppet.answers("on_new_event", 'await api.sleep(3)\nmemory["done"] = True')
    alice.send(room, "two")
    assert puppet.result(server, 'memory.get("done")') is None


def test_c11_a_request_to_create_a_room_can_be_changed_and_refused(
    puppet: Puppet, alice: User, admin: User
) -> None:
    puppet.answers("on_create_room", """
        args[1].setdefault("initial_state", []).append(
            {"type": "org.example.mark", "state_key": "", "content": {"by": "module"}})
    """)
    room = alice.create_room()
    assert alice.state(room, "org.example.mark") == {"by": "module"}
    admin.create_room()
    calls = puppet.calls("on_create_room")
    assert [(call[0], call[2]) for call in calls] == [({"requester": alice.id}, False), ({"requester": admin.id}, True)]
    puppet.answers("on_create_room", 'raise SynapseError(400, "no such rooms", "M_X")')
    assert alice.post("createRoom", body={}).refused(400, "M_X") == {"errcode": "M_X", "error": "no such rooms"}
    puppet.answers("on_create_room", 'raise ValueError("x")')
    denied = alice.post("createRoom", body={}).refused(403, "M_UNKNOWN")
    assert denied["error"] == "Room creation forbidden with these parameters"


def test_c12_visibility_can_be_kept_as_it_is(puppet: Puppet, alice: User, room: str) -> None:
    puppet.forget()
    puppet.answers("check_visibility_can_be_modified", 'return args[2] != "public"')
    denied = alice.post("createRoom", body={"visibility": "public"}).refused(403, "M_UNKNOWN")
    assert denied["error"] == "Room visibility value not allowed."
    alice.create_room()
    asked = puppet.calls("check_visibility_can_be_modified")
    assert [(call[1], call[2]) for call in asked] == [({}, "public"), ({}, "private")]
    listing = ("directory", "list", "room", room)
    denied = alice.put(*listing, body={"visibility": "public"}).refused(403, "M_UNKNOWN")
    assert denied["error"] == "Not allowed to publish room"
    (call,) = [c for c in puppet.calls("check_visibility_can_be_modified") if c[0] == room]
    assert ["m.room.create", ""] in [key for key, _ in call[1]["map"]]
    alice.put(*listing, body={"visibility": "private"}).ok()
    assert len([c for c in puppet.calls("check_visibility_can_be_modified") if c[0] == room]) == 1
    puppet.answers("check_visibility_can_be_modified", 'raise RuntimeError("x")')
    alice.put(*listing, body={"visibility": "public"}).ok()


def test_c13_profiles(puppet: Puppet, alice: User) -> None:
    alice.put("profile", alice.id, "displayname", body={"displayname": "Alice A."}).ok()
    alice.put("profile", alice.id, "avatar_url", body={"avatar_url": "mxc://localhost/a"}).ok()
    calls = puppet.calls("on_profile_update")
    assert [(call[0], call[2], call[3]) for call in calls] == [(alice.id, False, False)] * 2
    assert puppet.calls("check_event_allowed") == []


def test_c13_profiles_come_with_both_parts(puppet: Puppet, server: LocalServer, alice: User) -> None:
    puppet.answers("on_profile_update", """
        memory.setdefault("seen", []).append([args[1].display_name, args[1].avatar_url])
    """)
    alice.put("profile", alice.id, "displayname", body={"displayname": "A"}).ok()
    alice.put("profile", alice.id, "avatar_url", body={"avatar_url": "mxc://localhost/b"}).ok()
    assert puppet.result(server, 'memory.pop("seen")') == [["A", None], ["A", "mxc://localhost/b"]]


def deactivate(user: User, **body: object) -> object:
    auth = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user.id}, "password": user.password}
    return user.post("account", "deactivate", body={"auth": auth, **body})


def test_c14_deactivation(puppet: Puppet, server: LocalServer, alice: User) -> None:
    answer = deactivate(alice, erase=True)
    assert answer.status == 200, answer
    assert puppet.calls("on_user_deactivation_status_changed") == [[alice.id, True, False]]
    (call,) = puppet.calls("on_profile_update")
    assert (call[0], call[2], call[3]) == (alice.id, False, True)
    login = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.id}, "password": alice.password}
    Client(server.base_url).post("login", body=login).refused(403, "M_USER_DEACTIVATED", "M_FORBIDDEN")


def test_c15_deactivation_can_be_refused(puppet: Puppet, alice: User) -> None:
    puppet.answers("check_can_deactivate_user", "False")
    answer = deactivate(alice)
    assert answer.refused(403, "M_FORBIDDEN")["error"] == "Deactivation of this user is forbidden"
    assert puppet.calls("check_can_deactivate_user") == [[alice.id, False]]
    alice.get("account", "whoami").ok()
