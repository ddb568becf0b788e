"""Small tools that modules use."""

from __future__ import annotations

from typing import Any

from synapse._missing import missing_names

_missing = missing_names(__name__)


def __getattr__(name: str) -> Any:
    # The clock needs other parts of this package, so it is looked up when somebody asks for it here.
    if name == "Clock":
        from synapse.util.clock import Clock

        return Clock
    if name == "Duration":
        from synapse.util.duration import Duration

        return Duration
    if name == "json_encoder":
        import json

        return json.JSONEncoder(allow_nan=False, separators=(",", ":"))
    if name == "json_decoder":
        from synapse.util import _json

        return _json._DECODER
    return _missing(name)
