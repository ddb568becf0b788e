"""JSON as the server writes it."""

from __future__ import annotations

import json
from typing import Any, Mapping


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError("Object of type %s is not JSON serializable" % (type(value).__name__,))


_COMPACT = json.JSONEncoder(default=_plain, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
_CANONICAL = json.JSONEncoder(
    default=_plain, allow_nan=False, separators=(",", ":"), ensure_ascii=False, sort_keys=True
)


def encode_json(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return _COMPACT.encode(value).encode("utf-8")


def encode_canonical_json(value: Any) -> bytes:
    """Canonical JSON: compact, keys sorted by code point."""
    return _CANONICAL.encode(value).encode("utf-8")


def _refuse_constant(text: str) -> None:
    raise ValueError("Invalid JSON value: %r" % (text,))


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def decode_json(text: str) -> Any:
    """Parses JSON, without the numbers that JSON does not have."""
    return _DECODER.decode(text)
