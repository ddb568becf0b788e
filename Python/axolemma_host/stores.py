"""`get_datastores().main`: the store's methods that modules use, over calls to the server and its views."""

from __future__ import annotations

import json
from typing import Any, Collection, Dict, FrozenSet, Iterable, List, Mapping, Optional, Set, Tuple, Union

import attr

from axolemma_host.store_accounts import AccountsStore
from synapse.api.errors import NotFoundError
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS, RoomVersion
from synapse.events import EventBase, event_from_wire
from synapse.storage.roommember import RoomsForUser
from synapse.types import StateFilter

StateKey = Tuple[str, str]


@attr.s(slots=True, frozen=True, auto_attribs=True)
class MemberProfile:
    """What a member event shows of a user."""

    avatar_url: Optional[str]
    display_name: Optional[str]


class MainStore(AccountsStore):
    """Reads and writes what the server keeps. Upstream's further parameters are accepted and change nothing."""

    def __init__(self, hs: Any, db_pool: Any) -> None:
        self.hs = hs
        self.db_pool = db_pool
        self.database_engine = db_pool.engine
        self.server_name = hs.hostname
        self.clock = self._clock = hs.get_clock()
        self.external_cached_functions: Dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            "The store has no %r: Axolemma keeps its data in another way. Use ModuleApi, run_db_interaction with the"
            " views of docs/modules/database.md, or one of %s"
            % (name, ", ".join(sorted(key for key in dir(type(self)) if not key.startswith("_"))))
        )

    def register_external_cached_function(self, cache_name: str, func: Any) -> None:
        """Remembers a cached function of a module by its name; the last of a name counts."""
        self.external_cached_functions[cache_name] = func

    # Events.

    async def get_event(
        self, event_id: str, *_: Any, allow_none: bool = False, check_room_id: Optional[str] = None, **__: Any
    ) -> Optional[EventBase]:
        """An event; `NotFoundError` if there is none, or `None` with `allow_none`."""
        found = await self._call("get_event", event_id=event_id)
        event = None if found is None else event_from_wire(found)
        if event is not None and check_room_id is not None and event.room_id != check_room_id:
            event = None
        if event is None and not allow_none:
            raise NotFoundError("Could not find event %s" % (event_id,))
        return event

    async def get_events(self, event_ids: Collection[str], *_: Any, **__: Any) -> Dict[str, EventBase]:
        """The events among these that there are, by their IDs."""
        return {event.event_id: event for event in await self.get_events_as_list(event_ids)}

    async def get_events_as_list(self, event_ids: Collection[str], *_: Any, **__: Any) -> List[EventBase]:
        """The events among these that there are, in this order."""
        from twisted.internet import defer

        calls = [self._call("get_event", event_id=event_id) for event_id in event_ids]
        found = await defer.gatherResults(calls, consumeErrors=True)
        return [event_from_wire(event) for event in found if event is not None]

    async def get_latest_event_ids_in_room(self, room_id: str) -> FrozenSet[str]:
        """The events of a room that none follows yet."""
        keys = {"room_id": room_id}
        return frozenset(await self.db_pool.simple_select_onecol("event_forward_extremities", keys, "event_id"))

    # Rooms and their state.

    async def state_of(self, room_id: str, state_filter: Optional[StateFilter] = None) -> Mapping[StateKey, EventBase]:
        """A room's current state, or what a filter takes of it."""
        wanted = state_filter.wire() if state_filter is not None else None
        if wanted == []:
            # To the server no pairs mean everything.
            return {}
        state = await self._call("get_room_state", room_id=room_id, filter=wanted)
        if state_filter is None or state_filter.is_full() or wanted is not None:
            return state
        return state_filter.filter_state(state)

    async def get_current_state_ids(
        self, room_id: str, state_filter: Optional[StateFilter] = None, *_: Any, **__: Any
    ) -> Mapping[StateKey, str]:
        """The IDs of a room's current state events."""
        state = await self.state_of(room_id, state_filter)
        ids = getattr(state, "event_ids", None)
        return ids() if ids is not None else {key: event.event_id for key, event in state.items()}

    get_partial_current_state_ids = get_current_state_ids
    get_partial_filtered_current_state_ids = get_current_state_ids
    get_filtered_current_state_ids = get_current_state_ids

    async def get_room_version_id(self, room_id: str) -> str:
        """The version of a room, by name."""
        version = await self._call("get_room_version", room_id=room_id)
        if version is None:
            raise NotFoundError("Could not find room_version for %s" % (room_id,))
        return version

    async def get_room_version(self, room_id: str) -> RoomVersion:
        """The version of a room."""
        return KNOWN_ROOM_VERSIONS[await self.get_room_version_id(room_id)]

    async def get_users_in_room(self, room_id: str) -> List[str]:
        """Who is joined to a room."""
        return list(await self._call("get_users_in_room", room_id=room_id))

    async def get_current_hosts_in_room(self, room_id: str) -> FrozenSet[str]:
        """The servers whose users are joined to a room."""
        return frozenset(user.partition(":")[2] for user in await self.get_users_in_room(room_id))

    async def get_local_users_in_room(self, room_id: str) -> List[str]:
        """Who of this server is joined to a room."""
        return [user for user in await self.get_users_in_room(room_id) if self.hs.is_mine_id(user)]

    async def get_users_in_room_with_profiles(self, room_id: str) -> Dict[str, MemberProfile]:
        """Who is joined to a room, with the names and pictures of their member events."""
        members = await self.state_of(room_id, StateFilter.from_types([("m.room.member", None)]))
        found = {}
        for (_, user), event in members.items():
            content = event.content
            if content.get("membership") == "join":
                found[user] = MemberProfile(content.get("avatar_url"), content.get("displayname"))
        return found

    async def get_rooms_for_user(self, user_id: str) -> FrozenSet[str]:
        """The rooms a user is joined to."""
        return frozenset(await self._call("get_rooms_for_user", user_id=user_id))

    async def get_rooms_for_local_user_where_membership_is(
        self, user_id: str, membership_list: Collection[str], excluded_rooms: Iterable[str] = (), **_: Any
    ) -> List[RoomsForUser]:
        """The rooms in which a user of this server has one of these memberships."""
        if not membership_list:
            return []
        excluded = set(excluded_rooms or ())

        def query(txn: Any) -> List[Tuple[Any, ...]]:
            marks = ",".join("?" for _ in membership_list)
            txn.execute(
                "SELECT c.room_id, m.sender, c.membership, c.event_id, r.room_version FROM local_current_membership c"
                " JOIN room_memberships m ON m.event_id = c.event_id JOIN rooms r ON r.room_id = c.room_id"
                " WHERE c.user_id = ? AND c.membership IN (%s)" % (marks,),
                (user_id, *membership_list),
            )
            return txn.fetchall()

        rows = await self.db_pool.runInteraction("get_rooms_for_local_user_where_membership_is", query)
        return [
            RoomsForUser(room, sender, membership, event_id, None, version)
            for room, sender, membership, event_id, version in rows
            if room not in excluded
        ]

    async def get_local_current_membership_for_user_in_room(
        self, user_id: str, room_id: str
    ) -> Tuple[Optional[str], Optional[str]]:
        """The membership of a user of this server in a room, and its event."""
        row = await self.db_pool.simple_select_one(
            "local_current_membership",
            {"user_id": user_id, "room_id": room_id},
            ("membership", "event_id"),
            allow_none=True,
        )
        return (None, None) if row is None else (row[0], row[1])

    async def check_local_user_in_room(self, user_id: str, room_id: str) -> bool:
        """Whether a user of this server is joined to a room."""
        membership, _ = await self.get_local_current_membership_for_user_in_room(user_id, room_id)
        return membership == "join"

    async def get_local_users_related_to_room(self, room_id: str) -> List[Tuple[str, str]]:
        """The users of this server who have a membership in a room, with it."""
        return await self.db_pool.simple_select_list(
            "local_current_membership", {"room_id": room_id}, ("user_id", "membership")
        )

    async def get_room(self, room_id: str) -> Optional[Tuple[bool, bool]]:
        """Whether a room is in the room directory, and `True`; `None` for an unknown one."""
        row = await self.db_pool.simple_select_one(
            "rooms", {"room_id": room_id}, ("is_public", "has_auth_chain_index"), allow_none=True
        )
        return None if row is None else (bool(row[0]), bool(row[1]))

    async def get_aliases_for_room(self, room_id: str) -> List[str]:
        """The aliases this server has for a room."""
        return await self.db_pool.simple_select_onecol("room_aliases", {"room_id": room_id}, "room_alias")

    async def get_association_from_room_alias(self, room_alias: Any) -> Optional[Any]:
        """What an alias of this server stands for: an object with `room_id`; `None` if nothing."""
        return await self.db_pool.simple_select_one(
            "room_aliases", {"room_alias": str(room_alias)}, ("room_id",), allow_none=True
        )

    async def is_room_blocked(self, room_id: str) -> bool:
        """Whether a room is blocked: no room can be."""
        return False

    async def block_room(self, room_id: str, user_id: str) -> None:
        """Blocks a room."""
        raise NotImplementedError("This server cannot block rooms yet: refuse joins with user_may_join_room")

    # Account data.

    async def get_global_account_data_by_type_for_user(
        self, user_id: str, data_type: str
    ) -> Optional[Mapping[str, Any]]:
        """A user's account data of one type."""
        return await self._call("get_account_data", user_id=user_id, type=data_type, room_id=None)

    async def get_account_data_for_room_and_type(
        self, user_id: str, room_id: str, account_data_type: str
    ) -> Optional[Mapping[str, Any]]:
        """A user's account data of one type in a room."""
        return await self._call("get_account_data", user_id=user_id, type=account_data_type, room_id=room_id)

    async def ignored_users(self, user_id: str) -> FrozenSet[str]:
        """Whom a user ignores."""
        content = await self.get_global_account_data_by_type_for_user(user_id, "m.ignored_user_list")
        return frozenset(_ignored(content))

    async def ignored_by(self, user_id: str) -> FrozenSet[str]:
        """Who of this server ignores a user."""

        def query(txn: Any) -> List[Tuple[str, Union[str, bytes]]]:
            txn.execute("SELECT user_id, content FROM account_data WHERE account_data_type = 'm.ignored_user_list'")
            return txn.fetchall()

        rows = await self.db_pool.runInteraction("ignored_by", query)
        ignoring: Set[str] = set()
        for user, content in rows:
            if user_id in content and user_id in _ignored(json.loads(content)):
                ignoring.add(user)
        return frozenset(ignoring)


def _ignored(content: Any) -> Collection[str]:
    users = content.get("ignored_users") if isinstance(content, Mapping) else None
    return list(users) if isinstance(users, Mapping) else ()
