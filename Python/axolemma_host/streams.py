"""The streams of bytes that belong to calls, with back-pressure."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any, Callable, Deque, Iterator, Optional

from twisted.internet.task import SchedulerStopped, TaskFinished, cooperate

from axolemma_host import frames

logger = logging.getLogger(__name__)

#: The longest piece sent in one frame.
PIECE = 64 * 1024
#: A producer is asked to pause when so much waits for credit.
HIGH_WATER = 64 * 1024


class Sender:
    """A stream from the host to the server; what exceeds the credit waits here."""

    def __init__(self, peer: Any, number: int) -> None:
        self._peer = peer
        self._number = number
        self._credit = frames.INITIAL_CREDIT
        self._waiting: Deque[bytes] = deque()
        self._ending = False
        self._producer: Any = None
        self._paused = False
        #: Bytes that wait for credit.
        self.backlog = 0
        peer.senders[number] = self

    def write(self, data: bytes) -> None:
        """Sends bytes, now or when the server has room for them."""
        if not data or self._ending:
            return
        if not self._waiting and len(data) <= self._credit:
            self._send(data)
        else:
            self._waiting.append(bytes(data))
            self.backlog += len(data)
            self._drain()
        if self.backlog > HIGH_WATER and self._producer is not None and not self._paused:
            self._paused = True
            self._producer.pauseProducing()

    def finish(self) -> None:
        """Says that the stream is complete; the server hears of it after the last byte."""
        if not self._ending:
            self._ending = True
            self._drain()

    def abort(self) -> None:
        """Breaks the stream off."""
        if self._peer.senders.pop(self._number, None) is not None:
            self._peer.send_frame(frames.plain(frames.ABORT, self._number))
        self.discard()

    def discard(self) -> None:
        """Forgets the stream without a word: the server does not want it any more."""
        self._peer.senders.pop(self._number, None)
        self._ending = True
        self._waiting.clear()
        self.backlog = 0
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()

    def credit(self, count: int) -> None:
        """The server takes so many bytes more."""
        self._credit += count
        self._drain()

    def register(self, producer: Any) -> None:
        """Lets a Twisted push producer supply the stream at the pace of the server."""
        self._producer = producer
        self._paused = False

    def unregister(self) -> None:
        """The producer has said everything."""
        self._producer = None

    def _send(self, data: bytes) -> None:
        self._credit -= len(data)
        for start in range(0, len(data), PIECE):
            self._peer.send_frame(frames.plain(frames.DATA, self._number, data[start : start + PIECE]))

    def _drain(self) -> None:
        waiting = self._waiting
        while waiting and self._credit > 0:
            data = waiting.popleft()
            if len(data) > self._credit:
                waiting.appendleft(data[self._credit :])
                data = data[: self._credit]
            self.backlog -= len(data)
            self._send(data)
        if waiting:
            return
        if self._ending:
            if self._peer.senders.pop(self._number, None) is not None:
                self._peer.send_frame(frames.plain(frames.END, self._number))
        elif self._producer is not None and self._paused and self._credit > 0:
            self._paused = False
            self._producer.resumeProducing()


class Pulled:
    """A Twisted pull producer, such as a file's, as a push producer: asked for more, turn by turn, until it is done."""

    def __init__(self, producer: Any, failed: Callable[[BaseException], None]) -> None:
        self._producer = producer
        self._failed = failed
        self._paused = False
        self._task = cooperate(self._turns())

    def _turns(self) -> Iterator[None]:
        while True:
            try:
                self._producer.resumeProducing()
            except Exception as error:
                logger.exception("A producer of a module failed")
                self._failed(error)
                return
            yield None

    def pauseProducing(self) -> None:
        """Nothing more is asked for until resumed."""
        if not self._paused:
            self._paused = True
            self._task.pause()

    def resumeProducing(self) -> None:
        """Goes on."""
        if self._paused:
            self._paused = False
            self._task.resume()

    def stopProducing(self) -> None:
        """Nobody wants any more."""
        self.end()
        self._producer.stopProducing()

    def end(self) -> None:
        """The producer has said everything, or is to stop."""
        try:
            self._task.stop()
        except (TaskFinished, SchedulerStopped):
            pass


class Receiver:
    """A stream from the server to the host, whose bytes are taken as soon as they come."""

    def __init__(
        self,
        peer: Any,
        number: int,
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None],
        on_abort: Optional[Callable[[], None]] = None,
    ) -> None:
        self._peer = peer
        self._number = number
        self._on_data = on_data
        self._on_end = on_end
        self._on_abort = on_abort
        self._owed = 0
        peer.receivers[number] = self

    def data(self, data: bytes) -> None:
        """The next piece."""
        self._on_data(data)
        self._owed += len(data)
        # Credit is given back by the half, not for every piece.
        if self._owed >= frames.INITIAL_CREDIT // 2:
            self._peer.send_frame(frames.credit(self._number, self._owed))
            self._owed = 0

    def end(self) -> None:
        """The stream is complete."""
        self._on_end()

    def abort(self) -> None:
        """The stream was broken off."""
        if self._on_abort is not None:
            self._on_abort()
