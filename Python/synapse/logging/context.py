"""Contexts of log lines, and running coroutines beside the caller.

The server, not this process, knows which request a log line belongs to. So contexts only keep their names here, and
code that manages them works unchanged.
"""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from typing import Any, Callable, Optional, TypeVar, Union

from twisted.internet import defer, threads
from twisted.python.threadpool import ThreadPool

from synapse._missing import missing_names

R = TypeVar("R")


class _Sentinel:
    """The context of code that has none."""

    previous_context = None
    finished = False
    server_name = "unknown_server_from_sentinel_context"
    request = None
    tag = None

    def __str__(self) -> str:
        return "sentinel"

    def __bool__(self) -> bool:
        return False


SENTINEL_CONTEXT = _Sentinel()
LoggingContextOrSentinel = Union["LoggingContext", _Sentinel]

_current: "ContextVar[LoggingContextOrSentinel]" = ContextVar("synapse_logging_context", default=SENTINEL_CONTEXT)


def current_context() -> LoggingContextOrSentinel:
    """The context of the code that runs."""
    return _current.get()


def set_current_context(context: LoggingContextOrSentinel) -> LoggingContextOrSentinel:
    """Changes the context and returns the one before."""
    before = current_context()
    _current.set(context)
    return before


class LoggingContext:
    """A named context."""

    def __init__(
        self,
        name: Optional[str] = None,
        *,
        server_name: Optional[str] = None,
        parent_context: Optional["LoggingContext"] = None,
        request: Any = None,
        **_: Any,
    ):
        if name is None and request is not None:
            name = getattr(request, "request_id", None)
        self.name = name
        self.server_name = server_name
        self.parent_context = parent_context
        self.request = request
        self.finished = False
        self.previous_context: LoggingContextOrSentinel = SENTINEL_CONTEXT

    def __str__(self) -> str:
        return self.name or "LoggingContext@%x" % (id(self),)

    def __enter__(self) -> "LoggingContext":
        self.previous_context = set_current_context(self)
        return self

    def __exit__(self, *_: Any) -> None:
        set_current_context(self.previous_context)
        self.finished = True


class PreserveLoggingContext:
    """Runs code in another context, by default in none."""

    def __init__(self, new_context: LoggingContextOrSentinel = SENTINEL_CONTEXT):
        self._new_context = new_context
        self._before: LoggingContextOrSentinel = SENTINEL_CONTEXT

    def __enter__(self) -> None:
        self._before = set_current_context(self._new_context)

    def __exit__(self, *_: Any) -> None:
        set_current_context(self._before)


def nested_logging_context(suffix: str) -> LoggingContext:
    """A context within the present one."""
    outer = current_context()
    parent = outer if isinstance(outer, LoggingContext) else None
    return LoggingContext("%s-%s" % (outer, suffix), parent_context=parent)


def run_in_background(f: Callable[..., Any], *args: Any, **kwargs: Any) -> "defer.Deferred[Any]":
    """Calls `f` and does not wait for it; a failure stays in the Deferred."""
    try:
        result = f(*args, **kwargs)
    except Exception:
        return defer.fail()
    if isinstance(result, defer.Deferred):
        return result
    if inspect.iscoroutine(result):
        return defer.ensureDeferred(result)
    if inspect.isawaitable(result):
        return defer.ensureDeferred(_wait_for(result))
    return defer.succeed(result)


def run_coroutine_in_background(coroutine: Any) -> "defer.Deferred[Any]":
    """Starts a coroutine and does not wait for it."""
    return defer.ensureDeferred(coroutine)


def preserve_fn(f: Callable[..., Any]) -> Callable[..., "defer.Deferred[Any]"]:
    """`f` as a function that runs in the background."""

    def in_background(*args: Any, **kwargs: Any) -> "defer.Deferred[Any]":
        return run_in_background(f, *args, **kwargs)

    return in_background


def make_deferred_yieldable(deferred: "defer.Deferred[R]") -> "defer.Deferred[R]":
    """The Deferred in a form that may be awaited."""
    if isinstance(deferred, defer.Deferred):
        return deferred
    if inspect.iscoroutine(deferred):
        return defer.ensureDeferred(deferred)
    return defer.succeed(deferred)


async def _wait_for(awaitable: Any) -> Any:
    return await awaitable


def defer_to_thread(reactor: Any, f: Callable[..., R], *args: Any, **kwargs: Any) -> "defer.Deferred[R]":
    """Calls a blocking function in a thread of the reactor."""
    return defer_to_threadpool(reactor, reactor.getThreadPool(), f, *args, **kwargs)


def defer_to_threadpool(
    reactor: Any, threadpool: ThreadPool, f: Callable[..., R], *args: Any, **kwargs: Any
) -> "defer.Deferred[R]":
    """Calls a blocking function in a thread of the given pool."""
    context = current_context()

    def in_thread() -> R:
        with PreserveLoggingContext(context):
            return f(*args, **kwargs)

    return threads.deferToThreadPool(reactor, threadpool, in_thread)


__getattr__ = missing_names(__name__)
