"""A1, B3, C7, C10, E15, F11 and G2. What modules of both languages come to together, in either order."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest
from blackbox.client import User
from blackbox.modules import Puppet, SwiftPuppet, python_path, settings_for_python
from blackbox.server import LocalServer, new_server

pytestmark = pytest.mark.own_server

CALLBACKS = {
    "spam_checker": ["check_event_for_spam", "user_may_join_room"],
    "third_party_rules": ["check_event_allowed", "on_new_event", "on_create_room"],
    "account_validity": ["is_user_expired", "on_user_login"],
    "account_data": ["on_account_data_updated"],
    "add_extra_fields_to_unsigned_client_event": ["add_field_to_unsigned_callback"],
}
KINDS: dict[str, type[Puppet]] = {"swift": SwiftPuppet, "python": Puppet}


@pytest.fixture(scope="module", params=[("swift", "python"), ("python", "swift")], ids="-then-".join)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server and its two modules."""
    folder = tmp_path_factory.mktemp("both")
    puppets = [KINDS[name](folder / name, name, CALLBACKS) for name in request.param]
    server = new_server(
        folder / "server", "sqlite", settings_for_python(modules=[puppet.entry() for puppet in puppets]))
    server.environment.update(python_path())
    server.start()
    yield server, puppets
    server.discard()


@pytest.fixture
def server(both: Any) -> LocalServer:
    return both[0]


@pytest.fixture
def puppets(both: Any) -> list[Puppet]:
    for puppet in both[1]:
        puppet.forget()
    return both[1]


def say(puppet: Puppet, callback: str, swift: dict, python: str) -> None:
    """Tells a module of either language what to answer."""
    if isinstance(puppet, SwiftPuppet):
        puppet.answers(callback, **swift)
    else:
        puppet.answers(callback, python)


def deny(puppet: Puppet, callback: str, code: str) -> None:
    say(puppet, callback, {"deny": {"errcode": f"M_{code}"}}, f"Codes.{code}")


def replace(puppet: Puppet, content: dict) -> None:
    say(
        puppet, "check_event_allowed", {"content": content},
        f"return (True, dict(args[0].get_dict(), content={content!r}))",
    )


def asked(puppets: list[Puppet], callback: str) -> list[int]:
    return [len(puppet.calls(callback)) for puppet in puppets]


def wait_for_event(puppet: Puppet, event: str) -> None:
    """Waits until a module was told of an event; some of the room's making may still come before it."""
    count = 0
    while event not in [call[0]["event_id"] for call in puppet.calls("on_new_event")]:
        count = len(puppet.wait_for_calls("on_new_event", count + 1))


@pytest.fixture
def clear(puppets: list[Puppet], room: str) -> list[Puppet]:
    """The modules, which have no calls of the room's making."""
    for puppet in puppets:
        puppet.forget()
    return puppets


def test_b3_the_first_denial_decides_and_ends_it(clear: list[Puppet], alice: User, room: str) -> None:
    first, second = clear
    alice.send(room)
    assert asked(clear, "check_event_for_spam") == [1, 1]
    deny(second, "check_event_for_spam", "FORBIDDEN")
    alice.try_send(room).refused(403, "M_FORBIDDEN")
    assert asked(clear, "check_event_for_spam") == [2, 2]
    deny(first, "check_event_for_spam", "LIMIT_EXCEEDED")
    alice.try_send(room).refused(403, "M_LIMIT_EXCEEDED")
    assert asked(clear, "check_event_for_spam") == [3, 2]


def test_b8_a_denied_join_in_either_language(clear: list[Puppet], server: LocalServer, room: str) -> None:
    eve = server.user("eve")
    for puppet in clear:
        deny(puppet, "user_may_join_room", "CONSENT_NOT_GIVEN")
        eve.post("join", room).refused(403, "M_CONSENT_NOT_GIVEN")
        for each in clear:
            each.forget()
    eve.join(room)


def test_c2_an_error_of_the_first_ends_it(clear: list[Puppet], alice: User, room: str) -> None:
    error = {"status": 418, "errcode": "M_TEAPOT", "error": "x"}
    say(clear[0], "check_event_allowed", {"throw": error}, 'raise SynapseError(418, "x", "M_TEAPOT")')
    alice.try_send(room).refused(418, "M_TEAPOT")
    assert asked(clear, "check_event_allowed") == [1, 0]
    say(clear[0], "check_event_allowed", {"throw": "x"}, 'raise RuntimeError("x")')
    alice.try_send(room).refused(500, "M_UNKNOWN")
    assert asked(clear, "check_event_allowed") == [2, 0]


def test_c7_a_replacement_ends_it_and_the_spam_checkers_see_it(clear: list[Puppet], alice: User, room: str) -> None:
    first, second = clear
    replace(first, {"body": "first"})
    replace(second, {"body": "second"})
    event = alice.send(room, type="org.example.note")
    assert alice.get("rooms", room, "event", event).ok()["content"] == {"body": "first"}
    assert asked(clear, "check_event_allowed") == [1, 0]
    for puppet in clear:
        assert [call[0]["content"] for call in puppet.calls("check_event_for_spam")] == [{"body": "first"}]
    say(first, "check_event_allowed", {}, "(True, None)")
    event = alice.send(room, type="org.example.note")
    assert alice.get("rooms", room, "event", event).ok()["content"] == {"body": "second"}
    assert asked(clear, "check_event_allowed") == [2, 1]


