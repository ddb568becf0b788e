"""What modules may not make of events, and what they see of those that were redacted."""

from __future__ import annotations

import pytest
from blackbox.client import User
from blackbox.modules import Puppet, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
puppet_server = shared_puppet({"third_party_rules": ["check_event_allowed"]})
INVALID = "Third party rules module created an invalid event: "


def replace(puppet: Puppet, content: dict) -> None:
    puppet.answers("check_event_allowed", f"return (True, dict(args[0].get_dict(), content={content!r}))")


@pytest.mark.parametrize(
    ("type", "content", "status", "code", "error"),
    [
        ("m.room.message", {}, 500, "M_UNKNOWN", INVALID + "'body' not in content"),
        ("m.room.message", {"body": "x", "msgtype": 1}, 500, "M_UNKNOWN", INVALID + "'msgtype' not a string type"),
        ("m.room.name", {"name": 1}, 500, "M_UNKNOWN", INVALID + "'name' not a string type"),
        ("m.room.topic", {}, 500, "M_UNKNOWN", INVALID + "'topic' not in content"),
        ("m.room.tombstone", {}, 500, "M_UNKNOWN", INVALID + "Content has no replacement_room key"),
        ("m.room.power_levels", {"users": {"bad": 1}}, 400, "M_UNKNOWN", "Not a valid user_id: bad"),
        ("m.room.power_levels", {"ban": "x"}, 400, "M_BAD_JSON", "\"ban\": 'x' is not of type 'integer'"),
        ("m.room.server_acl", {}, 400, "M_UNKNOWN", "Can't create an ACL event that denies the local server"),
        ("m.room.canonical_alias", {"alias": 1}, 400, "M_INVALID_PARAM", "The alias must be of type string."),
        ("org.example.any", {"a": 1.5}, 400, "M_BAD_JSON", "Bad JSON value: float"),
        ("org.example.any", {"a": 2**53}, 400, "M_BAD_JSON", "JSON integer out of range"),
        ("org.example.any", {"a": "x" * 70_000}, 413, "M_TOO_LARGE", "event too large"),
        ("org.example.any", {"m.mentions": 3}, 400, "M_BAD_JSON", "3 is not of type 'object'"),
        ("org.example.any", {"m.relates_to": {"rel_type": "m.replace", "event_id": "$none"}}, 400, "M_UNKNOWN",
         "Can't send relation to unknown event"),
    ],
)
def test_c5_replacements_are_held_to_the_rules(
    puppet: Puppet, alice: User, room: str, type: str, content: dict, status: int, code: str, error: str
) -> None:
    good = {
        "m.room.message": {"body": "x", "msgtype": "m.text"}, "m.room.name": {"name": "x"},
        "m.room.topic": {"topic": "x"}, "m.room.tombstone": {"replacement_room": "!x:y"},
        "m.room.server_acl": {"allow": ["*"]},
        "m.room.power_levels": {"events_default": 1},
    }.get(type, {})
    replace(puppet, content)
    if type.startswith("m.room.") and type != "m.room.message":
        answer = alice.try_set_state(room, type, good)
    else:
        answer = alice.put("rooms", room, "send", type, alice.transaction(), body=good)
    assert answer.refused(status, code)["error"] == error


def test_modules_are_not_shown_what_lacks_its_own_content(puppet: Puppet, alice: User, room: str) -> None:
    puppet.forget()
    alice.put("rooms", room, "send", "m.room.message", "t1", body={"msgtype": "m.text"}).refused(400, "M_UNKNOWN")
    assert puppet.calls("check_event_allowed") == []


def test_what_a_module_sends_is_held_to_the_rules(server: LocalServer, puppet: Puppet, alice: User, room: str) -> None:
    told = puppet.run(server, f"""
        await api.create_and_send_event_into_room({{
            "type": "m.room.message", "room_id": "{room}", "sender": "{alice.id}", "content": {{}},
        }})
    """)
    assert (told["exception"], told["code"], told["message"]) == ("SynapseError", 400, "'body' not in content")


def test_a_redacted_state_event_is_seen_redacted(server: LocalServer, puppet: Puppet, alice: User, room: str) -> None:
    first = alice.set_state(room, "m.room.topic", {"topic": "secret"})
    alice.set_state(room, "org.example.other", {"word": "stays"})

    def by_callback() -> dict:
        puppet.answers("check_event_allowed", """
            memory["seen"] = {key[0]: (event.event_id, dict(event.content)) for key, event in args[1].items()}
            return (True, None)
        """)
        alice.send(room)
        return puppet.result(server, 'memory["seen"]')

    def by_request() -> dict:
        return puppet.result(server, f"""
            state = await api.get_room_state("{room}")
            return {{key[0]: (event.event_id, dict(event.content)) for key, event in state.items()}}
        """)

    for look in (by_callback, by_request):
        assert look()["m.room.topic"] == [first, {"topic": "secret"}]
    # An older version, held by the module, is not touched.
    puppet.result(server, f"""
        memory["old"] = await api.get_room_state("{room}")
        return len(memory["old"])
    """)
    alice.put("rooms", room, "redact", first, alice.transaction()).ok()
    for look in (by_callback, by_request):
        seen = look()
        assert seen["m.room.topic"] == [first, {}]
        assert seen["org.example.other"][1] == {"word": "stays"}
    assert puppet.result(server, 'dict(memory["old"][("m.room.topic", "")].content)') == {"topic": "secret"}
    # And once more, now that the room's state has moved on.
    second = alice.set_state(room, "m.room.topic", {"topic": "another secret"})
    other = alice.set_state(room, "org.example.other", {"word": "changed"})
    for look in (by_request, by_callback):
        assert look()["m.room.topic"] == [second, {"topic": "another secret"}]
    alice.put("rooms", room, "redact", other, alice.transaction()).ok()
    alice.put("rooms", room, "redact", second, alice.transaction()).ok()
    for look in (by_request, by_callback):
        seen = look()
        assert seen["m.room.topic"] == [second, {}]
        assert seen["org.example.other"] == [other, {}]
