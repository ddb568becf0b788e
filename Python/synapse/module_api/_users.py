"""The module API: users, devices, authentication."""

from __future__ import annotations

import logging
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

from twisted.internet import defer

from synapse.api.errors import (
    AuthError,
    InvalidClientTokenError,
    MissingClientTokenError,
    StoreError,
    SynapseError,
    UserLockedError,
)
from synapse.http import get_request_user_agent
from synapse.http.site import SynapseRequest
from synapse.module_api._types import UserIpAndAgent
from synapse.storage.roommember import ProfileInfo
from synapse.types import (
    Absent,
    AbsentType,
    DomainSpecificString,
    Requester,
    UserID,
    UserInfo,
    create_requester,
)

logger = logging.getLogger("synapse.module_api")


class Users:
    """The part of the module API about users."""

    _hs: Any

    def _call(self, method: str, **params: Any) -> "defer.Deferred[Any]":
        """Calls the server."""
        return self._hs.peer.call(method, params)

    async def get_userinfo_by_id(self, user_id: str) -> Optional[UserInfo]:
        """What the server knows of one of its users; `None` for anybody else."""
        fields = await self._call("get_userinfo_by_id", user_id=user_id)
        return None if fields is None else user_info_from_wire(fields)

    async def get_user_by_req(
        self, req: SynapseRequest, allow_guest: bool = False, allow_expired: bool = False
    ) -> Requester:
        """Who makes a request, by its access token."""
        params: Dict[str, Any] = {
            "access_token": access_token_of(req),
            "allow_guest": allow_guest,
            "allow_expired": allow_expired,
            "ip": req.get_client_ip_if_available(),
            "user_agent": get_request_user_agent(req),
        }
        user_id = (req.args or {}).get(b"user_id")
        if user_id:
            params["user_id"] = user_id[0].decode("utf-8", "replace")
        try:
            requester = requester_from_wire(await self._hs.peer.call("get_requester", params))
        except SynapseError as error:
            raise _authentication_error(error) from None
        req.requester = requester
        return requester

    async def is_user_admin(self, user_id: str) -> bool:
        """Whether a user administers this server."""
        return bool(await self._call("is_user_admin", user_id=user_id))

    async def set_user_admin(self, user_id: str, admin: bool) -> None:
        """Makes a user an administrator of this server, or no longer one."""
        UserID.from_string(user_id)
        await _stored(self._call("set_user_admin", user_id=user_id, admin=bool(admin)), "users")

    def get_qualified_user_id(self, username: str) -> str:
        """The identifier of a local user; what starts with `@` is one already."""
        if username.startswith("@"):
            return username
        return UserID(username, self._hs.hostname).to_string()

    async def get_profile_for_user(self, localpart: str) -> ProfileInfo:
        """The profile of a local user; empty if there is none."""
        user_id = UserID(localpart, self._hs.hostname).to_string()
        profile = await self._call("get_profile", user_id=user_id) or {}
        return ProfileInfo(
            avatar_url=profile.get("avatar_url"),
            display_name=profile.get("display_name", profile.get("displayname")),
        )

    async def set_displayname(
        self, user_id: UserID, new_displayname: str, deactivation: Union[bool, AbsentType] = Absent
    ) -> None:
        """Changes a local user's name, in the profile and in all rooms. An empty name removes it."""
        if deactivation is not Absent:
            logger.error("set_displayname() of the module API was given `deactivation`, which is deprecated")
        create_requester(user_id)
        if user_id.domain != self._hs.hostname:
            raise SynapseError(400, "User is not hosted on this homeserver")
        await self._call("set_displayname", user_id=user_id.to_string(), displayname=new_displayname)

    async def get_threepids_for_user(self, user_id: str) -> List[Dict[str, Any]]:
        """The user's third-party identifiers: `medium`, `address`, `validated_at`, `added_at`."""
        return await self._call("get_threepids_for_user", user_id=user_id)

    def check_user_exists(self, user_id: str) -> "defer.Deferred[Optional[str]]":
        """The identifier as the account has it, whatever its case; `None` if there is no such account."""
        return self._call("check_user_exists", user_id=user_id)

    async def check_username(self, username: str) -> None:
        """Raises a `SynapseError` if a new account cannot have this local part."""
        await self._call("check_username", localpart=username)

    def register_user(
        self,
        localpart: str,
        displayname: Optional[str] = None,
        emails: Optional[Iterable[str]] = None,
        admin: bool = False,
    ) -> "defer.Deferred[str]":
        """Makes an account and returns its identifier."""
        return self._call(
            "register_user",
            localpart=localpart,
            displayname=displayname,
            emails=list(emails or ()),
            admin=bool(admin),
        )

    def register_device(
        self, user_id: str, device_id: Optional[str] = None, initial_display_name: Optional[str] = None
    ) -> "defer.Deferred[Tuple[str, str, Optional[int], Optional[str]]]":
        """Logs a user in: device, access token, end of the token in milliseconds, refresh token."""
        registered = self._call(
            "register_device", user_id=user_id, device_id=device_id, initial_display_name=initial_display_name
        )
        return registered.addCallback(
            lambda device: (
                device["device_id"],
                device["access_token"],
                device.get("valid_until_ms"),
                device.get("refresh_token"),
            )
        )

    def register(
        self, localpart: str, displayname: Optional[str] = None, emails: Optional[Iterable[str]] = None
    ) -> "defer.Deferred[Tuple[str, str]]":
        """Makes an account and logs it in; deprecated."""
        logger.warning("Using deprecated ModuleApi.register which creates a dummy user device.")

        async def register() -> Tuple[str, str]:
            user_id = await self.register_user(localpart, displayname, emails)
            _, access_token, _, _ = await self.register_device(user_id)
            return user_id, access_token

        return defer.ensureDeferred(register())

    def record_user_external_id(
        self, auth_provider_id: str, remote_user_id: str, registered_user_id: str
    ) -> "defer.Deferred[None]":
        """Remembers how an identity provider calls a user."""
        return self._call(
            "record_user_external_id",
            auth_provider_id=auth_provider_id,
            remote_user_id=remote_user_id,
            user_id=registered_user_id,
        )

    async def create_login_token(
        self,
        user_id: str,
        duration_in_ms: int = 2 * 60 * 1000,
        auth_provider_id: Optional[str] = None,
        auth_provider_session_id: Optional[str] = None,
    ) -> str:
        """A token with which a user can log in once, with `m.login.token`."""
        return await self._call(
            "create_login_token",
            user_id=user_id,
            duration_ms=int(duration_in_ms),
            auth_provider_id=auth_provider_id,
            auth_provider_session_id=auth_provider_session_id,
        )

    def invalidate_access_token(self, access_token: str) -> "defer.Deferred[None]":
        """Ends an access token, and with it its device."""
        return self._call("invalidate_access_token", access_token=access_token)

    async def get_user_ip_and_agents(self, user_id: str, since_ts: int = 0) -> Iterable[UserIpAndAgent]:
        """Where a local user was seen since a time in milliseconds."""
        seen = await self._call("get_user_ip_and_agents", user_id=user_id, since_ts=int(since_ts))
        return [
            UserIpAndAgent(ip=one["ip"], user_agent=one.get("user_agent") or "", last_seen=one["last_seen"])
            for one in seen or ()
        ]

    async def store_remote_3pid_association(self, user_id: str, medium: str, address: str, id_server: str) -> None:
        """Remembers that an identity server knows a user's third-party identifier."""
        await self._call(
            "store_remote_3pid_association", user_id=user_id, medium=medium, address=address, id_server=id_server
        )

    def is_mine(self, id: Union[str, DomainSpecificString]) -> bool:
        """Whether an identifier belongs to this server."""
        if isinstance(id, str):
            _, colon, domain = id.partition(":")
            return bool(colon) and domain == self._hs.hostname
        return getattr(id, "domain", None) == self._hs.hostname

    async def get_monthly_active_users_by_service(
        self, start_timestamp: Optional[int] = None, end_timestamp: Optional[int] = None
    ) -> List[Tuple[str, str]]:
        """Active users with their application services, between two times in milliseconds, both included."""
        active = await self._call("get_monthly_active_users_by_service", start=start_timestamp, end=end_timestamp)
        return [(service, user_id) for service, user_id in active]


