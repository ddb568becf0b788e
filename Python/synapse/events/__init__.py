"""Events."""

from __future__ import annotations

from synapse._missing import missing_names
from synapse.events._content import FrozenContent, Unsigned
from synapse.events._event import EventBase, event_from_parts, event_from_wire, make_event_from_dict
from synapse.events._metadata import EventInternalMetadata

__all__ = [
    "EventBase",
    "EventInternalMetadata",
    "FrozenContent",
    "Unsigned",
    "event_from_parts",
    "event_from_wire",
    "make_event_from_dict",
]

__getattr__ = missing_names(__name__)
