"""Identifiers, requesters and records."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, MutableMapping, Tuple, TypeVar, Union

from synapse._missing import missing_names
from synapse.types._ids import (
    GUEST_USER_ID_PATTERN,
    MXID_LOCALPART_ALLOWED_CHARACTERS,
    ROOM_ID_PATTERN_DOMAINLESS,
    DomainSpecificString,
    EventID,
    RoomAlias,
    RoomID,
    RoomIdWithDomain,
    UserID,
    contains_invalid_mxid_characters,
    get_domain_from_id,
    get_localpart_from_id,
    map_username_to_mxid_localpart,
)
from synapse.types._records import (
    Absent,
    AbsentType,
    DeviceListUpdates,
    MultiWriterStreamToken,
    PersistedEventPosition,
    PersistedPosition,
    ReadReceipt,
    RetentionPolicy,
    ScheduledTask,
    StrCollection,
    StreamKeyType,
    TaskStatus,
    ThirdPartyInstanceID,
    UserInfo,
    UserProfile,
)
from synapse.types._requester import Requester, create_requester
from synapse.types.state import StateFilter

T = TypeVar("T")

StateKey = Tuple[str, str]
StateMap = Mapping[Tuple[str, str], T]
MutableStateMap = MutableMapping[Tuple[str, str], T]

JsonDict = Dict[str, Any]
JsonMapping = Mapping[str, Any]
JsonSerializable = object
SimpleJsonValue = Union[None, str, int, bool]
JsonValue = Union[List[SimpleJsonValue], Tuple[SimpleJsonValue, ...], SimpleJsonValue, Dict[str, Any], List[Any]]

StrSequence = Union[Tuple[str, ...], List[str]]

__all__ = [
    "Absent",
    "AbsentType",
    "DeviceListUpdates",
    "DomainSpecificString",
    "EventID",
    "GUEST_USER_ID_PATTERN",
    "JsonDict",
    "JsonMapping",
    "JsonSerializable",
    "JsonValue",
    "MXID_LOCALPART_ALLOWED_CHARACTERS",
    "MultiWriterStreamToken",
    "MutableStateMap",
    "PersistedEventPosition",
    "PersistedPosition",
    "ROOM_ID_PATTERN_DOMAINLESS",
    "ReadReceipt",
    "Requester",
    "RetentionPolicy",
    "RoomAlias",
    "RoomID",
    "RoomIdWithDomain",
    "ScheduledTask",
    "SimpleJsonValue",
    "StateFilter",
    "StateKey",
    "StateMap",
    "StrCollection",
    "StrSequence",
    "StreamKeyType",
    "TaskStatus",
    "ThirdPartyInstanceID",
    "UserID",
    "UserInfo",
    "UserProfile",
    "contains_invalid_mxid_characters",
    "create_requester",
    "get_domain_from_id",
    "get_localpart_from_id",
    "map_username_to_mxid_localpart",
]

__getattr__ = missing_names(__name__)
