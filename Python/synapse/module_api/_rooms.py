"""The module API: rooms and events, account data, the room directory."""

from __future__ import annotations

from typing import Any, Iterable, List, Mapping, Optional, Tuple

from twisted.internet import defer

from synapse.api.errors import SynapseError
from synapse.events import EventBase, event_from_wire
from synapse.module_api._users import _stored
from synapse.types import JsonDict, JsonMapping, RoomAlias, RoomID, StateMap, UserID
from synapse.util.frozenutils import freeze, unfreeze

StateTypes = Iterable[Tuple[str, Optional[str]]]


class Rooms:
    """The part of the module API about rooms and events."""

    _hs: Any

    def _state(self, room_id: str, wanted: Optional[List[List[Optional[str]]]]) -> "defer.Deferred[Any]":
        return self._hs.peer.call("get_room_state", {"room_id": room_id, "filter": wanted})

    async def get_room_state(self, room_id: str, event_filter: Optional[StateTypes] = None) -> StateMap[EventBase]:
        """A room's present state, or the part of it that a filter of types and state keys takes.

        `None` as a state key takes all of that type; an empty filter takes everything.
        """
        wanted = [[kind, key] for kind, key in event_filter] if event_filter is not None else None
        return await self._state(room_id, wanted or None)

    def get_state_events_in_room(self, room_id: str, types: StateTypes) -> "defer.Deferred[Iterable[EventBase]]":
        """The events of a room's present state that a filter of types and state keys takes."""
        wanted = [[kind, key] for kind, key in types]
        if not wanted:
            return defer.succeed([])
        return self._state(room_id, wanted).addCallback(lambda state: list(state.values()))

    async def create_and_send_event_into_room(self, event_dict: JsonDict) -> EventBase:
        """Sends an event as a local user, past rate limits. A state event that changes nothing is not sent again."""
        return event_from_wire(
            await self._hs.peer.call("create_and_send_event_into_room", {"event": unfreeze(event_dict)})
        )

    async def update_room_membership(
        self,
        sender: str,
        target: str,
        room_id: str,
        new_membership: str,
        content: Optional[JsonDict] = None,
        remote_room_hosts: Optional[List[str]] = None,
    ) -> EventBase:
        """Changes somebody's membership as a local user would, and returns the member event."""
        if not self.is_mine(sender):  # type: ignore[attr-defined]
            raise RuntimeError("Tried to send an event as a user that isn't local to this homeserver")
        event = await self._hs.peer.call(
            "update_room_membership",
            {
                "sender": sender,
                "target": target,
                "room_id": room_id,
                "new_membership": new_membership,
                "content": unfreeze(content or {}),
                "remote_room_hosts": None if remote_room_hosts is None else list(remote_room_hosts),
            },
        )
        return event_from_wire(event)

    async def create_room(
        self,
        user_id: str,
        config: JsonDict,
        ratelimit: bool = True,
        creator_join_profile: Optional[JsonDict] = None,
    ) -> Tuple[str, Optional[str]]:
        """Makes a room as a local user would; `config` is as the body of `/createRoom`. The result: room, alias."""
        if not self.is_mine(user_id):  # type: ignore[attr-defined]
            raise RuntimeError("Tried to create a room as a user that isn't local to this homeserver")
        made = await self._hs.peer.call(
            "create_room",
            {
                "user_id": user_id,
                "config": unfreeze(config),
                "ratelimit": bool(ratelimit),
                "creator_join_profile": unfreeze(creator_join_profile),
            },
        )
        return made["room_id"], made.get("room_alias")

    async def delete_room(self, room_id: str) -> None:
        """Has a room shut down and removed; it goes on after this returns."""
        await self._hs.peer.call("delete_room", {"room_id": room_id})

    async def lookup_room_alias(self, room_alias: str) -> Tuple[str, List[str]]:
        """The room of an alias of any server, and servers to join it through."""
        RoomAlias.from_string(room_alias)
        found = await self._hs.peer.call("lookup_room_alias", {"room_alias": room_alias})
        return found["room_id"], list(found.get("servers") or ())

    async def get_canonical_room_alias(self, room_id: RoomID) -> Optional[RoomAlias]:
        """The canonical alias of a room."""
        key = ("m.room.canonical_alias", "")
        state = await self.get_room_state(room_id.to_string(), [key])
        event = state.get(key)
        alias = event.content.get("alias") if event is not None else None
        return RoomAlias.from_string(alias) if alias else None


class PublicRoomListManager:
    """The server's room directory. No callbacks run, and nobody is asked for permission."""

    def __init__(self, hs: Any):
        self._hs = hs

    async def room_is_in_public_room_list(self, room_id: str) -> bool:
        """Whether a room is in the directory; false for one the server does not know."""
        return bool(await self._hs.peer.call("room_is_in_public_room_list", {"room_id": room_id}))

    async def add_room_to_public_room_list(self, room_id: str) -> None:
        """Puts a room into the directory."""
        await _stored(self._hs.peer.call("add_room_to_public_room_list", {"room_id": room_id}), "rooms")

    async def remove_room_from_public_room_list(self, room_id: str) -> None:
        """Takes a room out of the directory."""
        await _stored(self._hs.peer.call("remove_room_from_public_room_list", {"room_id": room_id}), "rooms")


class AccountDataManager:
    """Local users' global account data."""

    def __init__(self, hs: Any):
        self._hs = hs

    def _require_local(self, user_id: str) -> None:
        if UserID.from_string(user_id).domain != self._hs.hostname:
            raise ValueError(
                "%s is not local to this homeserver; can't access account data for remote users." % (user_id,)
            )

    async def get_global(self, user_id: str, data_type: str) -> Optional[JsonMapping]:
        """The account data of a type, deeply immutable; `None` if there is none."""
        self._require_local(user_id)
        params = {"user_id": user_id, "type": data_type, "room_id": None}
        content = await self._hs.peer.call("get_account_data", params)
        return None if content is None else freeze(content)

    async def put_global(self, user_id: str, data_type: str, new_data: JsonDict) -> None:
        """Replaces the account data of a type."""
        self._require_local(user_id)
        if not isinstance(data_type, str):
            raise TypeError("data_type must be a str; got %s" % (type(data_type).__name__,))
        if not isinstance(new_data, Mapping):
            raise TypeError("new_data must be a dict; got %s" % (type(new_data).__name__,))
        params = {"user_id": user_id, "type": data_type, "content": unfreeze(new_data)}
        try:
            await self._hs.peer.call("put_account_data", params)
        except SynapseError as error:
            if error.code == 404:
                raise ValueError("User %s does not exist on this server." % (user_id,)) from None
            raise
