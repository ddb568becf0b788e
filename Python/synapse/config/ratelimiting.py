"""How fast something may be done."""

from __future__ import annotations

from typing import Any, Mapping, Optional

import attr

from synapse._missing import missing_names


@attr.s(slots=True, frozen=True, auto_attribs=True)
class RatelimitSettings:
    """A rate, and how much may be done at once."""

    key: str
    per_second: float
    burst_count: int

    @classmethod
    def parse(
        cls, config: Mapping[str, Any], key: str, defaults: Optional[Mapping[str, float]] = None
    ) -> "RatelimitSettings":
        """The settings at a dotted path of the configuration."""
        found: Any = config
        for step in key.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        chosen = {**(defaults or {"per_second": 0.17, "burst_count": 3}), **(found or {})}
        return cls(key, float(chosen["per_second"]), int(chosen["burst_count"]))


__getattr__ = missing_names(__name__)
