"""C7 and B3. What several modules come to."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from blackbox.modules import Puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
CALLBACKS = {"spam_checker": ["check_event_for_spam"], "third_party_rules": ["check_event_allowed", "on_new_event"]}


@pytest.fixture
def puppets(tmp_path: Path) -> list[Puppet]:
    return [Puppet(tmp_path / name, name, CALLBACKS) for name in ("first", "second")]


def test_a1_b3_c7_modules_are_asked_in_the_order_of_the_file(
    module_server: Callable[..., LocalServer], puppets: list[Puppet]
) -> None:
    first, second = puppets
    server = module_server(first.entry(), second.entry())
    alice = server.user("alice")
    room = alice.create_room()
    for puppet in puppets:
        puppet.forget()

    second.answers("check_event_for_spam", "Codes.FORBIDDEN")
    alice.try_send(room).refused(403, "M_FORBIDDEN")
    first.answers("check_event_for_spam", "Codes.LIMIT_EXCEEDED")
    alice.try_send(room).refused(403, "M_LIMIT_EXCEEDED")
    assert (len(first.calls("check_event_for_spam")), len(second.calls("check_event_for_spam"))) == (2, 1)

    for puppet in puppets:
        puppet.forget()
    first.answers("check_event_allowed", 'return (True, dict(args[0].get_dict(), content={"body": "first"}))')
    second.answers("check_event_allowed", 'return (True, dict(args[0].get_dict(), content={"body": "second"}))')
    event = alice.send(room, type="org.example.note")
    assert alice.get("rooms", room, "event", event).ok()["content"] == {"body": "first"}
    assert second.calls("check_event_allowed") == []
    first.answers("check_event_allowed", "(True, None)")
    event = alice.send(room, type="org.example.note")
    assert alice.get("rooms", room, "event", event).ok()["content"] == {"body": "second"}
