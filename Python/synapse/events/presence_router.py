"""Who gets whose presence."""

from __future__ import annotations

from typing import Any, Final

from synapse._missing import missing_names


class PresenceRouter:
    """Names what a presence router of a module may answer; the server does the routing."""

    ALL_USERS: Final = "ALL"

    def __init__(self, hs: Any = None):
        self._hs = hs


__getattr__ = missing_names(__name__)
