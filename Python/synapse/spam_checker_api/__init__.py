"""What a check of a registration answers."""

from __future__ import annotations

from enum import Enum

from synapse._missing import missing_names


class RegistrationBehaviour(Enum):
    """What becomes of a registration."""

    ALLOW = "allow"
    SHADOW_BAN = "shadow_ban"
    DENY = "deny"


__getattr__ = missing_names(__name__)
