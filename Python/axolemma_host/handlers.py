"""The handlers that modules reach through `hs`, over calls to the server.

Upstream's further parameters are accepted where they change nothing here.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Iterable, List, Mapping, Optional, Tuple, Union

from axolemma_host.controllers import StateStorageController as StateStorageController
from axolemma_host.controllers import StorageControllers as StorageControllers
from axolemma_host.missing import Limited
from synapse.api.errors import SynapseError
from synapse.events import EventBase
from synapse.logging.context import defer_to_thread
from synapse.types import JsonDict, Requester, RoomAlias, UserID


class Handler(Limited):
    """A handler."""

    def __init__(self, hs: Any) -> None:
        self.hs = hs

    @property
    def store(self) -> Any:
        """The store."""
        return self.hs.get_datastores().main

    @property
    def _api(self) -> Any:
        return self.hs.get_module_api()


def _stream_ordering(event: EventBase) -> int:
    return getattr(event.internal_metadata, "stream_ordering", None) or 0


class RoomMemberHandler(Handler):
    """Memberships."""

    known_as = "room member handler"

    async def update_membership(
        self,
        requester: Requester,
        target: UserID,
        room_id: str,
        action: str,
        txn_id: Optional[str] = None,
        remote_room_hosts: Optional[List[str]] = None,
        third_party_signed: Optional[JsonDict] = None,
        ratelimit: bool = True,
        content: Optional[JsonDict] = None,
        **_: Any,
    ) -> Tuple[str, int]:
        """Changes somebody's membership; gives the member event's ID and its place in the stream."""
        event = await self._api.update_room_membership(
            requester.user.to_string(), target.to_string(), room_id, action, content, remote_room_hosts
        )
        return event.event_id, _stream_ordering(event)

    async def get_user_membership_for_room(self, user_id: str, room_id: str) -> Optional[str]:
        """A user's membership in a room."""
        state = await self._api.get_room_state(room_id, [("m.room.member", user_id)])
        event = state.get(("m.room.member", user_id))
        return None if event is None else event.content.get("membership")


class RoomCreationHandler(Handler):
    """The making of rooms."""

    known_as = "room creation handler"

    async def create_room(
        self,
        requester: Requester,
        config: JsonDict,
        ratelimit: bool = True,
        creator_join_profile: Optional[JsonDict] = None,
        **_: Any,
    ) -> Tuple[str, Optional[RoomAlias], int]:
        """Makes a room; gives its ID, its alias, and a place in the stream."""
        room_id, alias = await self._api.create_room(
            requester.user.to_string(), config, ratelimit, creator_join_profile
        )
        return room_id, None if alias is None else RoomAlias.from_string(alias), 0


class EventCreationHandler(Handler):
    """The making of events."""

    known_as = "event creation handler"

    async def create_and_send_nonmember_event(
        self, requester: Requester, event_dict: JsonDict, ratelimit: bool = True, **_: Any
    ) -> Tuple[EventBase, int]:
        """Sends an event; gives it and its place in the stream."""
        event = await self._api.create_and_send_event_into_room({"sender": requester.user.to_string(), **event_dict})
        return event, _stream_ordering(event)


