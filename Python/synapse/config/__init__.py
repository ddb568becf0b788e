"""Errors of configuration."""

from __future__ import annotations

from synapse._missing import missing_names
from synapse.config._base import ConfigError

__all__ = ["ConfigError"]

__getattr__ = missing_names(__name__)
