"""Work beside requests."""

from __future__ import annotations

import logging
from functools import wraps
from typing import Any, Awaitable, Callable, Optional

from twisted.internet import defer

from synapse._missing import missing_names
from synapse.util.async_helpers import maybe_awaitable

logger = logging.getLogger(__name__)


def run_as_background_process(
    desc: str, *args: Any, bg_start_span: bool = True, **kwargs: Any
) -> "defer.Deferred[Any]":
    """Calls a function beside whatever runs, and logs what it raises.

    Called as `(desc, func, …)` or, as of late, `(desc, server_name, func, …)`. The Deferred gives the function's
    result, or `None` if it failed.
    """
    if args and isinstance(args[0], str):
        args = args[1:]
    if not args or not callable(args[0]):
        raise TypeError("run_as_background_process() needs a function")
    function: Callable[..., Any] = args[0]
    arguments = args[1:]

    async def run() -> Optional[Any]:
        try:
            return await maybe_awaitable(function(*arguments, **kwargs))
        except Exception:
            logger.exception("Background process '%s' threw an exception", desc)
            return None

    return defer.ensureDeferred(run())


def wrap_as_background_process(desc: str) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Any]]:
    """A decorator whose function runs as a background process."""

    def decorate(function: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        @wraps(function)
        def start(*args: Any, **kwargs: Any) -> "defer.Deferred[Any]":
            return run_as_background_process(desc, function, *args, **kwargs)

        return start

    return decorate


__getattr__ = missing_names(__name__)
