"""What `get_datastores().main` is."""

from __future__ import annotations

from axolemma_host.stores import MainStore as DataStore
from synapse._missing import missing_names

__all__ = ["DataStore"]

__getattr__ = missing_names(__name__)
