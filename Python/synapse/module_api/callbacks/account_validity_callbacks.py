"""Types of the callbacks of account validity."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Optional, Tuple

from synapse._missing import missing_names

IS_USER_EXPIRED_CALLBACK = Callable[[str], Awaitable[Optional[bool]]]
ON_USER_REGISTRATION_CALLBACK = Callable[[str], Awaitable[Any]]
ON_USER_LOGIN_CALLBACK = Callable[[str, Optional[str], Optional[str]], Awaitable[Any]]
ON_LEGACY_SEND_MAIL_CALLBACK = Callable[[str], Awaitable[Any]]
ON_LEGACY_RENEW_CALLBACK = Callable[[str], Awaitable[Tuple[bool, bool, int]]]
ON_LEGACY_ADMIN_REQUEST = Callable[[Any], Awaitable[Any]]

__getattr__ = missing_names(__name__)
