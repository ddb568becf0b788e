"""Awaitables and Deferreds."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, Generator, Generic, Iterable, List, TypeVar, Union

import attr
from twisted.internet import defer
from twisted.python.failure import Failure

from synapse._missing import missing_names

R = TypeVar("R")


@attr.s(slots=True, frozen=True, auto_attribs=True)
class DoneAwaitable(Awaitable[R], Generic[R]):
    """Something to await that has its value."""

    value: R

    def __await__(self) -> Generator[Any, None, R]:
        return self.value
        yield


def maybe_awaitable(value: Union[Awaitable[R], R]) -> Awaitable[R]:
    """`value` itself if it can be awaited, else something to await that gives it."""
    if inspect.isawaitable(value):
        return value
    return DoneAwaitable(value)


def gather_results(deferreds: Iterable[Any], consumeErrors: bool = False) -> "defer.Deferred[List[Any]]":
    """All results, or the first failure itself."""
    gathered = defer.gatherResults([defer.ensureDeferred(item) for item in deferreds], consumeErrors)
    gathered.addErrback(_first_error)
    return gathered


def _first_error(failure: Failure) -> Failure:
    failure.trap(defer.FirstError)
    return failure.value.subFailure


async def yieldable_gather_results(
    func: Callable[..., Awaitable[R]], iter: Iterable[Any], *args: Any, **kwargs: Any
) -> List[R]:
    """`func` of every item at once."""
    started = [defer.ensureDeferred(maybe_coroutine(func(item, *args, **kwargs))) for item in iter]
    return await gather_results(started, consumeErrors=True)


async def maybe_coroutine(value: Union[Awaitable[R], R]) -> R:
    """The value, awaited if it can be."""
    return await maybe_awaitable(value)


async def concurrently_execute(
    func: Callable[[Any], Any], args: Iterable[Any], limit: int, delay_cancellation: bool = False
) -> None:
    """`func` of every item, at most `limit` at once."""
    items = iter(args)

    async def work() -> None:
        for item in items:
            await maybe_awaitable(func(item))

    await gather_results([defer.ensureDeferred(work()) for _ in range(max(1, limit))], consumeErrors=True)


def timeout_deferred(
    *, deferred: "defer.Deferred[R]", timeout: Any, clock: Any = None, reactor: Any = None, **_: Any
) -> "defer.Deferred[R]":
    """`deferred`, failing with `TimeoutError` of Twisted once `timeout` (seconds) is over."""
    source = reactor if reactor is not None else getattr(clock, "_reactor", clock)
    seconds = timeout.total_seconds() if hasattr(timeout, "total_seconds") else timeout

    def timed_out(value: Any, _: float) -> Any:
        if isinstance(value, Failure):
            value.trap(defer.CancelledError)
            raise defer.TimeoutError("Timed out after %gs" % (seconds,))
        return value

    return deferred.addTimeout(seconds, source, timed_out)


class Linearizer:
    """Lets at most `max_count` through at once, per key."""

    def __init__(self, *args: Any, name: str = "", max_count: int = 1, clock: Any = None, **_: Any):
        self._max_count = max_count
        self._gates: Dict[Any, defer.DeferredSemaphore] = {}

    def is_queued(self, key: Any) -> bool:
        """Whether somebody waits for `key`."""
        gate = self._gates.get(key)
        return gate is not None and bool(gate.waiting)

    @asynccontextmanager
    async def queue(self, key: Any) -> AsyncIterator[None]:
        """Waits for a place, and keeps it while the context lasts."""
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = defer.DeferredSemaphore(self._max_count)
        await gate.acquire()
        try:
            yield
        finally:
            gate.release()
            if gate.tokens == gate.limit and not gate.waiting:
                self._gates.pop(key, None)


__getattr__ = missing_names(__name__)
