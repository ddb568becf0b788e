"""Events, parsed as late as possible."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, KeysView, List, Optional, Tuple, Union

from synapse.api.errors import Codes, SynapseError
from synapse.api.room_versions import EventFormatVersions, RoomVersion, RoomVersions, room_version_named
from synapse.events._content import FrozenContent, Unsigned, copy_json
from synapse.events._metadata import EventInternalMetadata
from synapse.events._redaction import event_id_of

_LIKE_DICT = (dict, list)


class EventBase:
    """An event of a room. It cannot be changed."""

    __slots__ = (
        "_event_id",
        "_version",
        "_raw",
        "_pdu",
        "_room_id",
        "_metadata",
        "_rejected",
        "_content",
        "_unsigned",
        "__weakref__",
    )

    _event_id: Optional[str]
    _version: Union[str, RoomVersion]
    _raw: Optional[bytes]
    _pdu: Optional[Dict[str, Any]]
    _room_id: Optional[str]
    _metadata: Any
    _rejected: Optional[str]
    _content: Optional[FrozenContent]
    _unsigned: Optional[Unsigned]

    def __init__(self, *_: Any, **__: Any):
        raise TypeError("Events are made by make_event_from_dict()")

    # What stands in the event.

    def _fields(self) -> Dict[str, Any]:
        """The event in federation format; never handed out."""
        pdu = self._pdu
        if pdu is None:
            raw = self._raw
            if raw is None:  # Another thread has just parsed it.
                return self._pdu or {}
            pdu = _parsed(raw)
            _set_age(pdu)
            self._pdu = pdu
            self._raw = None
        return pdu

    def _field(self, name: str) -> Any:
        pdu = self._pdu
        if pdu is None:
            pdu = self._fields()
        try:
            return pdu[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def type(self) -> str:
        """The type."""
        return self._field("type")

    @property
    def sender(self) -> str:
        """Who sent it."""
        return self._field("sender")

    @property
    def user_id(self) -> str:
        """Who sent it, under its old name."""
        return self._field("sender")

    @property
    def room_id(self) -> str:
        """The room."""
        if self._room_id is not None:
            return self._room_id
        pdu = self._fields()
        if "room_id" in pdu:
            return pdu["room_id"]
        if pdu.get("type") == "m.room.create" and self.room_version.msc4291_room_ids_as_hashes:
            return "!" + self.event_id[1:]
        raise AttributeError("room_id")

    @property
    def origin_server_ts(self) -> int:
        """When the sender's server says it was sent, in milliseconds."""
        return self._field("origin_server_ts")

    @property
    def depth(self) -> int:
        """How deep in the room's graph it stands."""
        return self._field("depth")

    @property
    def hashes(self) -> Dict[str, str]:
        """Hashes of its content."""
        return copy_json(self._fields().get("hashes", {}))

    @property
    def signatures(self) -> Dict[str, Dict[str, str]]:
        """Signatures, by server and key."""
        return copy_json(self._fields().get("signatures", {}))

    @property
    def content(self) -> FrozenContent:
        """The content, which cannot be changed."""
        content = self._content
        if content is None:
            value = self._field("content")
            content = FrozenContent(value if isinstance(value, dict) else {})
            self._content = content
        return content

    @property
    def state_key(self) -> str:
        """The state key; `AttributeError` unless this is a state event."""
        return self._field("state_key")

    @property
    def membership(self) -> str:
        """The membership in the content; `KeyError` if there is none."""
        return self._field("content")["membership"]

    @property
    def redacts(self) -> Optional[str]:
        """The event that this one redacts."""
        if self.room_version.updated_redaction_rules:
            return self._field("content").get("redacts")
        return self._fields().get("redacts")

    def get_state_key(self) -> Optional[str]:
        """The state key, or `None` if this is no state event."""
        return self._fields().get("state_key")

    def is_state(self) -> bool:
        """Whether this is a state event."""
        return self._fields().get("state_key") is not None

    def prev_event_ids(self) -> List[str]:
        """The events that this one follows."""
        return self._referenced("prev_events")

    def auth_event_ids(self) -> List[str]:
        """The events that authorise this one."""
        ids = self._referenced("auth_events")
        if self.room_version.msc4291_room_ids_as_hashes and self._fields().get("type") != "m.room.create":
            ids.append("$" + self.room_id[1:])
        return ids

    def _referenced(self, name: str) -> List[str]:
        references = self._fields().get(name) or []
        if self.format_version == EventFormatVersions.ROOM_V1_V2:
            return [reference if isinstance(reference, str) else reference[0] for reference in references]
        return list(references)

    # What stands beside it.

    @property
    def event_id(self) -> str:
        """The identifier."""
        event_id = self._event_id
        if event_id is None:
            event_id = event_id_of(self._fields(), self.room_version)
            self._event_id = event_id
        return event_id

    @property
    def room_version(self) -> RoomVersion:
        """The room's version."""
        version = self._version
        if isinstance(version, str):
            version = room_version_named(version)
            self._version = version
        return version

    @property
    def format_version(self) -> int:
        """The format of this event."""
        return self.room_version.event_format

    @property
    def unsigned(self) -> Unsigned:
        """What is not signed."""
        unsigned = self._unsigned
        if unsigned is None:
            unsigned = Unsigned.of(self._fields().get("unsigned"))
            self._unsigned = unsigned
        return unsigned

    @property
    def internal_metadata(self) -> EventInternalMetadata:
        """What the server knows about it."""
        metadata = self._metadata
        if type(metadata) is not EventInternalMetadata:
            metadata = EventInternalMetadata(metadata)
            self._metadata = metadata
        return metadata

    @property
    def rejected_reason(self) -> Optional[str]:
        """Why it was rejected, if it was."""
        return self._rejected

    # As a mapping.

    def get_dict(self) -> Dict[str, Any]:
        """A new dictionary with the event in federation format."""
        fields = self._fields()
        copy = {key: copy_json(value) for key, value in fields.items() if key != "unsigned"}
        copy.setdefault("signatures", {})
        copy["unsigned"] = self.unsigned.get_dict()
        return copy

    def get_pdu_json(self, time_now: Optional[int] = None) -> Dict[str, Any]:
        """The event as other servers get it; with the time in milliseconds, it carries its age."""
        copy = self.get_dict()
        if time_now is not None and "age_ts" in copy["unsigned"]:
            copy["unsigned"]["age"] = time_now - copy["unsigned"].pop("age_ts")
        return copy

    def get_templated_pdu_json(self) -> Dict[str, Any]:
        """The event as a template that another server completes."""
        copy = self.get_dict()
        for key in ("unsigned", "signatures", "hashes"):
            copy.pop(key, None)
        return copy

    def deep_copy(self) -> "EventBase":
        """A copy that shares nothing that can change."""
        metadata = self.internal_metadata.deep_copy()
        copy = new_event(self._event_id, self._version, None, self._fields(), metadata, self._rejected, self._room_id)
        copy._unsigned = Unsigned.of(self.unsigned)
        return copy

    def __copy__(self) -> "EventBase":
        return self.deep_copy()

    def __deepcopy__(self, memo: Any) -> "EventBase":
        return self.deep_copy()

    def __getitem__(self, key: str) -> Any:
        if key == "unsigned":
            return self.unsigned.get_dict()
        value = self._fields()[key]
        return copy_json(value) if isinstance(value, _LIKE_DICT) else value

    def get(self, key: str, default: Any = None) -> Any:
        """A field of the federation format, or `default`."""
        return self[key] if key in self else default

    def __contains__(self, key: object) -> bool:
        return key in self._fields() or key == "unsigned"

    __iter__ = None

    def keys(self) -> KeysView[str]:
        """The names of the fields."""
        return self.get_dict().keys()

    def items(self) -> Iterable[Tuple[str, Any]]:
        """The fields."""
        return list(self.get_dict().items())

    def __repr__(self) -> str:
        parts = ["REJECTED=%s" % (self._rejected,)] if self._rejected else []
        parts += ["event_id=%s" % (self.event_id,), "type=%s" % (self._fields().get("type"),)]
        state_key = self.get_state_key()
        if state_key is not None:
            parts.append("state_key=%s" % (state_key,))
            content = self._fields().get("content")
            if isinstance(content, dict) and self._fields().get("type") == "m.room.member":
                parts.append("membership=%s" % (content.get("membership"),))
        return "<Event %s>" % (", ".join(parts),)


