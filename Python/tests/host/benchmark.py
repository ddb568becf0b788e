"""What a callback costs: ``python -m tests.host.benchmark [calls]``.

A host process with one no-op ``check_event_for_spam`` is called by a bare loop, one call at a time and 32 at a time.
Figures: calls a second, the host's CPU per call, latency. ``--transport`` measures an echo with a transport of Twisted
in place of ours, ``--bare`` one with ours: what the connection alone costs.
"""

from __future__ import annotations

import argparse
import os
import socket
import struct
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List, Tuple

from axolemma_host import frames
from axolemma_host.frames import encode_json
from tests.host.server import ROOT, FakeServer, event


def cpu_of(process: int) -> float:
    """The CPU seconds a process has used."""
    with open(f"/proc/{process}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def measure(sock: socket.socket, process: int, frame_of: Callable[[int], bytes], calls: int, width: int) -> None:
    """Keeps ``width`` calls under way until ``calls`` are answered."""
    sock.settimeout(30)
    sent = answered = 0
    buffer = b""
    started: Dict[int, float] = {}
    times: List[float] = []
    before_cpu, before = cpu_of(process), time.perf_counter()
    while answered < calls:
        batch = []
        while sent < calls and sent - answered < width:
            sent += 1
            batch.append(frame_of(sent))
            started[sent] = time.perf_counter()
        if batch:
            sock.sendall(b"".join(batch))
        buffer += sock.recv(1 << 20)
        offset = 0
        while len(buffer) - offset >= 9:
            length, kind, number = struct.unpack_from(">IBI", buffer, offset)
            if len(buffer) - offset < length + 4:
                break
            offset += length + 4
            if kind in (frames.REPLY, frames.FAILURE) and number in started:
                times.append(time.perf_counter() - started.pop(number))
                answered += 1
        buffer = buffer[offset:]
    took, cpu = time.perf_counter() - before, cpu_of(process) - before_cpu
    times.sort()
    print(
        f"{width:3} at a time: {calls / took:8.0f} calls/s, host CPU {cpu / calls * 1e6:6.1f} µs, "
        f"latency p50 {times[len(times) // 2] * 1e6:7.1f} µs, p99 {times[len(times) * 99 // 100] * 1e6:7.1f} µs"
    )


ECHO = """
import socket, sys
from twisted.internet import reactor, protocol
from axolemma_host import frames
sock = socket.socket(fileno=int(sys.argv[1]))
if sys.argv[2] == "bare":
    from axolemma_host.wire import Wire
    def frame(kind, number, data, start, end):
        wire.write(frames.message(frames.REPLY, number, b"null"))
    wire = Wire(sock, reactor, frame, lambda reason: reactor.stop())
    reactor.callWhenRunning(wire.start)
else:
    class Echo(protocol.Protocol):
        rest = b""
        def dataReceived(self, data):
            data = self.rest + data
            start = 0
            while len(data) - start >= 9:
                length, kind, number = frames.HEADER.unpack_from(data, start)
                if start + 4 + length > len(data):
                    break
                self.transport.write(frames.message(frames.REPLY, number, b"null"))
                start += 4 + length
            self.rest = data[start:]
        def connectionLost(self, reason):
            reactor.stop()
    factory = protocol.Factory.forProtocol(Echo)
    sock.setblocking(False)
    reactor.callWhenRunning(lambda: reactor.adoptStreamConnection(sock.fileno(), socket.AF_UNIX, factory))
reactor.run()
"""


def echo(kind: str) -> Tuple[socket.socket, Any]:
    """A process that only echoes."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-c", ECHO, str(theirs.fileno()), kind],
        pass_fds=[theirs.fileno()],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    theirs.close()
    return ours, process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", nargs="?", type=int, default=50_000)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--transport", action="store_true")
    options = parser.parse_args()
    text = encode_json({"method": "callback", "params": {"id": 1, "name": "x", "args": [event()]}})
    if options.bare or options.transport:
        sock, process = echo("bare" if options.bare else "transport")
        number = 0
    else:
        server = FakeServer(log_level="WARNING")
        server.load("host_modules.NoOp", server={"log_level": "WARNING"})
        number = server.id_of("check_event_for_spam")
        text = encode_json({"method": "callback", "params": {"id": number, "name": "x", "args": [event()]}})
        sock, process = server.socket, server.process
    base = 1_000_000
    for width in (1, 32):
        base += options.calls

        def frame_of(at: int, base: int = base) -> bytes:
            return frames.message(frames.CALL, at, text)

        measure(sock, process.pid, frame_of, min(options.calls, 2000), width)
        measure(sock, process.pid, frame_of, options.calls, width)
    sock.close()
    process.wait(10)


if __name__ == "__main__":
    main()
