"""`get_storage_controllers()`: the stores' fronts that modules use."""

from __future__ import annotations

from typing import AbstractSet, Any, Dict, Mapping, Optional, Tuple

from axolemma_host.missing import Limited
from synapse.events import EventBase
from synapse.types import StateFilter


class StateStorageController(Limited):
    """Rooms' current state."""

    known_as = "state storage controller"

    def __init__(self, hs: Any) -> None:
        self._store = hs.get_datastores().main

    async def get_current_state(
        self, room_id: str, state_filter: Optional[StateFilter] = None, **_: Any
    ) -> Mapping[Tuple[str, str], EventBase]:
        """A room's current state."""
        return await self._store.state_of(room_id, state_filter)

    async def get_current_state_ids(
        self, room_id: str, state_filter: Optional[StateFilter] = None, **_: Any
    ) -> Mapping[Tuple[str, str], str]:
        """The IDs of a room's current state events."""
        return await self._store.get_current_state_ids(room_id, state_filter)

    async def get_current_state_event(self, room_id: str, event_type: str, state_key: str) -> Optional[EventBase]:
        """One of a room's current state events."""
        key = (event_type, state_key)
        return (await self._store.state_of(room_id, StateFilter.from_types([key]))).get(key)

    async def get_canonical_alias(self, room_id: str) -> Optional[str]:
        """A room's canonical alias."""
        event = await self.get_current_state_event(room_id, "m.room.canonical_alias", "")
        return None if event is None else event.content.get("alias")

    async def get_current_hosts_in_room(self, room_id: str) -> AbstractSet[str]:
        """The servers whose users are joined to a room."""
        return await self._store.get_current_hosts_in_room(room_id)

    async def get_users_in_room_with_profiles(self, room_id: str) -> Dict[str, Any]:
        """Who is joined to a room, with names and pictures."""
        return await self._store.get_users_in_room_with_profiles(room_id)


class StorageControllers(Limited):
    """What `get_storage_controllers()` gives."""

    known_as = "set of storage controllers"

    def __init__(self, hs: Any) -> None:
        self.main = hs.get_datastores().main
        self.state = StateStorageController(hs)