def user_info_from_wire(fields: Dict[str, Any]) -> UserInfo:
    """The `UserInfo` of the server's answer."""
    return UserInfo(
        user_id=UserID.from_string(fields["user_id"]),
        appservice_id=fields.get("appservice_id"),
        consent_server_notice_sent=fields.get("consent_server_notice_sent"),
        consent_version=fields.get("consent_version"),
        consent_ts=fields.get("consent_ts"),
        user_type=fields.get("user_type"),
        creation_ts=fields.get("creation_ts", 0),
        is_admin=bool(fields.get("is_admin")),
        is_deactivated=bool(fields.get("is_deactivated")),
        is_guest=bool(fields.get("is_guest")),
        is_shadow_banned=bool(fields.get("is_shadow_banned")),
        approved=bool(fields.get("approved", True)),
        locked=bool(fields.get("locked")),
        suspended=bool(fields.get("suspended")),
    )


def requester_from_wire(fields: Dict[str, Any]) -> Requester:
    """The `Requester` of the server's answer."""
    return create_requester(
        user_id=fields["user_id"],
        access_token_id=fields.get("access_token_id"),
        is_guest=bool(fields.get("is_guest")),
        scope=fields.get("scope") or (),
        shadow_banned=bool(fields.get("shadow_banned")),
        device_id=fields.get("device_id"),
        app_service=fields.get("app_service_id"),
        authenticated_entity=fields.get("authenticated_entity"),
    )


