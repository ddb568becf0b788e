"""What faulty modules can do to the server: nothing but fail their own callbacks (docs/modules/README.md, "failures")."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from blackbox.client import User
from blackbox.modules import PYTHON, Puppet
from blackbox.server import SYNAPSE, LocalServer

pytestmark = [
    pytest.mark.own_server,
    pytest.mark.skipif(bool(SYNAPSE), reason="Synapse runs modules in its own process, and has no deadlines for them"),
]
MakeModuleServer = Callable[..., LocalServer]
CALLBACKS = {"spam_checker": ["check_event_for_spam"], "third_party_rules": ["on_new_event", "check_event_allowed"]}


@pytest.fixture
def puppet(tmp_path: Path) -> Puppet:
    return Puppet(tmp_path / "strings", "puppet", CALLBACKS)


def server_with(make: MakeModuleServer, *puppets: Puppet, **settings: Any) -> LocalServer:
    options = {"python": PYTHON, "callback_timeout": "2s", **settings}
    server = make(*(puppet.entry() for puppet in puppets), start=False)
    server.settings["module_settings"] = options
    server.write_settings()
    server.start()
    return server


def process(server: LocalServer, puppet: Puppet) -> int:
    """The number of the process that runs the modules."""
    return puppet.result(server, "import os\nreturn os.getpid()")


def wait_for(condition: Callable[[], Any], limit: float = 20) -> Any:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            found = condition()
        except AssertionError:
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def is_gone(number: int) -> bool:
    """Whether a process has ended, even if nobody has asked for its exit status yet."""
    try:
        os.kill(number, 0)
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def still_well(server: LocalServer, user: User) -> None:
    """The server answers what needs no module at once."""
    began = time.monotonic()
    user.get("account", "whoami").ok()
    assert time.monotonic() - began < 1


def test_a_module_that_never_answers_fails_its_callback_alone(module_server: MakeModuleServer, puppet: Puppet) -> None:
    server = server_with(module_server, puppet)
    alice = server.user("alice")
    room = alice.create_room()
    before = process(server, puppet)
    puppet.answers("check_event_for_spam", "await api.sleep(1000)")
    began = time.monotonic()
    alice.try_send(room).refused(500, "M_UNKNOWN")
    assert 1.5 < time.monotonic() - began < 8
    puppet.forget()
    alice.send(room)
    assert process(server, puppet) == before
    assert "puppet.Puppet" in server.log_text() and "check_event_for_spam" in server.log_text()


def test_a_module_that_blocks_the_interpreter_is_started_anew(module_server: MakeModuleServer, puppet: Puppet) -> None:
    server = server_with(module_server, puppet)
    alice = server.user("alice")
    room = alice.create_room()
    before = process(server, puppet)
    puppet.answers("check_event_for_spam", "import time\ntime.sleep(1000)")
    other = server.login(alice)
    stuck = threading.Thread(target=alice.try_send, args=(room,))
    stuck.start()
    still_well(server, other)
    stuck.join(30)
    assert not stuck.is_alive()
    puppet.forget()
    wait_for(lambda: other.try_send(room).status == 200)
    assert process(server, puppet) != before


def test_a_module_that_ends_the_process_does_not_end_the_server(module_server: MakeModuleServer, puppet: Puppet) -> None:
    server = server_with(module_server, puppet)
    alice = server.user("alice")
    room = alice.create_room()
    puppet.answers("check_event_for_spam", "import os\nos._exit(3)")
    alice.try_send(room).refused(500, "M_UNKNOWN")
    puppet.forget()
    # It waits for the restart, and is then answered.
    alice.send(room)
    still_well(server, alice)


def test_a_killed_process_loses_nothing_that_was_answered(module_server: MakeModuleServer, puppet: Puppet) -> None:
    server = server_with(module_server, puppet)
    alice = server.user("alice")
    room = alice.create_room()
    puppet.forget()
    puppet.answers("on_new_event", "await api.sleep(0.2)")
    sent = [alice.send(room, str(n)) for n in range(5)]
    number = process(server, puppet)
    os.kill(number, signal.SIGKILL)
    wait_for(lambda: is_gone(number))
    sent += [alice.send(room, str(n)) for n in range(5, 8)]

    def told() -> list[str]:
        events = [call[0]["event_id"] for call in puppet.calls("on_new_event")]
        return [event for event in events if event in sent]

    wait_for(lambda: set(sent) <= set(told()))
    # In order, and again at most what was under way.
    first = [event for index, event in enumerate(told()) if event not in told()[:index]]
    assert first == sent
    assert len(told()) <= len(sent) + 1
    assert [e["event_id"] for e in reversed(alice.all_messages(room)) if e["type"] == "m.room.message"] == sent


@pytest.mark.parametrize("kind", ["at the first event", "later"])
def test_a_killed_server_tells_after_its_restart_what_it_answered(
    module_server: MakeModuleServer, puppet: Puppet, engine: str, kind: str
) -> None:
    server = module_server(puppet.entry(), engine=engine)
    alice = server.user("alice")
    sent: list[str] = []
    if kind == "later":
        room = alice.create_room()
        sent.append(alice.send(room, "before"))
        wait_for(lambda: sent[0] in [call[0]["event_id"] for call in puppet.calls("on_new_event")])
    puppet.answers("on_new_event", "await api.sleep(5)")
    if kind != "later":
        room = alice.create_room()
    sent += [alice.send(room, str(n)) for n in range(20)]
    server.kill()
    puppet.forget()
    server.start()
    sent += [alice.send(room, str(n)) for n in range(20, 25)]

    def told() -> list[str]:
        events = [call[0]["event_id"] for call in puppet.calls("on_new_event")]
        return [event for event in events if event in sent]

    untold = sent[1:] if kind == "later" else sent
    wait_for(lambda: set(untold) <= set(told()))
    first = [event for index, event in enumerate(told()) if event not in told()[:index]]
    assert [event for event in first if event in untold] == untold


def test_calls_under_way_when_the_process_is_killed_fail(module_server: MakeModuleServer, puppet: Puppet) -> None:
    server = server_with(module_server, puppet)
    alice = server.user("alice")
    room = alice.create_room()
    number = process(server, puppet)
    puppet.answers("check_event_for_spam", "await api.sleep(1000)")
    answers: list[Any] = []
    waiting = [
        threading.Thread(target=lambda: answers.append(server.login(alice).try_send(room).status)) for _ in range(8)
    ]
    for thread in waiting:
        thread.start()
    puppet.wait_for_calls("check_event_for_spam", 8)
    os.kill(number, signal.SIGKILL)
    for thread in waiting:
        thread.join(20)
    assert answers == [500] * 8
    puppet.forget()
    wait_for(lambda: alice.try_send(room).status == 200)


def test_a_process_that_grows_without_end_is_started_anew(module_server: MakeModuleServer, puppet: Puppet) -> None:
    server = server_with(module_server, puppet, python_memory_limit="200M")
    alice = server.user("alice")
    room = alice.create_room()
    before = process(server, puppet)
    puppet.answers("check_event_for_spam", 'memory.setdefault("leak", []).append(bytearray(300_000_000))\nreturn NOT_SPAM')
    alice.try_send(room)
    puppet.forget()

    def is_new() -> bool:
        return process(server, puppet) != before

    wait_for(is_new)
    alice.send(room)
    assert "python_memory_limit" in server.log_text()


def test_a_flood_of_requests_from_a_module_leaves_clients_alone(module_server: MakeModuleServer, puppet: Puppet) -> None:
    server = server_with(module_server, puppet, callback_timeout="30s")
    alice, bob = server.users("alice", "bob")
    room = alice.create_room()
    flood = threading.Thread(target=lambda: puppet.result(server, f"""
        from twisted.internet import defer
        calls = [defer.ensureDeferred(api.get_room_state("{room}")) for _ in range(20000)]
        states = await defer.gatherResults(calls)
        memory["flood"] = len(states)
    """))
    flood.start()
    for _ in range(20):
        still_well(server, bob)
    flood.join(60)
    assert puppet.result(server, 'memory.get("flood")') == 20000


def test_a_module_that_fails_leaves_others_to_work(module_server: MakeModuleServer, tmp_path: Path) -> None:
    bad = Puppet(tmp_path / "bad", "bad", {"third_party_rules": ["on_new_event"]})
    good = Puppet(tmp_path / "good", "good", {"third_party_rules": ["on_new_event"]})
    server = server_with(module_server, bad, good)
    alice = server.user("alice")
    room = alice.create_room()
    bad.answers("on_new_event", 'raise RuntimeError("out of order")')
    good.forget()
    event = alice.send(room)
    # What is told may yet begin with the room's creation.
    wait_for(lambda: event in [call[0]["event_id"] for call in good.calls("on_new_event")])
    assert "out of order" in server.log_text()


def test_what_modules_print_and_log_is_in_the_log(module_server: MakeModuleServer, puppet: Puppet) -> None:
    server = server_with(module_server, puppet)
    puppet.result(server, """
        import logging, sys
        logging.getLogger("my.module.logger").warning("a warning of %s", "mine")
        print("printed")
        print("complained", file=sys.stderr)
    """)
    for words in ("my.module.logger", "a warning of mine", "printed", "complained"):
        wait_for(lambda words=words: words in server.log_text())


def test_the_process_ends_with_the_server(module_server: MakeModuleServer, puppet: Puppet) -> None:
    server = server_with(module_server, puppet)
    number = process(server, puppet)
    server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    server.start()
    number = process(server, puppet)
    server.kill()

    wait_for(lambda: is_gone(number))