def test_c10_all_are_told_of_a_new_event_even_if_one_fails(clear: list[Puppet], alice: User, room: str) -> None:
    say(clear[0], "on_new_event", {"throw": "x"}, 'raise RuntimeError("x")')
    event = alice.send(room)
    for puppet in clear:
        wait_for_event(puppet, event)


def test_c10_one_is_told_after_the_other(clear: list[Puppet], alice: User, room: str) -> None:
    event = alice.send(room)
    for puppet in clear:
        wait_for_event(puppet, event)
    say(clear[0], "on_new_event", {"sleep_ms": 400}, "await api.sleep(0.4)")
    event = alice.send(room)
    for puppet in clear:
        wait_for_event(puppet, event)
    times = [(puppet.folder / "calls.jsonl").stat().st_mtime for puppet in clear]
    assert times[1] - times[0] > 0.3


def test_c11_each_sees_what_the_one_before_made_of_a_request(clear: list[Puppet], alice: User) -> None:
    names = []
    for puppet in clear:
        name = f"org.example.{puppet.name}"
        names.append(name)
        say(puppet, "on_create_room", {"set": {name: True}}, f'args[1].update({{"{name}": True}})')
    alice.create_room()
    (seen_first,), (seen_second,) = (puppet.calls("on_create_room") for puppet in clear)
    assert names[0] in seen_second[1] and names[1] not in seen_first[1]
    say(clear[0], "on_create_room", {"throw": "x"}, 'raise ValueError("x")')
    alice.post("createRoom", body={}).refused(403, "M_UNKNOWN")
    assert asked(clear, "on_create_room") == [2, 1]


def test_e15_of_two_fields_of_one_name_the_later_wins(clear: list[Puppet], alice: User, room: str) -> None:
    for number, puppet in enumerate(clear):
        fields = {"which": number, f"only.{number}": True, "age": "not this"}
        say(puppet, "add_field_to_unsigned_callback", {"result": fields}, repr(fields))
    event = alice.send(room)
    unsigned = alice.get("rooms", room, "event", event).ok()["unsigned"]
    assert unsigned["which"] == 1 and unsigned["only.0"] and unsigned["only.1"] and isinstance(unsigned["age"], int)


def test_g2_the_first_that_knows_decides(clear: list[Puppet], alice: User) -> None:
    first, second = clear
    say(second, "is_user_expired", {"result": True}, "True")
    alice.get("account", "whoami").refused(403, "ORG_MATRIX_EXPIRED_ACCOUNT")
    say(first, "is_user_expired", {"result": False}, "False")
    alice.get("account", "whoami").ok()
    count = asked(clear, "is_user_expired")
    alice.get("account", "whoami").ok()
    assert asked(clear, "is_user_expired") == [count[0] + 1, count[1]]


def test_g3_g4_all_are_told_in_order(clear: list[Puppet], server: LocalServer, alice: User) -> None:
    server.login(alice)
    alice.put("user", alice.id, "account_data", "org.example.a", body={"x": 1}).ok()
    for puppet in clear:
        assert puppet.calls("on_user_login") == [[alice.id, "m.login.password", None]]
        assert puppet.calls("on_account_data_updated") == [[alice.id, None, "org.example.a", {"x": 1}]]
    say(clear[0], "on_user_login", {"throw": "x"}, 'raise RuntimeError("x")')
    body = {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.localpart},
        "password": alice.password,
    }
    alice.post("login", body=body).refused(500, "M_UNKNOWN")
    assert asked(clear, "on_user_login") == [2, 1]


def test_a_module_hears_of_what_another_does(clear: list[Puppet], server: LocalServer, alice: User, room: str) -> None:
    """An event that a module sends is put to all modules, itself included."""
    first, second = clear
    swift = next(puppet for puppet in clear if isinstance(puppet, SwiftPuppet))
    content = {"msgtype": "m.text", "body": "by module"}
    swift.result(server, "rooms.send", room=room, sender=alice.id, type="m.room.message", content=content)
    for puppet in clear:
        assert [call[0]["content"] for call in puppet.calls("check_event_allowed")] == [content]
        assert [call[0]["content"] for call in puppet.calls("check_event_for_spam")] == [content]
    deny(second, "check_event_for_spam", "LIMIT_EXCEEDED")
    told = swift.run(server, "rooms.send", room=room, sender=alice.id, type="m.room.message", content=content)
    assert (told["code"], told["errcode"]) == (403, "M_LIMIT_EXCEEDED")


def test_faults_of_one_language_leave_the_other_alone(
    clear: list[Puppet], server: LocalServer, alice: User, room: str
) -> None:
    python = next(puppet for puppet in clear if not isinstance(puppet, SwiftPuppet))
    swift = next(puppet for puppet in clear if isinstance(puppet, SwiftPuppet))
    python.answers("on_new_event", 'raise RuntimeError("x")')
    wait_for_event(swift, alice.send(room))
    assert swift.result(server, "rooms.version", room=room)
    alice.send(room)
