"""Types of the callbacks of rate limits."""

from __future__ import annotations

from typing import Awaitable, Callable, Optional

import attr

from synapse._missing import missing_names


@attr.s(slots=True, frozen=True, auto_attribs=True)
class RatelimitOverride:
    """A user's own rate limit."""

    per_second: float
    burst_count: int


GET_RATELIMIT_OVERRIDE_FOR_USER_CALLBACK = Callable[[str, str], Awaitable[Optional[RatelimitOverride]]]

__getattr__ = missing_names(__name__)
