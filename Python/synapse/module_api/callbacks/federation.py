"""What a module learns of events that reached another server."""

from __future__ import annotations

from enum import Enum
from typing import Awaitable, Callable, Collection

import attr

from synapse._missing import missing_names
from synapse.events import EventBase


class FederatedEventDeliveryMethod(str, Enum):
    """How the other server got the events. There may be more ways in future."""

    SEND = "/send"
    BACKFILL = "/backfill"
    GET_MISSING_EVENTS = "/get_missing_events"
    EVENT = "/event"
    EVENT_AUTH = "/event_auth"
    STATE = "/state"
    SEND_JOIN = "/send_join"


@attr.s(slots=True, frozen=True, auto_attribs=True, kw_only=True)
class FederationEventDeliveryEvent:
    """Events that reached another server."""

    server_name: str
    events: Collection[EventBase]
    method: FederatedEventDeliveryMethod


ON_EVENT_DELIVERED_OVER_FEDERATION_CALLBACK = Callable[[FederationEventDeliveryEvent], Awaitable[None]]

__getattr__ = missing_names(__name__)
