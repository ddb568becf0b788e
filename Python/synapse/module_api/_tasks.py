"""The module API: time, threads, background work, the database, caches."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Optional, Tuple, TypeVar

from twisted.internet import defer
from twisted.internet.interfaces import IDelayedCall
from twisted.python.threadpool import ThreadPool

from synapse.logging.context import defer_to_thread, defer_to_threadpool

T = TypeVar("T")


class Tasks:
    """The part of the module API about work beside requests."""

    _hs: Any

    def run_db_interaction(
        self, desc: str, func: Callable[..., T], *args: Any, **kwargs: Any
    ) -> "defer.Deferred[T]":
        """Calls `func(txn, …)` in a database thread, within one transaction. It may be called more than once."""
        pool = self._hs.get_datastores().main.db_pool
        return defer.ensureDeferred(pool.runInteraction(desc, func, *args, **kwargs))

    def register_cached_function(self, cached_func: Any) -> None:
        """Lets `invalidate_cache` reach the function wherever it runs."""
        self._hs.get_datastores().main.register_external_cached_function(
            "%s.%s" % (cached_func.__module__, cached_func.__name__), cached_func
        )

    async def invalidate_cache(self, cached_func: Any, keys: Tuple[Any, ...]) -> None:
        """Forgets what a cached function returned for these arguments."""
        cached_func.invalidate(keys)

    def looping_background_call(
        self,
        f: Callable[..., object],
        msec: float,
        *args: Any,
        desc: Optional[str] = None,
        run_on_all_instances: bool = False,
        **kwargs: Any,
    ) -> None:
        """Calls `f` again and again, first after `msec` milliseconds; never twice at once."""
        if desc is None:
            desc = f.__name__
        self._background.looping_call(f, msec, *args, desc=desc, **kwargs)

    def looping_background_call_async(self, f: Callable[..., object], msec: float, *args: Any, **kwargs: Any) -> None:
        """`looping_background_call` under the name it had before the interface was published; a module uses it."""
        self.looping_background_call(f, msec, *args, **kwargs)

    def delayed_background_call(
        self, msec: float, f: Callable[..., object], *args: Any, desc: Optional[str] = None, **kwargs: Any
    ) -> IDelayedCall:
        """Calls `f` once, after `msec` milliseconds; the result can cancel it."""
        if desc is None:
            desc = f.__name__
        return self._background.delayed_call(msec, f, *args, desc=desc, **kwargs)

    @property
    def _background(self) -> Any:
        return self._hs.background

    def should_run_background_tasks(self) -> bool:
        """Whether this process is the one for work that must be done once."""
        return True

    def run_as_background_process(
        self,
        desc: str,
        func: Callable[..., Awaitable[Optional[T]]],
        *args: Any,
        bg_start_span: bool = True,
        **kwargs: Any,
    ) -> "defer.Deferred[Optional[T]]":
        """Calls `func` beside whatever runs, and logs what it raises."""
        return self._background.run_as_background_process(desc, func, *args, **kwargs)

    async def defer_to_thread(self, f: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Calls a blocking function in a thread."""
        return await defer_to_thread(self._hs.get_reactor(), f, *args, **kwargs)

    async def defer_to_threadpool(
        self, threadpool: ThreadPool, f: Callable[..., T], *args: Any, **kwargs: Any
    ) -> T:
        """Calls a blocking function in a thread of the given pool."""
        return await defer_to_threadpool(self._hs.get_reactor(), threadpool, f, *args, **kwargs)

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        done: "defer.Deferred[None]" = defer.Deferred()
        self._hs.get_reactor().callLater(seconds, done.callback, None)
        await done

    def get_current_time_msec(self) -> int:
        """The server's time, in milliseconds."""
        return int(self._hs.get_clock().time_msec())

    def current_time_ms(self) -> int:
        """`get_current_time_msec` under the name it had before the interface was published; a module uses it."""
        return self.get_current_time_msec()
