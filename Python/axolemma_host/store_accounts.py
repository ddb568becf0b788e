"""The store's methods about accounts."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Union

import attr

from synapse.api.errors import StoreError
from synapse.storage.roommember import ProfileInfo
from synapse.types import UserID, UserInfo


@attr.s(slots=True, frozen=True, auto_attribs=True)
class ThreepidInfo:
    """An address of a user; also to be asked like the dict it was before 1.100."""

    medium: str
    address: str
    validated_at: int
    added_at: int

    def __getitem__(self, key: str) -> Any:
        if key in ("medium", "address", "validated_at", "added_at"):
            return getattr(self, key)
        raise KeyError(key)

    def get(self, key: str, default: Any = None) -> Any:
        """A field, or `default`."""
        return getattr(self, key, default)

    def keys(self) -> Tuple[str, ...]:
        """The fields."""
        return ("medium", "address", "validated_at", "added_at")


@attr.s(slots=True, frozen=True, auto_attribs=True)
class RatelimitOverride:
    """The rate limit of one user."""

    messages_per_second: int
    burst_count: int


class AccountsStore:
    """The part of the store about accounts."""

    hs: Any
    db_pool: Any

    def _call(self, method: str, **params: Any) -> Any:
        """Calls the server."""
        return self.hs.peer.call(method, params)

    def _user_id(self, user: Union[str, UserID]) -> str:
        """The full ID; older methods were given local parts."""
        text = user.to_string() if isinstance(user, UserID) else user
        return text if text.startswith("@") else "@%s:%s" % (text, self.hs.hostname)

    # Accounts.

    async def get_user_by_id(self, user_id: str) -> Optional[UserInfo]:
        """What the server knows of one of its users; `None` for anybody else."""
        return await self.hs.get_module_api().get_userinfo_by_id(user_id)

    async def get_userinfo_by_id(self, user_id: str) -> Optional[UserInfo]:
        """What the server knows of one of its users; `None` for anybody else."""
        return await self.get_user_by_id(user_id)

    async def is_server_admin(self, user: Union[str, UserID]) -> bool:
        """Whether a user administers this server."""
        return bool(await self._call("is_user_admin", user_id=self._user_id(user)))

    async def set_server_admin(self, user: Union[str, UserID], admin: bool) -> None:
        """Makes a user an administrator of this server, or no longer one."""
        await self._call("set_user_admin", user_id=self._user_id(user), admin=bool(admin))

    async def get_user_deactivated_status(self, user_id: str) -> bool:
        """Whether an account was deactivated."""
        return bool((await self._known(user_id)).is_deactivated)

    async def is_guest(self, user_id: str) -> bool:
        """Whether a user is a guest."""
        info = await self.get_user_by_id(user_id)
        return info is not None and info.is_guest

    async def is_real_user(self, user_id: str) -> bool:
        """Whether an account is of no special type."""
        info = await self.get_user_by_id(user_id)
        return info is not None and info.user_type is None

    async def is_support_user(self, user_id: str) -> bool:
        """Whether an account is a support user's."""
        info = await self.get_user_by_id(user_id)
        return info is not None and info.user_type == "support"

    async def is_user_approved(self, user_id: str) -> bool:
        """Whether an account was approved: all are."""
        return True

    async def get_users(self) -> List[Dict[str, Any]]:
        """All accounts: `name`, `password_hash`, `is_guest`, `admin`, `user_type`, `deactivated`."""
        columns = ("name", "password_hash", "is_guest", "admin", "user_type", "deactivated")
        rows = await self.db_pool.simple_select_list("users", {}, columns)
        return [dict(zip(columns, row)) for row in rows]

    async def get_users_by_id_case_insensitive(self, user_id: str) -> Dict[str, Optional[str]]:
        """Accounts whose IDs differ at most in case, with their password hashes."""

        def query(txn: Any) -> Dict[str, Optional[str]]:
            txn.execute("SELECT name, password_hash FROM users WHERE lower(name) = lower(?)", (user_id,))
            return dict(txn.fetchall())

        return await self.db_pool.runInteraction("get_users_by_id_case_insensitive", query)

    async def count_all_users(self) -> int:
        """How many accounts there are."""
        rows = await self.db_pool.execute("count_users", "SELECT COUNT(*) FROM users")
        return int(rows[0][0])

    async def get_devices_by_user(self, user_id: str) -> Dict[str, Dict[str, Optional[str]]]:
        """A user's devices by ID: `user_id`, `device_id`, `display_name`."""
        rows = await self.db_pool.simple_select_list("devices", {"user_id": user_id}, ("device_id", "display_name"))
        return {device: {"user_id": user_id, "device_id": device, "display_name": name} for device, name in rows}

    async def _known(self, user_id: str) -> UserInfo:
        info = await self.get_user_by_id(user_id)
        if info is None:
            raise StoreError(404, "No row found (users)")
        return info

    # Profiles.

    async def get_profileinfo(self, user_id: Union[str, UserID]) -> ProfileInfo:
        """A user's name and picture; both `None` if there is no profile."""
        profile = await self._call("get_profile", user_id=self._user_id(user_id)) or {}
        return ProfileInfo(profile.get("avatar_url"), profile.get("display_name"))

    async def get_profile_displayname(self, user_id: Union[str, UserID]) -> Optional[str]:
        """A user's name."""
        return (await self._profile(user_id)).display_name

    async def get_profile_avatar_url(self, user_id: Union[str, UserID]) -> Optional[str]:
        """A user's picture."""
        return (await self._profile(user_id)).avatar_url

    async def set_profile_displayname(
        self, user_id: Union[str, UserID], new_displayname: Optional[str], *_: Any
    ) -> None:
        """Sets a user's name, in rooms too."""
        await self._call("set_displayname", user_id=self._user_id(user_id), displayname=new_displayname or "")

    async def set_profile_avatar_url(self, user_id: Union[str, UserID], new_avatar_url: Optional[str], *_: Any) -> None:
        """Sets a user's picture, in rooms too."""
        await self._call("set_avatar_url", user_id=self._user_id(user_id), avatar_url=new_avatar_url or "")

    async def _profile(self, user_id: Union[str, UserID]) -> ProfileInfo:
        profile = await self._call("get_profile", user_id=self._user_id(user_id))
        if profile is None:
            raise StoreError(404, "No row found (profiles)")
        return ProfileInfo(profile.get("avatar_url"), profile.get("display_name"))

    # Addresses and what others know users by.

    async def user_get_threepids(self, user_id: str) -> List[ThreepidInfo]:
        """A user's addresses."""
        found = await self._call("get_threepids_for_user", user_id=user_id)
        return [
            ThreepidInfo(one["medium"], one["address"], one.get("validated_at", 0), one.get("added_at", 0))
            for one in found or ()
        ]

    async def get_user_id_by_threepid(self, medium: str, address: str) -> Optional[str]:
        """Whose an address is."""
        return await self.db_pool.simple_select_one_onecol(
            "user_threepids", {"medium": medium, "address": address}, "user_id", allow_none=True
        )

    async def user_add_threepid(
        self, user_id: str, medium: str, address: str, validated_at: int, added_at: int
    ) -> None:
        """Gives a user an address."""
        await self._call(
            "add_threepid",
            user_id=user_id,
            medium=medium,
            address=address,
            validated_at=int(validated_at),
            added_at=int(added_at),
        )

    async def user_delete_threepid(self, user_id: str, medium: str, address: str) -> None:
        """Takes an address from a user."""
        await self._call("remove_threepid", user_id=user_id, medium=medium, address=address)

    async def get_user_by_external_id(self, auth_provider: str, external_id: str) -> Optional[str]:
        """Whom an identity provider's ID stands for."""
        return await self._call("get_user_by_external_id", auth_provider_id=auth_provider, external_id=external_id)

    async def get_external_ids_by_user(self, mxid: str) -> List[Tuple[str, str]]:
        """The identity providers' IDs of a user: provider, ID."""
        return [(provider, external) for provider, external in await self._call("get_external_ids", user_id=mxid)]

    async def record_user_external_id(self, auth_provider: str, external_id: str, user_id: str) -> None:
        """Remembers what an identity provider knows a user by."""
        await self._call(
            "record_user_external_id", auth_provider_id=auth_provider, remote_user_id=external_id, user_id=user_id
        )

    # Registration tokens.

    async def registration_token_is_valid(self, token: str) -> bool:
        """Whether an account can be made with a token."""
        row = await self.db_pool.simple_select_one(
            "registration_tokens",
            {"token": token},
            ("uses_allowed", "pending", "completed", "expiry_time"),
            allow_none=True,
        )
        if row is None:
            return False
        uses_allowed, pending, completed, expiry_time = row
        if expiry_time is not None and expiry_time < self.hs.get_clock().time_msec():
            return False
        return uses_allowed is None or pending + completed < uses_allowed

    async def create_registration_token(
        self, token: str, uses_allowed: Optional[int], expiry_time: Optional[int]
    ) -> bool:
        """Makes a token with which accounts can be made; false if there is one of that name."""
        return bool(
            await self._call(
                "create_registration_token", token=token, uses_allowed=uses_allowed, expiry_time=expiry_time
            )
        )

    # Rate limits.

    async def get_ratelimit_for_user(self, user_id: str) -> Optional[RatelimitOverride]:
        """The rate limit of one user; `None` where the configured one holds."""
        found = await self._call("get_ratelimit_override", user_id=user_id)
        if found is None:
            return None
        return RatelimitOverride(found["messages_per_second"], found["burst_count"])

    async def set_ratelimit_for_user(self, user_id: str, messages_per_second: int, burst_count: int) -> None:
        """Sets the rate limit of one user."""
        await self._call(
            "set_ratelimit_override",
            user_id=user_id,
            messages_per_second=int(messages_per_second),
            burst_count=int(burst_count),
        )

    async def delete_ratelimit_for_user(self, user_id: str) -> None:
        """Brings the configured rate limit back."""
        await self._call("set_ratelimit_override", user_id=user_id, messages_per_second=None, burst_count=None)
