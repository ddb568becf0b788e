"""Records that the module API hands out."""

from __future__ import annotations

from enum import Enum
from typing import Any, Collection, Dict, Final, List, Mapping, Optional, Set

import attr
from immutabledict import immutabledict
from typing_extensions import TypedDict

from synapse.types._ids import UserID


class AbsentType(Enum):
    """The type of `Absent`."""

    Absent = "Absent"

    def __repr__(self) -> str:
        return "Absent"


Absent = AbsentType.Absent
"""Stands for an argument that was not given, where `None` is a value."""


class UserProfile(TypedDict):
    """A user in the user directory."""

    user_id: str
    display_name: Optional[str]
    avatar_url: Optional[str]


@attr.s(slots=True, frozen=True, auto_attribs=True)
class UserInfo:
    """A local account. `creation_ts` is in seconds."""

    user_id: UserID
    appservice_id: Optional[str]
    consent_server_notice_sent: Optional[str]
    consent_version: Optional[str]
    consent_ts: Optional[int]
    user_type: Optional[str]
    creation_ts: int
    is_admin: bool
    is_deactivated: bool
    is_guest: bool
    is_shadow_banned: bool
    approved: bool
    locked: bool
    suspended: bool


class TaskStatus(str, Enum):
    """How far a scheduled task is."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"


@attr.s(slots=True, frozen=True, auto_attribs=True)
class ScheduledTask:
    """A task that survives restarts. `timestamp` is in milliseconds."""

    id: str
    action: str
    status: TaskStatus
    timestamp: int
    resource_id: Optional[str]
    params: Optional[Mapping[str, Any]]
    result: Optional[Mapping[str, Any]]
    error: Optional[str]


@attr.s(slots=True, frozen=True, auto_attribs=True)
class ReadReceipt:
    """A read receipt."""

    room_id: str
    receipt_type: str
    user_id: str
    event_ids: List[str]
    thread_id: Optional[str]
    data: Dict[str, Any]


@attr.s(slots=True, frozen=True, auto_attribs=True)
class RetentionPolicy:
    """How long a room's messages are kept, in milliseconds."""

    min_lifetime: Optional[int] = None
    max_lifetime: Optional[int] = None


@attr.s(slots=True, frozen=True, auto_attribs=True)
class ThirdPartyInstanceID:
    """An instance of a third-party network."""

    appservice_id: Optional[str]
    network_id: Optional[str]


@attr.s(slots=True, auto_attribs=True)
class DeviceListUpdates:
    """Users whose devices changed, and users no longer followed."""

    changed: Set[str] = attr.Factory(set)
    left: Set[str] = attr.Factory(set)

    def __bool__(self) -> bool:
        return bool(self.changed or self.left)


@attr.s(slots=True, frozen=True, auto_attribs=True)
class PersistedPosition:
    """Where something stands in a stream."""

    instance_name: str
    stream: int


@attr.s(slots=True, frozen=True, auto_attribs=True)
class PersistedEventPosition(PersistedPosition):
    """Where an event stands in the stream of events."""


@attr.s(slots=True, frozen=True, auto_attribs=True)
class MultiWriterStreamToken:
    """A position in a stream that several processes write."""

    stream: int
    instance_map: Mapping[str, int] = attr.Factory(immutabledict)

    def get_stream_pos_for_instance(self, instance_name: str) -> int:
        """The position of one writer."""
        return self.instance_map.get(instance_name, self.stream)

    def get_max_stream_pos(self) -> int:
        """The position of the writer that is furthest."""
        return max(self.instance_map.values(), default=self.stream)


class StreamKeyType(Enum):
    """Streams that a synchronisation waits for."""

    ROOM: Final = "room_key"
    PRESENCE: Final = "presence_key"
    TYPING: Final = "typing_key"
    RECEIPT: Final = "receipt_key"
    ACCOUNT_DATA: Final = "account_data_key"
    PUSH_RULES: Final = "push_rules_key"
    TO_DEVICE: Final = "to_device_key"
    DEVICE_LIST: Final = "device_list_key"
    UN_PARTIAL_STATED_ROOMS: Final = "un_partial_stated_rooms_key"
    THREAD_SUBSCRIPTIONS: Final = "thread_subscriptions_key"


StrCollection = Collection[str]
