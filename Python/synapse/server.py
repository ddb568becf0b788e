"""The object that upstream's parts hang on."""

from __future__ import annotations

from axolemma_host.homeserver import HomeServer
from synapse._missing import missing_names

__all__ = ["HomeServer"]

__getattr__ = missing_names(__name__)
