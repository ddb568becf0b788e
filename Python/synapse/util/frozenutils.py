"""Immutable copies of JSON values, and the way back."""

from __future__ import annotations

from typing import Any, Mapping

from immutabledict import immutabledict

from synapse._missing import missing_names


def freeze(o: Any) -> Any:
    """A deeply immutable copy: mappings become `immutabledict`, sequences tuples."""
    if isinstance(o, immutabledict):
        return o
    if isinstance(o, Mapping):
        return immutabledict({key: freeze(value) for key, value in o.items()})
    if isinstance(o, (str, bytes)) or o is None:
        return o
    try:
        return tuple(freeze(item) for item in o)
    except TypeError:
        return o


def unfreeze(o: Any) -> Any:
    """A deep copy made of plain dictionaries and lists."""
    if isinstance(o, Mapping):
        return {key: unfreeze(value) for key, value in o.items()}
    if isinstance(o, (str, bytes)) or o is None:
        return o
    try:
        return [unfreeze(item) for item in o]
    except TypeError:
        return o


__getattr__ = missing_names(__name__)
