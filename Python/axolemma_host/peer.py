"""Calls in both directions over the connection to the server."""

from __future__ import annotations

import logging
import socket
import threading
from collections import deque
from typing import Any, Callable, Deque, Dict, Optional, Tuple, Union

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from axolemma_host import frames
from axolemma_host.errors import error_from_exception, exception_from_error
from axolemma_host.frames import U32, ProtocolError, decode_json, encode_json
from axolemma_host.state import Mirror
from axolemma_host.streams import Receiver, Sender
from axolemma_host.wire import Wire

logger = logging.getLogger(__name__)

#: Calls of the host under way at one time; further ones wait here.
MOST_CALLS = 256

#: Methods whose result is a STATE, which the peer turns into the mapping.
STATE_METHODS = frozenset({"get_room_state"})

#: Longer attachments are not copied out of what was read.
_LONGEST_COPY = 64 * 1024

Buffer = Union[bytes, memoryview]

#: Takes a call's number, its parameters and its attachment.
Handler = Callable[[int, Dict[str, Any], Buffer], None]


class Peer:
    """The server, as the host sees it. Used on the reactor's thread only."""

    def __init__(self, sock: socket.socket, reactor: Any, on_lost: Optional[Callable[[Failure], None]] = None) -> None:
        self._wire = Wire(sock, reactor, self._frame, self._lost)
        self._on_lost = on_lost
        self._thread = threading.get_ident()
        self._handlers: Dict[str, Handler] = {}
        self._last_number = 0
        self._calls: Dict[int, Tuple["Deferred[Any]", bool]] = {}
        self._waiting: Deque[Tuple[str, Dict[str, Any], bytes, "Deferred[Any]"]] = deque()
        self._lost_reason: Optional[Failure] = None
        #: What is to be done when the server cancels a call.
        self.on_cancel: Dict[int, Callable[[], None]] = {}
        #: The streams this side sends and receives, by call.
        self.senders: Dict[int, Sender] = {}
        self.receivers: Dict[int, Receiver] = {}
        #: The host's copies of rooms' states.
        self.mirror = Mirror()
        #: Given to ``error_dict`` of errors.
        self.config: Any = None

    def start(self) -> None:
        """Begins to read."""
        self._wire.start()

    def close(self) -> None:
        """Closes the connection."""
        self._wire.close()

    @property
    def backlog(self) -> int:
        """Bytes that wait for the server to read."""
        return self._wire.backlog

    @property
    def calls_under_way(self) -> int:
        """How many calls of this side are not yet answered, those included that still wait here."""
        return len(self._calls) + len(self._waiting)

    # Calls to the server.

    def call(self, method: str, params: Dict[str, Any], attachment: bytes = b"") -> "Deferred[Any]":
        """Calls a method of the server.

        The result is its JSON value (a mapping of events where it is a room's state). What the server refuses arrives
        as the exception that Synapse raises there. Cancelling the Deferred cancels the call.
        """
        if threading.get_ident() != self._thread:
            raise RuntimeError("The module API can only be used on the reactor's thread: see reactor.callFromThread")
        deferred: "Deferred[Any]" = Deferred(self._cancelled)
        if self._lost_reason is not None:
            deferred.errback(RuntimeError("The connection to the server is closed"))
        elif len(self._calls) < MOST_CALLS and not self._waiting:
            self._send_call(method, params, attachment, deferred)
        else:
            self._waiting.append((method, params, attachment, deferred))
        return deferred

    def note(self, method: str, params: Dict[str, Any]) -> None:
        """Tells the server something that it does not answer."""
        self._wire.write(frames.message(frames.CALL, 0, encode_json({"method": method, "params": params})))

    def _send_call(self, method: str, params: Dict[str, Any], attachment: bytes, deferred: "Deferred[Any]") -> None:
        try:
            text = encode_json({"method": method, "params": params})
        except Exception as error:
            # RecursionError among them. Raised, it would strike whoever's answer made room for this call.
            deferred.errback(error)
            return
        calls = self._calls
        number = self._last_number
        while True:
            number = (number + 1) & 0x7FFFFFFF
            if (number | frames.HOST_BIT) not in calls:
                break
        self._last_number = number
        number |= frames.HOST_BIT
        calls[number] = (deferred, method in STATE_METHODS)
        deferred.axolemma_call = number  # type: ignore[attr-defined]
        self._wire.write(frames.message(frames.CALL, number, text, attachment))

    def _cancelled(self, deferred: "Deferred[Any]") -> None:
        """A module cancelled the Deferred of a call: the server may stop."""
        number = getattr(deferred, "axolemma_call", None)
        if number is None:
            self._waiting = deque(entry for entry in self._waiting if entry[3] is not deferred)
        elif self._calls.pop(number, None) is not None:
            self._wire.write(frames.plain(frames.CANCEL, number))
            self._send_waiting()
        deferred.errback(CancelledError())

    def _send_waiting(self) -> None:
        """Sends calls that waited for others to be answered."""
        # What errs at once runs code of modules, which may cancel a call that waits and so replace the queue.
        while self._waiting and len(self._calls) < MOST_CALLS:
            self._send_call(*self._waiting.popleft())

    # Calls from the server.

    def handle(self, method: str, handler: Handler) -> None:
        """Says who answers the calls of a method."""
        self._handlers[method] = handler

    def reply(self, number: int, value: Any, attachment: bytes = b"") -> None:
        """Answers a call of the server."""
        self._wire.write(frames.message(frames.REPLY, number, encode_json(value), attachment))

    def reply_encoded(self, number: int, text: bytes) -> None:
        """Answers a call with a value that is JSON text already."""
        self._wire.write(frames.message(frames.REPLY, number, text))

    def fail(self, number: int, error: Dict[str, Any]) -> None:
        """Answers a call with an error object."""
        try:
            text = encode_json(error)
        except Exception as reason:
            text = encode_json(
                {"kind": "exception", "type": type(reason).__name__, "message": str(reason), "traceback": ""}
            )
        self._wire.write(frames.message(frames.FAILURE, number, text))

    def fail_with(self, number: int, error: BaseException, failure: Optional[Failure] = None) -> None:
        """Answers a call with the error object of an exception."""
        self.fail(number, error_from_exception(error, self.config, failure))

    def send_frame(self, frame: bytes) -> None:
        """Sends a frame of a stream."""
        self._wire.write(frame)

    # Frames.

    def _frame(self, kind: int, number: int, data: bytes, start: int, end: int) -> None:
        if kind == frames.CALL:
            text_end = self._text_end(data, start, end)
            request = decode_json(data[start + 4 : text_end])
            handler = self._handlers.get(request["method"])
            if handler is not None:
                try:
                    handler(number, request.get("params") or {}, _attachment(data, text_end, end))
                except BaseException as error:
                    logger.exception("A call of the server (%s) failed", request["method"])
                    if number:
                        self.fail_with(number, error)
            elif number:
                message = f"The Python host knows no method {request['method']}"
                self.fail(number, {"kind": "exception", "type": "NotImplementedError", "message": message})
        elif kind == frames.REPLY:
            text_end = self._text_end(data, start, end)
            self._replied(number, decode_json(data[start + 4 : text_end]), _attachment(data, text_end, end))
        elif kind == frames.FAILURE:
            entry = self._calls.pop(number, None)
            if entry is not None:
                error = decode_json(data[start + 4 : self._text_end(data, start, end)])
                self._send_waiting()
                entry[0].errback(exception_from_error(error))
        elif kind == frames.DATA:
            receiver = self.receivers.get(number)
            if receiver is not None:
                receiver.data(data[start:end])
        elif kind == frames.END or kind == frames.ABORT:
            receiver = self.receivers.pop(number, None)
            if receiver is not None:
                if kind == frames.END:
                    receiver.end()
                else:
                    receiver.abort()
        elif kind == frames.CREDIT:
            sender = self.senders.get(number)
            if sender is not None and end - start >= 4:
                sender.credit(U32.unpack_from(data, start)[0])
        elif kind == frames.CANCEL:
            cancel = self.on_cancel.get(number)
            if cancel is not None:
                cancel()
        else:
            raise ProtocolError(f"a frame of kind {kind}")

    def _text_end(self, data: bytes, start: int, end: int) -> int:
        """Where the JSON of a message ends."""
        if end - start < 4:
            raise ProtocolError("a message without JSON")
        text_end = start + 4 + int(U32.unpack_from(data, start)[0])
        if text_end > end:
            raise ProtocolError("a message shorter than its JSON")
        return text_end

    def _replied(self, number: int, result: Any, attachment: Buffer) -> None:
        entry = self._calls.pop(number, None)
        if entry is None:
            # A call that was cancelled. A state must be taken all the same: the server counts on it from now on.
            if attachment and isinstance(result, dict) and "root" in result:
                self.mirror.resolve(result, attachment)
            return
        deferred, is_state = entry
        if is_state and isinstance(result, dict):
            try:
                result = self.mirror.resolve(result, attachment)
            except Exception as error:
                self._send_waiting()
                deferred.errback(error)
                return
        if self._waiting:
            self._send_waiting()
        deferred.callback(result)

    def _lost(self, reason: Failure) -> None:
        self._lost_reason = reason
        failed = [entry[0] for entry in self._calls.values()] + [entry[3] for entry in self._waiting]
        self._calls.clear()
        self._waiting.clear()
        for receiver in list(self.receivers.values()):
            receiver.abort()
        self.receivers.clear()
        for deferred in failed:
            deferred.errback(RuntimeError("The connection to the server is closed"))
        if self._on_lost is not None:
            self._on_lost(reason)


def _attachment(data: bytes, start: int, end: int) -> Buffer:
    return data[start:end] if end - start <= _LONGEST_COPY else memoryview(data)[start:end]
