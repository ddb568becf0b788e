"""The socket to the server, driven by the reactor without one of Twisted's transports.

A transport costs a system call and a turn of the event loop per write; here answers produced while one batch of
frames is read leave together, at once, and the reactor is only asked for help when the socket is full.
"""

from __future__ import annotations

import logging
import socket
from errno import EAGAIN, EINTR, EWOULDBLOCK
from time import perf_counter
from typing import Any, Callable, List, Optional

from twisted.internet import main as twisted_main
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from axolemma_host.frames import HEADER, MAX_LENGTH, OVERHEAD, ProtocolError

logger = logging.getLogger(__name__)

#: How much is read in one go: little (more would cost a mapping of memory each time) until that is filled.
READ_SIZE = 64 * 1024
LARGE_READ_SIZE = 1024 * 1024
#: An answer waits no longer than this for the rest of its batch.
LONGEST_WAIT = 0.0005

#: Takes kind, call number, and the body as a slice of a buffer: bytes, start, end.
FrameHandler = Callable[[int, int, bytes, int, int], None]


@implementer(IReadWriteDescriptor)
class Wire:
    """Reads frames off a socket and writes frames to it. Used on the reactor's thread only."""

    def __init__(
        self,
        sock: socket.socket,
        reactor: Any,
        on_frame: FrameHandler,
        on_lost: Callable[[Failure], None],
    ) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._reactor = reactor
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._pending = bytearray()
        self._needed = HEADER.size
        self._read_size = READ_SIZE
        self._out: List[bytes] = []
        self._unsent: Optional[memoryview] = None
        self._reading = False
        self._writing = False
        self._open = True
        #: Bytes handed over and not yet taken by the socket.
        self.backlog = 0

    def start(self) -> None:
        """Begins to read."""
        self._reactor.addReader(self)

    # What the reactor asks for.

    def fileno(self) -> int:
        """The socket's number, or -1 once it is closed."""
        return self._socket.fileno() if self._open else -1

    def logPrefix(self) -> str:
        """The name under which the reactor logs trouble with this descriptor."""
        return "axolemma"

    def doRead(self) -> Any:
        """Reads what is there, once, and hands over every whole frame."""
        try:
            data = self._socket.recv(self._read_size)
        except OSError as error:
            if error.errno in (EAGAIN, EWOULDBLOCK, EINTR):
                return None
            return twisted_main.CONNECTION_LOST
        if not data:
            return twisted_main.CONNECTION_DONE
        self._read_size = LARGE_READ_SIZE if len(data) == self._read_size else READ_SIZE
        pending = self._pending
        if pending:
            pending += data
            if len(pending) < self._needed:
                return None
            data = bytes(pending)
            pending.clear()
        self._reading = True
        try:
            self._take(data)
        except ProtocolError as error:
            return error
        finally:
            self._reading = False
            if self._out:
                self._flush()
        return None

    def doWrite(self) -> Any:
        """Goes on writing where the socket was full."""
        self._flush()
        return None

    def connectionLost(self, reason: Failure) -> None:
        """The socket is gone; called by the reactor and by :meth:`close`."""
        if not self._open:
            return
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._open = False
        self._socket.close()
        self._out.clear()
        self._unsent = None
        self._on_lost(reason)

    # What the host asks for.

    def write(self, frame: bytes) -> None:
        """Sends a frame, at the latest when the batch being read is done."""
        if not self._open:
            return
        self._out.append(frame)
        self.backlog += len(frame)
        if not self._reading and self._unsent is None:
            self._flush()

    def close(self) -> None:
        """Closes the socket."""
        self.connectionLost(Failure(twisted_main.CONNECTION_DONE))

    def _take(self, data: bytes) -> None:
        """Hands over the whole frames in ``data`` and keeps the rest."""
        size = len(data)
        start = 0
        header = HEADER.size
        unpack = HEADER.unpack_from
        on_frame = self._on_frame
        deadline = 0.0
        needed = header
        while size - start >= header:
            length, kind, call = unpack(data, start)
            if length > MAX_LENGTH or length < OVERHEAD:
                raise ProtocolError(f"a frame of {length} bytes")
            end = start + 4 + length
            if end > size:
                needed = end - start
                break
            try:
                on_frame(kind, call, data, start + header, end)
            except ProtocolError:
                raise
            except BaseException:
                # Code of modules runs in here; the connection is not to end with its faults.
                logger.exception("A frame of kind %d could not be dealt with", kind)
            start = end
            if not self._open:
                return
            if self._out:
                now = perf_counter()
                if not deadline:
                    deadline = now + LONGEST_WAIT
                elif now > deadline:
                    self._flush()
                    deadline = 0.0
        if start < size:
            self._pending += data[start:] if start else data
        self._needed = needed

    def _flush(self) -> None:
        """Writes until everything is out or the socket is full."""
        if not self._open:
            return
        while True:
            if self._unsent is None:
                if not self._out:
                    if self._writing:
                        self._writing = False
                        self._reactor.removeWriter(self)
                    return
                out = self._out
                self._unsent = memoryview(out[0] if len(out) == 1 else b"".join(out))
                out.clear()
            try:
                sent = self._socket.send(self._unsent)
            except OSError as error:
                if error.errno == EINTR:
                    continue
                if error.errno not in (EAGAIN, EWOULDBLOCK):
                    # The reader notices the end of the connection; here there is nobody to tell.
                    self._unsent = None
                    self._out.clear()
                    return
                if not self._writing:
                    self._writing = True
                    self._reactor.addWriter(self)
                return
            self.backlog -= sent
            self._unsent = self._unsent[sent:] if sent < len(self._unsent) else None
