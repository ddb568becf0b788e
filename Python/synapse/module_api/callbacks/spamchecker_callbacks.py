"""Types of the callbacks of spam checkers."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Collection, Dict, Final, Optional, Tuple, Union

from synapse._missing import missing_names
from synapse.api.errors import Codes
from synapse.events import EventBase
from synapse.media._base import FileInfo
from synapse.media.media_storage import ReadableFileWrapper
from synapse.spam_checker_api import RegistrationBehaviour
from synapse.types import RoomAlias, UserProfile

NOT_SPAM: Final = "NOT_SPAM"
"""What a spam checker answers if it has no objection."""

_Answer = Union[str, Codes, Tuple[Codes, Dict[str, Any]], bool]
_StrictAnswer = Union[str, Codes, Tuple[Codes, Dict[str, Any]]]

CHECK_EVENT_FOR_SPAM_CALLBACK = Callable[[EventBase], Awaitable[_Answer]]
SHOULD_DROP_FEDERATED_EVENT_CALLBACK = Callable[[EventBase], Awaitable[Union[bool, str]]]
USER_MAY_JOIN_ROOM_CALLBACK = Callable[[str, str, bool], Awaitable[_Answer]]
USER_MAY_INVITE_CALLBACK = Callable[[str, str, str], Awaitable[_Answer]]
FEDERATED_USER_MAY_INVITE_CALLBACK = Callable[[EventBase], Awaitable[_Answer]]
USER_MAY_SEND_3PID_INVITE_CALLBACK = Callable[[str, str, str, str], Awaitable[_Answer]]
USER_MAY_CREATE_ROOM_CALLBACK = Union[
    Callable[[str, Dict[str, Any]], Awaitable[_Answer]],
    Callable[[str], Awaitable[_Answer]],
]
USER_MAY_CREATE_ROOM_ALIAS_CALLBACK = Callable[[str, RoomAlias], Awaitable[_Answer]]
USER_MAY_PUBLISH_ROOM_CALLBACK = Callable[[str, str], Awaitable[_Answer]]
USER_MAY_SEND_STATE_EVENT_CALLBACK = Callable[[str, str, str, str, Dict[str, Any]], Awaitable[_StrictAnswer]]
CHECK_USERNAME_FOR_SPAM_CALLBACK = Union[
    Callable[[UserProfile], Awaitable[bool]],
    Callable[[UserProfile, str], Awaitable[bool]],
]
CHECK_REGISTRATION_FOR_SPAM_CALLBACK = Callable[
    [Optional[dict], Optional[str], Collection[Tuple[str, str]], Optional[str]],
    Awaitable[RegistrationBehaviour],
]
CHECK_MEDIA_FILE_FOR_SPAM_CALLBACK = Callable[[ReadableFileWrapper, FileInfo], Awaitable[_Answer]]
CHECK_LOGIN_FOR_SPAM_CALLBACK = Callable[
    [str, Optional[str], Optional[str], Collection[Tuple[Optional[str], str]], Optional[str]],
    Awaitable[_StrictAnswer],
]


class SpamCheckerModuleApiCallbacks:
    """Holds the answer that has no objection; the callbacks themselves are the host's."""

    NOT_SPAM: Final = "NOT_SPAM"


__getattr__ = missing_names(__name__)
