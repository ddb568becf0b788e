"""Data types of rooms' members and of profiles."""

from __future__ import annotations

from typing import Optional

import attr

from synapse._missing import missing_names


@attr.s(slots=True, frozen=True, auto_attribs=True)
class RoomsForUser:
    """A user's membership in a room."""

    room_id: str
    sender: str
    membership: str
    event_id: str
    event_pos: Optional[object] = None
    room_version_id: Optional[str] = None


@attr.s(slots=True, frozen=True, auto_attribs=True)
class ProfileInfo:
    """A name and a picture."""

    avatar_url: Optional[str]
    display_name: Optional[str]


__getattr__ = missing_names(__name__)
