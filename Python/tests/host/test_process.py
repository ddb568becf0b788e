"""The host as a process: logs, faults, the end."""

from __future__ import annotations

import io
import os
import signal
import struct
import sys
import time
from typing import Any, List

import pytest

from axolemma_host import frames
from axolemma_host.watchdog import Watchdog
from tests.host.server import FakeServer


def test_logs_reach_the_server_under_their_names(server: FakeServer) -> None:
    server.load(("host_modules.Talkative", {"a": 1}))
    log = server.log_containing("made with")
    assert log == {"logger": "synapse.contrib.talkative", "level": "WARNING", "message": "made with {'a': 1}"}


def test_exceptions_are_logged_with_their_traceback(server: FakeServer) -> None:
    server.load(("host_modules.Talkative", {}))
    server.callback("is_user_expired", "exception")
    log = server.log_containing("went wrong")
    assert (log["logger"], log["level"]) == ("host_modules.said", "ERROR")
    assert "KeyError: 'inside'" in log["traceback"]


def test_a_module_that_sets_logging_up_takes_nobodys_log_away(server: FakeServer) -> None:
    server.load(("host_modules.SetsLoggingUp", {}), ("host_modules.Talkative", {"b": 2}))
    server.log_containing("made with {'b': 2}")
    server.callback("is_user_expired", "exception")
    assert "KeyError" in server.log_containing("went wrong")["traceback"]


def test_modules_can_have_the_event_loop_of_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_ASYNC_IO_REACTOR", "1")
    server = FakeServer()
    try:
        server.load("host_modules.Asyncio")
        assert server.callback("is_user_expired", "@u:test") is True
        assert server.stop() == 0
    finally:
        server.close()


def test_logs_of_threads(server: FakeServer) -> None:
    server.load(("host_modules.Talkative", {}))
    server.callback("is_user_expired", "thread")
    server.log_containing("said in a thread")


def test_failures_nobody_handles_are_logged(server: FakeServer) -> None:
    server.load(("host_modules.Talkative", {}))
    server.callback("is_user_expired", "deferred")
    log = server.until(
        lambda: next((log for log in server.logs() if "nobody handles this" in str(log)), None),
    )
    assert log["logger"] == "twisted"
    assert log["level"] == "CRITICAL"


def test_the_level_is_the_servers(server: FakeServer) -> None:
    server.load(("host_modules.Talkative", {}), server={"log_level": "ERROR"})
    server.callback("is_user_expired", "thread")
    server.note("log_level", {"level": "info"})
    server.callback("is_user_expired", "thread")
    server.call("ping", {})
    assert [log["message"] for log in server.logs()] == ["said in a thread"]


def test_a_flood_of_logs_is_cut(server: FakeServer) -> None:
    server.load(("host_modules.Talkative", {}))
    server.callback("is_user_expired", "flood")
    floods = [log for log in server.logs() if log["message"].startswith("flood")]
    assert 100 < len(floods) < 5000
    server.callback("is_user_expired", "exception")
    assert "were dropped" in server.log_containing("were dropped")["message"]


def test_print_appears_on_the_standard_output(server: FakeServer) -> None:
    server.load(("host_modules.Talkative", {}))
    server.callback("is_user_expired", "print")
    assert server.process.stdout is not None
    assert server.process.stdout.readline() == b"printed by a module\n"


def test_ping_tells_memory_and_what_is_under_way(server: FakeServer) -> None:
    server.load("host_modules.Waiting")
    server.begin("callback", {"id": server.id_of("is_user_expired"), "name": "x", "args": ["forever"]})
    pong = server.call("ping", {})
    assert pong["pending"] == 1
    assert 10 * 1024 * 1024 < pong["rss"] < 1024 * 1024 * 1024


def test_stop_ends_the_process(server: FakeServer) -> None:
    server.load("host_modules.Nothing")
    assert server.stop() == 0


def test_stop_lets_callbacks_finish(server: FakeServer) -> None:
    server.load("host_modules.Waiting")
    number = server.begin("callback", {"id": server.id_of("is_user_expired"), "name": "x", "args": ["later"]})
    assert server.stop() == 0
    assert server.answers[number] is None


def test_what_modules_arranged_for_the_shutdown_happens(server: FakeServer) -> None:
    server.load("host_modules.Shutdown")
    server.stop()
    assert server.log_containing("shut down") is not None


