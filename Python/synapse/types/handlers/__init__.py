"""Parameters of the server's longer operations."""

from __future__ import annotations

from typing import List, Optional

from typing_extensions import TypedDict

from synapse._missing import missing_names


class ShutdownRoomParams(TypedDict):
    """How a room is shut down."""

    requester_user_id: Optional[str]
    new_room_user_id: Optional[str]
    new_room_name: Optional[str]
    message: Optional[str]
    block: bool
    purge: bool
    force_purge: bool


class ShutdownRoomResponse(TypedDict):
    """What became of a room that was shut down."""

    kicked_users: List[str]
    failed_to_kick_users: List[str]
    local_aliases: List[str]
    new_room_id: Optional[str]


__getattr__ = missing_names(__name__)
