"""Timing of blocks of code. The server times modules itself, so these only keep decorated code working."""

from __future__ import annotations

from typing import Any, Callable, Optional, TypeVar, Union

from synapse._missing import missing_names

F = TypeVar("F", bound=Callable[..., Any])


def measure_func(name: Union[str, Callable[..., Any], None] = None) -> Callable[[F], F]:
    """A decorator for methods; the method stays as it is."""

    def decorate(function: F) -> F:
        return function

    return decorate


class Measure:
    """A context manager around code that is to be timed."""

    def __init__(self, clock: Any = None, name: Optional[str] = None, **_: Any):
        self.name = name

    def __enter__(self) -> "Measure":
        return self

    def __exit__(self, *_: Any) -> None:
        return None


__getattr__ = missing_names(__name__)
