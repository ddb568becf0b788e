"""Tracing, which is not done here: what modules wrap their code in runs as if it were not there."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Dict, Iterator, Optional, TypeVar

from synapse._missing import missing_names

F = TypeVar("F", bound=Callable[..., Any])

opentracing: Any = None
"""The tracing library: none."""


def trace(func: F) -> F:
    """A decorator that would trace a function."""
    return func


def trace_with_opname(opname: str, *_: Any, **__: Any) -> Callable[[F], F]:
    """Makes a decorator that would trace a function under a name."""
    return trace


def tag_args(func: F) -> F:
    """A decorator that would note a function's arguments."""
    return func


def set_tag(key: str, value: Any) -> None:
    """Would note something of the current span."""


def set_operation_name(operation_name: str) -> None:
    """Would name the current span."""


def log_kv(key_values: Dict[str, Any], timestamp: Optional[float] = None) -> None:
    """Would note something that happened within the current span."""


def active_span() -> None:
    """The current span: none."""


@contextlib.contextmanager
def _no_span(*args: Any, **kwargs: Any) -> Iterator[None]:
    yield None


start_active_span = _no_span
start_active_span_follows_from = _no_span

__getattr__ = missing_names(__name__)
