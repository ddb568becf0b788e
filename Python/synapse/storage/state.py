"""The old home of `StateFilter`."""

from __future__ import annotations

from synapse._missing import missing_names
from synapse.types.state import StateFilter

__all__ = ["StateFilter"]

__getattr__ = missing_names(__name__)
