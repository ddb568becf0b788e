"""Lengths of time."""

from __future__ import annotations

from datetime import timedelta

from synapse._missing import missing_names


class Duration(timedelta):
    """A length of time, made like a `timedelta`."""

    def as_millis(self) -> int:
        """In whole milliseconds."""
        return int(self / timedelta(milliseconds=1))

    def as_secs(self) -> float:
        """In seconds."""
        return self.total_seconds()


__getattr__ = missing_names(__name__)
