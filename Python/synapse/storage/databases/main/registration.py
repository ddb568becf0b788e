"""What modules catch of the accounts' store."""

from __future__ import annotations

from synapse._missing import missing_names

__all__ = ["ExternalIDReuseException"]

__getattr__ = missing_names(__name__)


class ExternalIDReuseException(Exception):
    """An identity provider's name for a user stands for another user already."""
