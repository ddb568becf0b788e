"""Plays the server to a real host process."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from axolemma_host import frames
from axolemma_host.frames import decode_json, encode_json

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

SERVER: Dict[str, Any] = {
    "server_name": "test",
    "public_baseurl": "https://test/",
    "version": "1.163.2",
    "axolemma_version": "0.0.0",
    "custom_template_directory": None,
    "email": None,
    "app_name": "Matrix",
    "config": {"server_name": "test", "public_baseurl": "https://test/"},
    "default_room_version": "11",
    "database": {"engine": "sqlite", "modules": ":memory:", "server": ":memory:"},
    "compat_views": {},
    "callback_timeout_ms": 30000,
    "log_level": "DEBUG",
}


class HostFailure(Exception):
    """The host answered with a FAILURE."""

    def __init__(self, error: Dict[str, Any]) -> None:
        super().__init__(str(error))
        self.error = error


class HostGone(Exception):
    """The host closed the connection."""


class FakeServer:
    """One host process and the server's end of its socket. Nothing here sleeps; reads have a limit."""

    limit = 20.0

    def __init__(self, log_level: str = "DEBUG", python_path: Tuple[str, ...] = ()) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        path = os.pathsep.join([*python_path, str(HERE / "modules"), str(ROOT)])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "axolemma_host", "--fd", str(theirs.fileno()), "--log-level", log_level],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        theirs.close()
        self.socket = ours
        ours.settimeout(self.limit)
        self._buffer = bytearray()
        self._last = 0
        #: Answers to calls, streams, calls and notes of the host that have come and that nobody has asked for yet.
        self.answers: Dict[int, Any] = {}
        self.streams: Dict[int, List[Tuple[int, bytes]]] = {}
        self.notes: List[Tuple[str, Dict[str, Any]]] = []
        self.calls: List[Tuple[int, str, Dict[str, Any]]] = []
        self.cancelled: List[int] = []
        #: What answers the host's calls, by method; calls of other methods stay in ``calls``.
        self.methods: Dict[str, Callable[[Dict[str, Any]], Any]] = {}

    # Frames.

    def send(self, frame: bytes) -> None:
        self.socket.sendall(frame)

    def read(self) -> None:
        """Reads one frame and files it."""
        while len(self._buffer) < 4 or len(self._buffer) < 4 + struct.unpack_from(">I", self._buffer)[0]:
            data = self.socket.recv(1 << 20)
            if not data:
                raise HostGone()
            self._buffer += data
        length, kind, number = frames.HEADER.unpack_from(self._buffer)
        body = bytes(self._buffer[frames.HEADER.size : 4 + length])
        del self._buffer[: 4 + length]
        if kind in (frames.CALL, frames.REPLY, frames.FAILURE):
            size = struct.unpack_from(">I", body)[0]
            value = decode_json(body[4 : 4 + size])
            if kind == frames.CALL:
                self._called(number, value)
            else:
                self.answers[number] = value if kind == frames.REPLY else HostFailure(value)
        elif kind == frames.CANCEL:
            self.cancelled.append(number)
        else:
            self.streams.setdefault(number, []).append((kind, body))

    def _called(self, number: int, value: Dict[str, Any]) -> None:
        method, params = value["method"], value["params"]
        if number == 0:
            self.notes.append((method, params))
            return
        handler = self.methods.get(method)
        if handler is None:
            self.calls.append((number, method, params))
            return
        try:
            self.reply(number, handler(params))
        except HostFailure as failure:
            self.fail(number, failure.error)

    def until(self, condition: Callable[[], Any]) -> Any:
        """Reads until the condition holds, and gives its value."""
        end = time.monotonic() + self.limit
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < end, "the host did not do what was awaited"
            self.read()

    # Calls.

    def begin(self, method: str, params: Dict[str, Any], attachment: bytes = b"") -> int:
        """Sends a call; gives its number."""
        self._last += 1
        text = encode_json({"method": method, "params": params})
        self.send(frames.message(frames.CALL, self._last, text, attachment))
        return self._last

    def note(self, method: str, params: Dict[str, Any]) -> None:
        self.send(frames.message(frames.CALL, 0, encode_json({"method": method, "params": params})))

    def answer(self, number: int) -> Any:
        """Waits for the answer to a call; a FAILURE is raised."""
        self.until(lambda: number in self.answers)
        answer = self.answers.pop(number)
        if isinstance(answer, HostFailure):
            raise answer
        return answer

    def call(self, method: str, params: Dict[str, Any], attachment: bytes = b"") -> Any:
        return self.answer(self.begin(method, params, attachment))

    def failure(self, method: str, params: Dict[str, Any], attachment: bytes = b"") -> Dict[str, Any]:
        """Makes a call that has to fail; gives the error object."""
        try:
            answer = self.call(method, params, attachment)
        except HostFailure as failure:
            return failure.error
        raise AssertionError(f"the call did not fail but answered {answer!r}")

    def reply(self, number: int, value: Any, attachment: bytes = b"") -> None:
        self.send(frames.message(frames.REPLY, number, encode_json(value), attachment))

    def fail(self, number: int, error: Dict[str, Any]) -> None:
        self.send(frames.message(frames.FAILURE, number, encode_json(error)))

    def host_call(self, method: str) -> Tuple[int, Dict[str, Any]]:
        """Waits for a call of the host."""

        def found() -> Optional[Tuple[int, str, Dict[str, Any]]]:
            return next((call for call in self.calls if call[1] == method), None)

        call = self.until(found)
        self.calls.remove(call)
        return call[0], call[2]

    # Modules.

    def configure(self, *entries: Any, server: Optional[Dict[str, Any]] = None) -> List[Dict[str, Any]]:
        """Configures modules: names, pairs of name and configuration, or whole entries."""
        modules = []
        for item, entry in enumerate(entries):
            if isinstance(entry, str):
                entry = {"module": entry, "has_config": False, "config": None}
            elif isinstance(entry, tuple):
                entry = {"module": entry[0], "config": entry[1], "has_config": True}
            defaults = {"item": item, "path": ["modules", f"<item {item}>"], "kind": "module"}
            modules.append({**defaults, **entry})
        return self.call("configure", {"server": {**SERVER, **(server or {})}, "modules": modules})["results"]

    def load(self, *entries: Any, **settings: Any) -> List[Dict[str, Any]]:
        """Configures and constructs modules; gives what they registered."""
        results = self.configure(*entries, **settings)
        assert all(result.get("ok") for result in results), results
        for item in range(len(entries)):
            self.call("construct", {"item": item})
        self.call("started", {})
        return self.registered()

    def registered(self) -> List[Dict[str, Any]]:
        return [params for method, params in self.notes if method == "register"]

    def id_of(self, callback: str, item: Optional[int] = None) -> int:
        """The number of a registered callback."""
        return next(
            note["id"]
            for note in self.registered()
            if note["callback"] == callback and (item is None or note["item"] == item)
        )

    def callback(self, callback: str, *args: Any, item: Optional[int] = None) -> Any:
        """Calls a registered callback and waits for what it answers."""
        return self.call("callback", {"id": self.id_of(callback, item), "name": callback, "args": list(args)})

    def callback_failure(self, callback: str, *args: Any, item: Optional[int] = None) -> Dict[str, Any]:
        return self.failure("callback", {"id": self.id_of(callback, item), "name": callback, "args": list(args)})

    def logs(self) -> List[Dict[str, Any]]:
        return [params for method, params in self.notes if method == "log"]

    def log_containing(self, text: str) -> Dict[str, Any]:
        """Waits for a log message."""
        return self.until(lambda: next((log for log in self.logs() if text in log["message"]), None))

    # The end.

    def stop(self) -> int:
        """Stops the host; gives its exit code."""
        self.note("stop", {})
        return self.wait()

    def wait(self) -> int:
        """Waits until the host has ended by itself."""
        try:
            while True:
                self.read()
        except (HostGone, ConnectionError):
            pass
        return self.process.wait(self.limit)

    def close(self) -> None:
        self.socket.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def event(event_id: str = "$event", **fields: Any) -> Dict[str, Any]:
    """An EVENT of the wire."""
    pdu = {
        "type": "m.room.message",
        "room_id": "!room:test",
        "sender": "@user:test",
        "content": {"msgtype": "m.text", "body": "hello"},
        "origin_server_ts": 1000,
        "depth": 5,
        "prev_events": [],
        "auth_events": [],
        "hashes": {"sha256": "x"},
        "signatures": {},
        "unsigned": {},
        **fields,
    }
    return {
        "event_id": event_id,
        "room_id": pdu["room_id"],
        "room_version": "11",
        "pdu": pdu,
        "rejected_reason": None,
        "internal_metadata": {"stream_ordering": 7},
    }