_own_domain = ""


def set_own_server(name: str) -> None:
    """Says which server this is: it notes when it made an event beside the event."""
    global _own_domain
    _own_domain = ":" + name


def _set_age(pdu: Dict[str, Any]) -> None:
    """Notes the time of an event of this server where `unsigned` has it."""
    sender = pdu.get("sender")
    if _own_domain and isinstance(sender, str) and sender.endswith(_own_domain):
        unsigned = pdu.setdefault("unsigned", {})
        if isinstance(unsigned, dict) and "age_ts" not in unsigned and "origin_server_ts" in pdu:
            unsigned["age_ts"] = pdu["origin_server_ts"]


def _parsed(raw: bytes) -> Dict[str, Any]:
    pdu = json.loads(raw)
    if not isinstance(pdu, dict):
        raise SynapseError(400, "Invalid event JSON", Codes.BAD_JSON)
    return pdu


_new = object.__new__


def new_event(
    event_id: Optional[str],
    version: Union[str, RoomVersion],
    raw: Optional[bytes],
    pdu: Optional[Dict[str, Any]],
    metadata: Any = None,
    rejected: Optional[str] = None,
    room_id: Optional[str] = None,
) -> EventBase:
    """An event of its parts, which it keeps: either `raw` or `pdu`, never to be changed."""
    event = _new(EventBase)
    event._event_id = event_id
    event._version = version
    event._raw = raw
    event._pdu = pdu
    event._metadata = metadata
    event._rejected = rejected
    event._room_id = room_id
    event._content = None
    event._unsigned = None
    return event


