"""Time and timers."""

from __future__ import annotations

import logging
import time as system_time
from datetime import timedelta
from typing import Any, Callable, List, Optional, Union

from twisted.internet import defer, task
from twisted.internet.interfaces import IDelayedCall

from synapse._missing import missing_names
from synapse.util.async_helpers import maybe_awaitable

logger = logging.getLogger(__name__)


def _seconds(length: Union[float, timedelta]) -> float:
    return length.total_seconds() if isinstance(length, timedelta) else float(length)


def _loop_seconds(interval: Union[float, timedelta]) -> float:
    return interval.total_seconds() if isinstance(interval, timedelta) else float(interval) / 1000.0


class Clock:
    """Reads the time and sets timers on a reactor."""

    def __init__(self, reactor: Any = None, server_name: Optional[str] = None):
        if reactor is None:
            from twisted.internet import reactor
        self._reactor = reactor
        self._server_name = server_name
        self._loops: List[task.LoopingCall] = []
        self._calls: List[IDelayedCall] = []

    def time(self) -> float:
        """Seconds since the epoch."""
        return system_time.time()

    def time_msec(self) -> int:
        """Milliseconds since the epoch."""
        return int(self.time() * 1000)

    async def sleep(self, duration: Union[float, timedelta]) -> None:
        """Waits for a number of seconds or a `Duration`."""
        done: defer.Deferred = defer.Deferred()
        self._reactor.callLater(_seconds(duration), done.callback, None)
        await done

    def looping_call(
        self, f: Callable[..., Any], duration: Union[float, timedelta], *args: Any, **kwargs: Any
    ) -> task.LoopingCall:
        """Calls `f` again and again, first after `duration` (milliseconds or a `Duration`)."""
        return self._loop(f, duration, False, args, kwargs)

    def looping_call_now(
        self, f: Callable[..., Any], duration: Union[float, timedelta], *args: Any, **kwargs: Any
    ) -> task.LoopingCall:
        """Calls `f` now and again after every `duration` (milliseconds or a `Duration`)."""
        return self._loop(f, duration, True, args, kwargs)

    def _loop(self, f: Callable[..., Any], duration: Any, now: bool, args: Any, kwargs: Any) -> task.LoopingCall:
        async def once() -> None:
            try:
                await maybe_awaitable(f(*args, **kwargs))
            except Exception:
                logger.exception("Looping call to %s failed", getattr(f, "__qualname__", repr(f)))

        loop = task.LoopingCall(lambda: defer.ensureDeferred(once()))
        loop.clock = self._reactor
        loop.start(_loop_seconds(duration), now=now)
        self._loops.append(loop)
        return loop

    def cancel_all_looping_calls(self, consumeErrors: bool = True) -> None:
        """Stops every loop this clock started."""
        loops, self._loops = self._loops, []
        for loop in loops:
            if loop.running:
                loop.stop()

    def call_later(
        self, delay: Union[float, timedelta], callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> IDelayedCall:
        """Calls `callback` once, after a number of seconds or a `Duration`."""
        kwargs.pop("call_later_cancel_on_shutdown", None)
        call = self._reactor.callLater(_seconds(delay), callback, *args, **kwargs)
        self._calls = [other for other in self._calls if other.active()]
        self._calls.append(call)
        return call

    def cancel_call_later(self, timer: IDelayedCall, ignore_errs: bool = False) -> None:
        """Cancels what `call_later` returned."""
        try:
            timer.cancel()
        except Exception:
            if not ignore_errs:
                raise

    def cancel_all_delayed_calls(self, ignore_errs: bool = True) -> None:
        """Cancels every call this clock has under way."""
        calls, self._calls = self._calls, []
        for call in calls:
            if call.active():
                self.cancel_call_later(call, ignore_errs)

    def call_when_running(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Calls `callback` once the reactor runs."""
        self._reactor.callWhenRunning(callback, *args, **kwargs)

    def add_system_event_trigger(
        self, phase: str, event_type: str, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Calls `callback` in a phase of the reactor's start or stop."""
        return self._reactor.addSystemEventTrigger(phase, event_type, callback, *args, **kwargs)

    def shutdown(self) -> None:
        """Stops all loops and timers."""
        self.cancel_all_looping_calls()
        self.cancel_all_delayed_calls()


__getattr__ = missing_names(__name__)
