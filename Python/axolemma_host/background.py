"""Work of modules beside requests."""

from __future__ import annotations

import logging
from typing import Any, Callable, List, Optional

from twisted.internet import defer, task
from twisted.internet.interfaces import IDelayedCall

from synapse.metrics.background_process_metrics import run_as_background_process
from synapse.util.async_helpers import maybe_awaitable

logger = logging.getLogger(__name__)


class Background:
    """Calls that no callback asks for. What they raise is logged."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._loops: List[task.LoopingCall] = []

    def looping_call(
        self, f: Callable[..., object], msec: float, *args: Any, desc: Optional[str] = None, **kwargs: Any
    ) -> task.LoopingCall:
        """Calls `f` again and again, first after `msec` milliseconds; a call never begins before the last one ended.

        A time at which the last call still goes on is left out.
        """
        name = desc if desc is not None else _name(f)

        async def once() -> None:
            try:
                await maybe_awaitable(f(*args, **kwargs))
            except Exception:
                logger.exception("Looping call %s failed; it goes on", name)

        loop = task.LoopingCall(lambda: defer.ensureDeferred(once()))
        loop.clock = self._reactor
        started = loop.start(max(0.0, msec / 1000.0), now=False)
        started.addErrback(lambda failure: logger.error("Looping call %s ended: %s", name, failure.value))
        self._loops.append(loop)
        return loop

    def delayed_call(
        self, msec: float, f: Callable[..., object], *args: Any, desc: Optional[str] = None, **kwargs: Any
    ) -> IDelayedCall:
        """Calls `f` once, after `msec` milliseconds; the result can cancel it."""
        name = desc if desc is not None else _name(f)
        return self._reactor.callLater(
            max(0.0, msec / 1000.0), lambda: self.run_as_background_process(name, f, *args, **kwargs)
        )

    def run_as_background_process(
        self, desc: str, func: Callable[..., Any], *args: Any, bg_start_span: bool = True, **kwargs: Any
    ) -> "defer.Deferred[Any]":
        """Calls `func` now; the Deferred gives its result, or `None` if it failed."""
        return run_as_background_process(desc, func, *args, **kwargs)

    def stop(self) -> None:
        """Ends all loops."""
        loops, self._loops = self._loops, []
        for loop in loops:
            if loop.running:
                loop.stop()


def _name(f: Callable[..., object]) -> str:
    return getattr(f, "__name__", None) or repr(f)