def event_from_wire(wire: Dict[str, Any]) -> EventBase:
    """The event that the server sent with a call."""
    pdu = wire["pdu"]
    _set_age(pdu)
    return new_event(
        wire.get("event_id"),
        wire["room_version"],
        None,
        pdu,
        wire.get("internal_metadata"),
        wire.get("rejected_reason"),
        wire.get("room_id"),
    )


def event_from_parts(event_id: str, room_version: str, pdu: bytes) -> EventBase:
    """An event of a room's state, which is parsed when somebody looks at it."""
    return new_event(event_id, room_version, pdu, None)


_REQUIRED = ("type", "sender", "content", "origin_server_ts", "depth", "hashes", "prev_events", "auth_events")


def make_event_from_dict(
    event_dict: Dict[str, Any],
    room_version: RoomVersion = RoomVersions.V1,
    internal_metadata_dict: Optional[Dict[str, Any]] = None,
    rejected_reason: Optional[str] = None,
) -> EventBase:
    """An event of a dictionary in federation format. A field that every event has must be there."""
    pdu = copy_json(event_dict)
    complete = isinstance(pdu, dict) and all(name in pdu for name in _REQUIRED) and isinstance(pdu["content"], dict)
    first_of_room = complete and pdu["type"] == "m.room.create" and room_version.msc4291_room_ids_as_hashes
    if not complete or ("room_id" not in pdu and not first_of_room):
        raise SynapseError(400, "Invalid event JSON", Codes.BAD_JSON)
    event_id = None
    if room_version.event_format == EventFormatVersions.ROOM_V1_V2:
        event_id = pdu.get("event_id")
        if event_id is None:
            raise SynapseError(400, "Invalid event JSON", Codes.BAD_JSON)
    else:
        pdu.pop("event_id", None)
    return new_event(event_id, room_version, None, pdu, dict(internal_metadata_dict or {}), rejected_reason)
