"""Types of the callbacks of third-party rules."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Optional, Tuple

from synapse._missing import missing_names
from synapse.events import EventBase
from synapse.types import Requester, StateMap

CHECK_EVENT_ALLOWED_CALLBACK = Callable[[EventBase, StateMap[EventBase]], Awaitable[Tuple[bool, Optional[dict]]]]
ON_CREATE_ROOM_CALLBACK = Callable[[Requester, dict, bool], Awaitable[Any]]
CHECK_THREEPID_CAN_BE_INVITED_CALLBACK = Callable[[str, str, StateMap[EventBase]], Awaitable[bool]]
CHECK_VISIBILITY_CAN_BE_MODIFIED_CALLBACK = Callable[[str, StateMap[EventBase], str], Awaitable[bool]]
ON_NEW_EVENT_CALLBACK = Callable[[EventBase, StateMap[EventBase]], Awaitable[Any]]
CHECK_CAN_SHUTDOWN_ROOM_CALLBACK = Callable[[Optional[str], str], Awaitable[bool]]
CHECK_CAN_DEACTIVATE_USER_CALLBACK = Callable[[str, bool], Awaitable[bool]]
ON_PROFILE_UPDATE_CALLBACK = Callable[[str, Any, bool, bool], Awaitable[Any]]
ON_USER_DEACTIVATION_STATUS_CHANGED_CALLBACK = Callable[[str, bool, bool], Awaitable[Any]]
ON_THREEPID_BIND_CALLBACK = Callable[[str, str, str], Awaitable[Any]]
ON_ADD_USER_THIRD_PARTY_IDENTIFIER_CALLBACK = Callable[[str, str, str], Awaitable[Any]]
ON_REMOVE_USER_THIRD_PARTY_IDENTIFIER_CALLBACK = Callable[[str, str, str], Awaitable[Any]]

__getattr__ = missing_names(__name__)
