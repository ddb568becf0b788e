"""Caches in memory."""

from __future__ import annotations

from synapse._missing import missing_names

__getattr__ = missing_names(__name__)
