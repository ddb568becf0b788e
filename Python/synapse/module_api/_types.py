"""Types of the module API."""

from __future__ import annotations

from typing import Any, AsyncContextManager, Awaitable, Callable, Dict, Iterable, Optional, Set, Tuple, Union

import attr
from typing_extensions import TypedDict

from synapse.api.presence import UserPresenceState
from synapse.events import EventBase
from synapse.types import JsonDict

PRESENCE_ALL_USERS = "ALL"
"""What a presence router answers for a user who gets everybody's presence."""


@attr.s(slots=True, frozen=True, auto_attribs=True)
class UserIpAndAgent:
    """Where a user was seen; `last_seen` is in milliseconds."""

    ip: str
    user_agent: str
    last_seen: int


class LoginResponse(TypedDict, total=False):
    """The answer to a login."""

    user_id: str
    access_token: Optional[str]
    home_server: str
    expires_in_ms: Optional[int]
    refresh_token: Optional[str]
    device_id: Optional[str]
    well_known: Optional[Dict[str, Any]]


_LoginCallback = Callable[[LoginResponse], Awaitable[None]]
_Authenticated = Optional[Tuple[str, Optional[_LoginCallback]]]

CHECK_3PID_AUTH_CALLBACK = Callable[[str, str, str], Awaitable[_Authenticated]]
CHECK_AUTH_CALLBACK = Callable[[str, str, JsonDict], Awaitable[_Authenticated]]
ON_LOGGED_OUT_CALLBACK = Callable[[str, Optional[str], str], Awaitable[Any]]
GET_USERNAME_FOR_REGISTRATION_CALLBACK = Callable[[JsonDict, JsonDict], Awaitable[Optional[str]]]
GET_DISPLAYNAME_FOR_REGISTRATION_CALLBACK = Callable[[JsonDict, JsonDict], Awaitable[Optional[str]]]
IS_3PID_ALLOWED_CALLBACK = Callable[[str, str, bool], Awaitable[bool]]

GET_USERS_FOR_STATES_CALLBACK = Callable[[Iterable[UserPresenceState]], Awaitable[Dict[str, Set[UserPresenceState]]]]
GET_INTERESTED_USERS_CALLBACK = Callable[[str], Awaitable[Union[Set[str], str]]]

ON_ACCOUNT_DATA_UPDATED_CALLBACK = Callable[[str, Optional[str], str, JsonDict], Awaitable[Any]]

ON_UPDATE_CALLBACK = Callable[[str, str, bool], AsyncContextManager[int]]
DEFAULT_BATCH_SIZE_CALLBACK = Callable[[str, str], Awaitable[int]]
MIN_BATCH_SIZE_CALLBACK = Callable[[str, str], Awaitable[int]]

ADD_EXTRA_FIELDS_TO_UNSIGNED_CLIENT_EVENT_CALLBACK = Callable[[EventBase], Awaitable[JsonDict]]
