"""Forms of events."""

from __future__ import annotations

from typing import Any, Dict, Mapping, MutableMapping, Union

from synapse._missing import missing_names
from synapse.events._event import EventBase, new_event
from synapse.events._redaction import redact

PowerLevelsContent = Mapping[str, Union[Any, Mapping[str, Any]]]

_FEDERATION_ONLY = ("auth_events", "prev_events", "hashes", "signatures", "depth", "origin", "prev_state")
_V1_FROM_UNSIGNED = ("age", "replaces_state", "prev_content", "invite_room_state", "knock_room_state")


def prune_event(event: EventBase) -> EventBase:
    """What redaction leaves of an event, under the same identifier."""
    metadata = event.internal_metadata.deep_copy()
    metadata.redacted = True
    return new_event(
        event.event_id,
        event.room_version,
        None,
        redact(event._fields(), event.room_version),
        metadata,
        event.rejected_reason,
        event._room_id,
    )


def clone_event(event: EventBase) -> EventBase:
    """A copy whose metadata and `unsigned` can be changed without changing the original."""
    return event.deep_copy()


def strip_event(event: EventBase) -> Dict[str, Any]:
    """The stripped form in which state is shown with an invite."""
    return {
        "type": event.type,
        "state_key": event.state_key,
        "content": event.content.copy(),
        "sender": event.sender,
    }


def format_event_raw(d: Dict[str, Any]) -> Dict[str, Any]:
    """The event as it is."""
    return d


def format_event_for_client_v1(d: Dict[str, Any]) -> Dict[str, Any]:
    """Changes an event to the format of the first client-server API."""
    d = format_event_for_client_v2(d)
    sender = d.get("sender")
    if sender is not None:
        d["user_id"] = sender
    for key in _V1_FROM_UNSIGNED:
        if key in d.get("unsigned", {}):
            d[key] = d["unsigned"][key]
    return d


def format_event_for_client_v2(d: Dict[str, Any]) -> Dict[str, Any]:
    """Takes from an event what only servers need."""
    for key in _FEDERATION_ONLY:
        d.pop(key, None)
    return d


def format_event_for_client_v2_without_room_id(d: Dict[str, Any]) -> Dict[str, Any]:
    """Like `format_event_for_client_v2`, and without the room."""
    d = format_event_for_client_v2(d)
    d.pop("room_id", None)
    return d


def copy_and_fixup_power_levels_contents(old_power_levels: PowerLevelsContent) -> Dict[str, Any]:
    """A copy of a power levels' content, with numbers for numbers that were written as strings."""
    if not isinstance(old_power_levels, Mapping):
        raise TypeError("Not a valid power-levels content: %r" % (old_power_levels,))
    copy: Dict[str, Any] = {}
    for key, value in old_power_levels.items():
        if isinstance(value, Mapping):
            inner: Dict[str, int] = {}
            for name, level in value.items():
                _set_level(inner, name, level)
            copy[key] = inner
        else:
            _set_level(copy, key, value)
    return copy


def _set_level(levels: MutableMapping[str, Any], key: str, value: Any) -> None:
    if isinstance(value, int):
        levels[key] = value
        return
    if isinstance(value, str):
        try:
            levels[key] = int(value, 10)
            return
        except ValueError:
            pass
    raise TypeError("Invalid power_levels value for %s: %s" % (key, value))


__getattr__ = missing_names(__name__)
