"""The old home of `UserPresenceState`."""

from __future__ import annotations

from synapse._missing import missing_names
from synapse.api.presence import UserPresenceState

__all__ = ["UserPresenceState"]

__getattr__ = missing_names(__name__)
