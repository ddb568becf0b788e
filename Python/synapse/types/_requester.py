"""Who makes a request."""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterable, Optional, Set, Union

import attr

from synapse.types._ids import UserID


@attr.s(slots=True, frozen=True, auto_attribs=True)
class Requester:
    """The user a request acts for, and how it was authenticated."""

    user: UserID
    access_token_id: Optional[int]
    is_guest: bool
    scope: Set[str] = attr.ib(hash=False)
    shadow_banned: bool
    device_id: Optional[str]
    app_service_id: Optional[str]
    authenticated_entity: str

    @property
    def user_id(self) -> str:
        """The user's identifier as text."""
        return self.user.to_string()

    @property
    def app_service(self) -> Optional[str]:
        """The application service by its identifier, under the name that older modules use."""
        return self.app_service_id

    def serialize(self) -> Dict[str, Any]:
        """The requester as JSON."""
        return {
            "user_id": self.user.to_string(),
            "access_token_id": self.access_token_id,
            "is_guest": self.is_guest,
            "scope": list(self.scope),
            "shadow_banned": self.shadow_banned,
            "device_id": self.device_id,
            "app_server_id": self.app_service_id,
            "authenticated_entity": self.authenticated_entity,
        }

    @staticmethod
    def deserialize(*args: Any) -> "Requester":
        """The requester that `serialize` gave; an earlier first argument (the store) is ignored."""
        fields = args[-1]
        return create_requester(
            user_id=fields["user_id"],
            access_token_id=fields.get("access_token_id"),
            is_guest=fields.get("is_guest", False),
            scope=fields.get("scope") or (),
            shadow_banned=fields.get("shadow_banned", False),
            device_id=fields.get("device_id"),
            app_service=fields.get("app_server_id", fields.get("app_service_id")),
            authenticated_entity=fields.get("authenticated_entity"),
        )


def create_requester(
    user_id: Union[str, UserID],
    access_token_id: Optional[int] = None,
    is_guest: bool = False,
    scope: Collection[str] = (),
    shadow_banned: bool = False,
    device_id: Optional[str] = None,
    app_service: Any = None,
    authenticated_entity: Optional[str] = None,
) -> Requester:
    """Makes a requester. `app_service` is an application service or its identifier."""
    if not isinstance(user_id, UserID):
        user_id = UserID.from_string(user_id)
    app_service_id = getattr(app_service, "id", app_service)
    return Requester(
        user=user_id,
        access_token_id=access_token_id,
        is_guest=is_guest,
        scope=_scopes(scope),
        shadow_banned=shadow_banned,
        device_id=device_id,
        app_service_id=app_service_id,
        authenticated_entity=authenticated_entity or user_id.to_string(),
    )


def _scopes(scope: Iterable[str]) -> Set[str]:
    return scope if isinstance(scope, set) else set(scope)