def access_token_of(request: Any) -> str:
    """The access token of a request; `MissingClientTokenError` if it has none."""
    headers = request.requestHeaders.getRawHeaders(b"Authorization")
    query = (request.args or {}).get(b"access_token")
    if headers:
        if query is not None:
            raise MissingClientTokenError("Mixing Authorization headers and access_token query parameters.")
        if len(headers) > 1:
            raise MissingClientTokenError("Too many Authorization headers.")
        parts = headers[0].strip().split(b" ")
        if parts[0] == b"Bearer" and len(parts) == 2:
            return parts[1].decode("ascii", "replace")
        raise MissingClientTokenError("Invalid Authorization header.")
    if not query:
        raise MissingClientTokenError()
    return query[0].decode("ascii", "replace")


def _authentication_error(error: SynapseError) -> SynapseError:
    """The error of the class that modules catch."""
    code = str(getattr(error.errcode, "value", error.errcode))
    if error.code == 401 and code == "M_USER_LOCKED":
        return error if isinstance(error, UserLockedError) else UserLockedError()
    if error.code == 401 and code == "M_MISSING_TOKEN" and not isinstance(error, MissingClientTokenError):
        return MissingClientTokenError(error.msg)
    if error.code == 401 and code == "M_UNKNOWN_TOKEN" and not isinstance(error, InvalidClientTokenError):
        return InvalidClientTokenError(error.msg, soft_logout=bool(error._additional_fields.get("soft_logout")))
    if error.code == 403 and not isinstance(error, AuthError):
        return AuthError(error.code, error.msg, error.errcode, dict(error._additional_fields))
    return error


async def _stored(deferred: "defer.Deferred[Any]", table: str) -> Any:
    """The result; what has no row in a table is a `StoreError` in the words of Synapse's."""
    try:
        return await deferred
    except SynapseError as error:
        if error.code == 404:
            raise StoreError(404, "No row found (%s)" % (table,)) from None
        raise