def test_the_process_ends_with_its_socket(server: FakeServer) -> None:
    server.load("host_modules.Nothing")
    server.socket.close()
    assert server.process.wait(15) == 1


def test_the_process_ends_on_sigterm(server: FakeServer) -> None:
    server.load("host_modules.Nothing")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait() == 0


def test_an_interrupt_from_the_terminal_is_the_servers_business(server: FakeServer) -> None:
    server.load("host_modules.Nothing")
    server.process.send_signal(signal.SIGINT)
    server.call("ping", {})


def test_a_broken_frame_ends_the_connection(server: FakeServer) -> None:
    server.send(struct.pack(">IBI", 0xFFFFFFFF, frames.CALL, 1))
    assert server.wait() == 1
    assert server.process.stderr is not None
    assert b"a frame of 4294967295 bytes" in server.process.stderr.read()


@pytest.mark.parametrize(
    "frame",
    [
        frames.message(frames.CALL, 1, b"{"),
        frames.message(frames.CALL, 1, b"\xff"),
        frames.message(frames.CALL, 1, b"[" * 100_000),
        frames.plain(frames.CALL, 1),
        frames.plain(frames.REPLY, 1, b"\x00\x00\x00\x09{}"),
        frames.plain(99, 1),
        struct.pack(">I", 0) + b"12345",
    ],
)
def test_what_is_no_message_ends_the_connection(server: FakeServer, frame: bytes) -> None:
    server.send(frame)
    assert server.wait() == 1


def test_a_call_that_makes_no_sense_is_refused(server: FakeServer) -> None:
    for method, params in (("callback", {}), ("construct", {"item": 7}), ("web", {}), ("configure", {})):
        assert server.failure(method, params)["kind"] == "exception"
    for kind in (frames.REPLY, frames.FAILURE):
        server.send(frames.message(kind, 0x80000001, b"{}"))
    for kind in (frames.DATA, frames.END, frames.CREDIT, frames.ABORT, frames.CANCEL):
        server.send(frames.plain(kind, 12345))
    server.call("ping", {})


def test_a_stuck_process_shows_where_it_is(server: FakeServer) -> None:
    server.load(("host_modules.Talkative", {}))
    server.begin("callback", {"id": server.id_of("is_user_expired"), "name": "x", "args": ["block"]})
    assert server.process.stderr is not None
    stuck = b""
    # The signal may come before the callback has begun; it is sent until it shows the callback.
    while b"host_modules.py" not in stuck:
        server.process.send_signal(signal.SIGUSR1)
        stuck = b""
        while b"main.py" not in stuck:
            line = server.process.stderr.readline()
            assert line
            stuck += line
    assert b"in talk" in stuck
    server.process.kill()


def test_without_a_server_there_is_nothing_to_do() -> None:
    server = FakeServer()
    try:
        os.kill(server.process.pid, 0)
        server.socket.close()
        assert server.process.wait(15) == 1
    finally:
        server.close()


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_000])
def test_messages_of_any_size(server: FakeServer, size: int) -> None:
    server.load("host_modules.Echo")
    answer: Any = server.callback("get_media_config_for_user", "x" * size)
    assert answer["echo"] == "x" * size


class SlowReactor:
    """Does what other threads ask of it when told to."""

    def __init__(self) -> None:
        self.asked: List[Any] = []

    def callFromThread(self, function: Any) -> None:
        self.asked.append(function)


def test_the_watchdog_says_what_keeps_everybody_waiting(monkeypatch: Any, caplog: Any) -> None:
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    reactor = SlowReactor()
    watchdog = Watchdog(reactor, lambda: "Something", interval=0.005, stuck_after=0.01)
    watchdog.start()
    end = time.monotonic() + 10
    while "test_the_watchdog_says" not in errors.getvalue() and time.monotonic() < end:
        pass
    assert "Something has kept all Python modules waiting" in errors.getvalue()
    assert "test_the_watchdog_says" in errors.getvalue()
    assert len(reactor.asked) == 1
    reactor.asked.pop()()
    assert "they go on" in caplog.text
    watchdog.stop()
    watchdog.join(10)


def test_answers_wait_for_a_server_that_does_not_read(server: FakeServer) -> None:
    server.load("host_modules.Echo")
    number = server.id_of("get_media_config_for_user")
    text = "x" * 300_000
    calls = [server.begin("callback", {"id": number, "name": "x", "args": [text]}) for _ in range(40)]
    for call in calls:
        assert server.answer(call) == {"echo": text}
