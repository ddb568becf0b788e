"""The server's handlers, as far as modules import from them."""

from __future__ import annotations

from synapse._missing import missing_names

__getattr__ = missing_names(__name__)
