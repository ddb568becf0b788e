"""Email addresses and other third-party identifiers."""

from __future__ import annotations

import re
from typing import Any, Final

from synapse._missing import missing_names

MAX_EMAIL_ADDRESS_LENGTH: Final = 500
_EMAIL_ADDRESS = re.compile(r"^[^@]+@[^@]+$")


async def check_3pid_allowed(hs: Any, medium: str, address: str, registration: bool = False) -> bool:
    """Whether the configuration lets accounts have this identifier.

    The other modules' `is_3pid_allowed` is the server's to ask; it is not asked here.
    """
    patterns = getattr(hs.config.registration, "allowed_local_3pids", None)
    if not patterns:
        return True
    return any(
        medium == constraint["medium"] and re.match(constraint["pattern"], address) is not None
        for constraint in patterns
    )


def canonicalise_email(address: str) -> str:
    """The address in the form in which it is compared; `ValueError` unless it has one `@`."""
    address = address.strip()
    parts = address.split("@")
    if len(parts) != 2:
        raise ValueError("Unable to parse email address")
    return parts[0].casefold() + "@" + parts[1].lower()


def validate_email(address: str) -> str:
    """The canonical form of an address; `ValueError` if it cannot be one."""
    address = canonicalise_email(address)
    if len(address) < 3:
        raise ValueError("Unable to parse email address")
    if len(address) > MAX_EMAIL_ADDRESS_LENGTH:
        raise ValueError("This email address is too long")
    if _EMAIL_ADDRESS.match(address) is None:
        raise ValueError("Unable to parse email address")
    return address


__getattr__ = missing_names(__name__)
