"""Runs the callbacks that the server asks for."""

from __future__ import annotations

import types
from contextvars import copy_context
from inspect import isawaitable
from typing import Any, Dict, Generator, Optional

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from axolemma_host.errors import Unregistered
from axolemma_host.frames import encode_json
from axolemma_host.peer import Peer
from axolemma_host.registrations import Registration, Registrations
from axolemma_host.results import ALLOW

_ALLOW_TEXT = encode_json(ALLOW)


class Dispatcher:
    """Calls modules and answers the server with what they say."""

    def __init__(self, peer: Peer, registrations: Registrations) -> None:
        self._peer = peer
        self._registrations = registrations
        self._callbacks = registrations.callbacks
        # What a suspended callback waits on may be known to nobody else: kept from the garbage collector here.
        self._suspended: Dict[int, Any] = {}
        #: The callback that runs at this moment, for whoever wonders why nothing else does.
        self.running: Optional[Registration] = None
        peer.handle("callback", self.call)

    @property
    def pending(self) -> int:
        """Callbacks that wait for something."""
        return len(self._suspended)

    def call(self, number: int, params: Dict[str, Any], attachment: bytes) -> None:
        """Answers a ``callback`` call."""
        wire_state = params.get("state")
        # Before anything can fail: the server counts on the host having this state.
        state = self._peer.mirror.resolve(wire_state, attachment) if wire_state is not None else None
        registration = self._callbacks.get(params["id"])
        if registration is None:
            self._peer.fail_with(number, Unregistered())
            return
        self.running = registration
        try:
            args = registration.arguments(params["args"], state)
            if registration.count is not None:
                args = args[: registration.count]
            if registration.name == "login_callback" or registration.name == "background_update_exit":
                self._registrations.take_single(registration.id)
            value = registration.function(*args)
            if type(value) is types.CoroutineType:
                context = copy_context()
                try:
                    first = context.run(value.send, None)
                except StopIteration as stop:
                    value = stop.value
                else:
                    value = context.run(Deferred.fromCoroutine, _resumed(value, first))
            elif not isinstance(value, Deferred) and isawaitable(value):
                value = Deferred.fromCoroutine(_awaited(value))
            elif not isinstance(value, Deferred) and not registration.sync:
                raise TypeError(f"object {type(value).__name__} can't be used in 'await' expression")
            if isinstance(value, Deferred):
                self._suspend(number, registration, args, value)
            else:
                self._answer(number, registration, args, value)
        except BaseException as error:
            # SystemExit and their like too: a module's wish to end the process ends its call.
            self._peer.fail_with(number, error)
        finally:
            self.running = None

    def _suspend(self, number: int, registration: Registration, args: Any, deferred: "Deferred[Any]") -> None:
        """Answers when the callback is done. A module does not learn that the server has lost interest."""
        suspended = self._suspended
        peer = self._peer

        def done(value: Any) -> None:
            forget()
            try:
                self._answer(number, registration, args, value)
            except BaseException as error:
                peer.fail_with(number, error)

        def failed(failure: Failure) -> None:
            forget()
            peer.fail_with(number, failure.value, failure)

        def forget() -> None:
            suspended.pop(number, None)
            peer.on_cancel.pop(number, None)

        suspended[number] = deferred
        peer.on_cancel[number] = forget
        deferred.addCallbacks(done, failed)

    def _answer(self, number: int, registration: Registration, args: Any, value: Any) -> None:
        answer = registration.normalise(value, args, registration, self._registrations)
        if answer is ALLOW:
            self._peer.reply_encoded(number, _ALLOW_TEXT)
        elif answer is None:
            self._peer.reply_encoded(number, b"null")
        else:
            self._peer.reply(number, answer)


def _resumed(coroutine: Any, first: Any) -> Generator[Any, Any, Any]:
    """A generator that goes on with a coroutine which has yielded ``first`` already."""
    yielded = first
    try:
        while True:
            try:
                sent = yield yielded
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:
                yielded = coroutine.throw(error)
            else:
                yielded = coroutine.send(sent)
    except StopIteration as stop:
        return stop.value


async def _awaited(value: Any) -> Any:
    return await value
