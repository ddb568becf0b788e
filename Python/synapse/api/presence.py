"""Presence as modules see it."""

from __future__ import annotations

from typing import Any, Dict, Optional

import attr

from synapse.api.constants import PresenceState


@attr.s(slots=True, frozen=True, auto_attribs=True)
class UserPresenceState:
    """A user's presence at one moment. Times are in milliseconds."""

    user_id: str
    state: str
    last_active_ts: int
    last_federation_update_ts: int
    last_user_sync_ts: int
    status_msg: Optional[str]
    currently_active: bool

    def as_dict(self) -> Dict[str, Any]:
        """The fields by name."""
        return attr.asdict(self)

    @staticmethod
    def from_dict(fields: Dict[str, Any]) -> "UserPresenceState":
        """The state that `as_dict` gave."""
        return UserPresenceState(**fields)

    def copy_and_replace(self, **kwargs: Any) -> "UserPresenceState":
        """The same with some fields changed."""
        return attr.evolve(self, **kwargs)

    @classmethod
    def default(cls, user_id: str) -> "UserPresenceState":
        """The presence of somebody who was never seen."""
        return cls(
            user_id=user_id,
            state=PresenceState.OFFLINE,
            last_active_ts=0,
            last_federation_update_ts=0,
            last_user_sync_ts=0,
            status_msg=None,
            currently_active=False,
        )