class ProfileHandler(Handler):
    """Names and pictures."""

    known_as = "profile handler"

    async def get_profile(self, user_id: str, ignore_backoff: bool = True) -> JsonDict:
        """A user's profile, as clients see it."""
        return self._as_clients_see(await self._profile(user_id))

    async def get_displayname(self, target_user: UserID) -> Optional[str]:
        """A user's name."""
        return (await self._profile(target_user.to_string())).get("display_name")

    async def get_avatar_url(self, target_user: UserID) -> Optional[str]:
        """A user's picture."""
        return (await self._profile(target_user.to_string())).get("avatar_url")

    async def set_displayname(
        self,
        target_user: UserID,
        requester: Requester,
        new_displayname: str,
        by_admin: bool = False,
        *_: Any,
        **__: Any,
    ) -> None:
        """Sets a user's name, in rooms too."""
        self._check(target_user, requester, by_admin, "displayname")
        await self._call("set_displayname", target_user, displayname=new_displayname or "")

    async def set_avatar_url(
        self, target_user: UserID, requester: Requester, new_avatar_url: str, by_admin: bool = False, *_: Any, **__: Any
    ) -> None:
        """Sets a user's picture, in rooms too."""
        self._check(target_user, requester, by_admin, "avatar_url")
        await self._call("set_avatar_url", target_user, avatar_url=new_avatar_url or "")

    def _check(self, target: UserID, requester: Requester, by_admin: bool, what: str) -> None:
        if not self.hs.is_mine(target):
            raise SynapseError(400, "User is not hosted on this homeserver")
        if not by_admin and target != requester.user:
            raise SynapseError(400, "Cannot set another user's %s" % (what,))

    async def _call(self, method: str, target: UserID, **params: str) -> None:
        await self.hs.peer.call(method, {"user_id": target.to_string(), **params})

    async def _profile(self, user_id: str) -> Mapping[str, Any]:
        profile = await self.hs.peer.call("get_profile", {"user_id": user_id})
        if profile is None:
            raise SynapseError(404, "Profile was not found", "M_NOT_FOUND")
        return profile

    @staticmethod
    def _as_clients_see(profile: Mapping[str, Any]) -> JsonDict:
        fields = (("displayname", "display_name"), ("avatar_url", "avatar_url"))
        return {name: profile[ours] for name, ours in fields if profile.get(ours) is not None}


class DeactivateAccountHandler(Handler):
    """The end of accounts."""

    known_as = "account deactivation handler"

    async def deactivate_account(
        self,
        user_id: str,
        erase_data: bool,
        requester: Requester,
        id_server: Optional[str] = None,
        by_admin: bool = False,
    ) -> bool:
        """Deactivates an account; tells whether all is undone at identity servers."""
        await self.hs.peer.call(
            "deactivate_account", {"user_id": user_id, "erase": bool(erase_data), "by_admin": bool(by_admin)}
        )
        return True


class AccountDataHandler(Handler):
    """Users' account data."""

    known_as = "account data handler"

    async def add_account_data_for_user(self, user_id: str, account_data_type: str, content: JsonDict) -> int:
        """Sets account data; gives a place in the stream."""
        await self._api.account_data_manager.put_global(user_id, account_data_type, content)
        return 0


class DirectoryHandler(Handler):
    """Aliases."""

    known_as = "directory handler"

    async def get_association(self, room_alias: RoomAlias) -> JsonDict:
        """What an alias stands for."""
        room_id, servers = await self._api.lookup_room_alias(room_alias.to_string())
        return {"room_id": room_id, "servers": servers}


class RegistrationHandler(Handler):
    """The making of accounts."""

    known_as = "registration handler"

    async def check_username(self, localpart: str, *_: Any, **__: Any) -> None:
        """Raises a `SynapseError` if a new account cannot have this local part."""
        await self._api.check_username(localpart)

    async def register_user(
        self,
        localpart: Optional[str] = None,
        default_display_name: Optional[str] = None,
        bind_emails: Iterable[str] = (),
        admin: bool = False,
        **unsupported: Any,
    ) -> str:
        """Makes an account; gives its ID."""
        for name in ("password_hash", "guest_access_token", "user_type", "make_guest"):
            if unsupported.get(name):
                raise NotImplementedError("register_user of this server takes no %s" % (name,))
        if localpart is None:
            raise NotImplementedError("register_user of this server needs a localpart")
        return await self._api.register_user(localpart, default_display_name, list(bind_emails), admin)

    async def register_device(
        self,
        user_id: str,
        device_id: Optional[str],
        initial_display_name: Optional[str],
        is_guest: bool = False,
        **_: Any,
    ) -> Tuple[str, str, Optional[int], Optional[str]]:
        """Makes a device and its access token."""
        return await self._api.register_device(user_id, device_id, initial_display_name)


