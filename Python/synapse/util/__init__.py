"""Small tools that modules use."""

from __future__ import annotations

import json
from typing import Any

from synapse._missing import missing_names


def _clock() -> Any:
    from synapse.util.clock import Clock

    return Clock


def _duration() -> Any:
    from synapse.util.duration import Duration

    return Duration


__getattr__ = missing_names(
    __name__,
    late={
        "Clock": _clock,
        "Duration": _duration,
        "json_decoder": json.JSONDecoder,
        "json_encoder": lambda: json.JSONEncoder(allow_nan=False, separators=(",", ":")),
    },
)