class AuthHandler(Handler):
    """Who users are."""

    known_as = "authentication handler"

    async def check_user_exists(self, user_id: str) -> Optional[str]:
        """The ID as the account has it; `None` if there is no such account."""
        return await self._api.check_user_exists(user_id)

    async def hash(self, password: str) -> str:
        """The hash under which the server keeps a password."""
        rounds = self.hs.config.registration.bcrypt_rounds
        return await defer_to_thread(self.hs.get_reactor(), self._hash, password, int(rounds))

    async def validate_hash(self, password: str, stored_hash: Union[bytes, str]) -> bool:
        """Whether a hash is that of a password."""
        if isinstance(stored_hash, str):
            stored_hash = stored_hash.encode("ascii")
        return await defer_to_thread(self.hs.get_reactor(), self._matches, password, stored_hash)

    async def complete_sso_login(
        self, registered_user_id: str, auth_provider_id: str, request: Any, client_redirect_url: str, *_: Any, **__: Any
    ) -> None:
        """Logs a user in whom an identity provider has authenticated, and answers the request."""
        await self._api.complete_sso_login_async(
            registered_user_id, request, client_redirect_url, auth_provider_id=auth_provider_id
        )

    async def create_login_token_for_user_id(
        self,
        user_id: str,
        duration_ms: int = 120000,
        auth_provider_id: Optional[str] = None,
        auth_provider_session_id: Optional[str] = None,
    ) -> str:
        """A token with which a user can log in once."""
        return await self._api.create_login_token(user_id, duration_ms, auth_provider_id, auth_provider_session_id)

    async def add_threepid(self, user_id: str, medium: str, address: str, validated_at: int) -> None:
        """Gives a user an address."""
        if medium == "email":
            address = address.lower()
        added_at = self.hs.get_clock().time_msec()
        await self.store.user_add_threepid(user_id, medium, address, validated_at, added_at)

    async def delete_local_threepid(self, user_id: str, medium: str, address: str) -> None:
        """Takes an address from a user."""
        if medium == "email":
            address = address.lower()
        await self.store.user_delete_threepid(user_id, medium, address)

    async def delete_access_token(self, access_token: str) -> None:
        """Ends an access token."""
        await self._api.invalidate_access_token(access_token)

    def _peppered(self, password: str) -> bytes:
        pepper = self.hs.config.auth.password_pepper or ""
        return unicodedata.normalize("NFKC", password).encode("utf-8") + pepper.encode("utf-8")

    def _hash(self, password: str, rounds: int) -> str:
        import bcrypt

        return bcrypt.hashpw(_at_most_72(self._peppered(password)), bcrypt.gensalt(rounds)).decode("ascii")

    def _matches(self, password: str, stored_hash: bytes) -> bool:
        import bcrypt

        return bcrypt.checkpw(_at_most_72(self._peppered(password)), stored_hash)


def _at_most_72(password: bytes) -> bytes:
    """What bcrypt looks at; recent releases refuse more instead of leaving it out."""
    return password[:72]


class Auth(Limited):
    """Who makes a request."""

    known_as = "Auth object"

    def __init__(self, hs: Any) -> None:
        self.hs = hs

    async def get_user_by_req(
        self, request: Any, allow_guest: bool = False, allow_expired: bool = False, **_: Any
    ) -> Requester:
        """Who makes a request, by its access token."""
        return await self.hs.get_module_api().get_user_by_req(request, allow_guest, allow_expired)

    async def is_server_admin(self, requester: Requester) -> bool:
        """Whether a requester administers this server."""
        return await self.hs.get_module_api().is_user_admin(requester.user.to_string())

    def get_access_token_from_request(self, request: Any) -> str:
        """The access token of a request."""
        from synapse.module_api._users import access_token_of

        return access_token_of(request)

    def has_access_token(self, request: Any) -> bool:
        """Whether a request has an access token."""
        return bool(request.requestHeaders.getRawHeaders(b"Authorization") or (request.args or {}).get(b"access_token"))


class ServerNoticesManager(Handler):
    """Messages of the server to its users, which cannot be sent yet."""

    known_as = "server notices manager of this server, which sends no notices yet,"

    def __init__(self, hs: Any) -> None:
        super().__init__(hs)
        self.server_notices_mxid: Optional[str] = hs.config.servernotices.server_notices_mxid

    def is_enabled(self) -> bool:
        """Whether notices can be sent."""
        return False


class MediaRepository(Handler):
    """The media repository, which is not there yet."""

    known_as = "media repository of this server, which modules cannot use yet,"
