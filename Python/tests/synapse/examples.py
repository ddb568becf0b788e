"""Modules after the patterns of Synapse's documentation, in our own words."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, Optional, Set, Union

import attr
from twisted.web.resource import Resource
from twisted.web.server import Request

from synapse.module_api import (
    NOT_SPAM,
    PRESENCE_ALL_USERS,
    DirectServeJsonResource,
    ModuleApi,
    UserPresenceState,
    cached,
    parse_json_object_from_request,
)
from synapse.module_api.errors import Codes, ConfigError, SynapseError


@attr.s(auto_attribs=True)
class AuditConfig:
    """Where changes are told, and by whom."""

    audit_room: str
    sender: str


class AccountDataAudit:
    """Tells a room of every change of account data."""

    def __init__(self, config: AuditConfig, api: ModuleApi):
        self._config = config
        self._api = api
        api.register_account_data_callbacks(on_account_data_updated=self.tell)

    @staticmethod
    def parse_config(config: Dict[str, Any]) -> AuditConfig:
        """Checks that everything is given."""
        for key in ("audit_room", "sender"):
            if key not in config:
                raise ConfigError(f"{key} is missing")
        return AuditConfig(**config)

    async def tell(self, user_id: str, room_id: Optional[str], account_data_type: str, content: Dict[str, Any]) -> None:
        """Posts the change."""
        where = f" (in room {room_id})" if room_id else ""
        body = f"{user_id} has changed their account data for type {account_data_type}{where} to: {content}"
        await self._api.create_and_send_event_into_room(
            {
                "room_id": self._config.audit_room,
                "sender": self._config.sender,
                "type": "m.room.message",
                "content": {"msgtype": "m.text", "body": body},
            }
        )


class Router:
    """Sends some users' presence to others."""

    def __init__(self, config: Dict[str, Any], api: ModuleApi):
        self._routes = config
        api.register_presence_router_callbacks(
            get_users_for_states=self.get_users_for_states, get_interested_users=self.get_interested_users
        )

    async def get_users_for_states(
        self, state_updates: Iterable[UserPresenceState]
    ) -> Dict[str, Set[UserPresenceState]]:
        """Who gets which update."""
        found: Dict[str, Set[UserPresenceState]] = {}
        for update in state_updates:
            for user in self._routes:
                if update.user_id in self._routes[user]:
                    found.setdefault(user, set()).add(update)
        return found

    async def get_interested_users(self, user_id: str) -> Union[Set[str], str]:
        """Whose presence a user gets."""
        if user_id == "@all:test":
            return PRESENCE_ALL_USERS
        return set(self._routes.get(user_id, ()))


class IsEvil(Resource):
    """Says who is on the list: as bytes, or, as an early example did, as text."""

    isLeaf = True

    def __init__(self, evil: Set[str], as_text: bool):
        super().__init__()
        self._evil = evil
        self._as_text = as_text

    def render_GET(self, request: Request) -> Any:
        """Answers for one user."""
        user = request.args.get(b"user_id")[0].decode()
        request.setHeader(b"Content-Type", b"application/json")
        answer = json.dumps({"evil": user in self._evil})
        return answer if self._as_text else answer.encode()


class ListSpamChecker:
    """Refuses what users on a list send."""

    def __init__(self, config: Dict[str, Any], api: ModuleApi):
        self.evil = set(config["evil_users"])
        api.register_spam_checker_callbacks(check_event_for_spam=self.check_event_for_spam)
        path = "/_synapse/client/list_spam_checker/is_evil"
        api.register_web_resource(path, IsEvil(self.evil, config.get("as_text", False)))

    async def check_event_for_spam(self, event: Any) -> Union[str, Codes]:
        """Judges by the sender."""
        return Codes.FORBIDDEN if event.sender in self.evil else NOT_SPAM


class Hello(DirectServeJsonResource):
    """Greets."""

    isLeaf = True

    async def _async_render_GET(self, request: Request) -> Any:
        if b"name" not in request.args:
            raise SynapseError(400, "Who?", Codes.MISSING_PARAM)
        return 200, {"hello": request.args[b"name"][0].decode()}

    async def _async_render_POST(self, request: Request) -> Any:
        return 200, parse_json_object_from_request(request)


class Departments:
    """Looks users' departments up, and remembers them."""

    def __init__(self, config: Dict[str, Any], api: ModuleApi):
        self._api = api
        self.departments = dict(config)
        self.look_ups = 0
        api.register_cached_function(self.get_department_for_user)
        api.register_spam_checker_callbacks(user_may_create_room=self.user_may_create_room)

    @cached()
    async def get_department_for_user(self, user_id: str) -> Optional[str]:
        """The department."""
        self.look_ups += 1
        return self.departments.get(user_id)

    async def user_may_create_room(self, user_id: str) -> bool:
        """Only some departments make rooms."""
        return await self.get_department_for_user(user_id) == "rooms"

    async def moved(self, user_id: str) -> None:
        """A user works elsewhere now."""
        await self._api.invalidate_cache(self.get_department_for_user, (user_id,))


class Censor:
    """Changes messages before they are sent."""

    def __init__(self, config: Dict[str, Any], api: ModuleApi):
        api.register_third_party_rules_callbacks(check_event_allowed=self.check_event_allowed)

    async def check_event_allowed(self, event: Any, state: Any) -> Any:
        """Lowers voices."""
        if event.type != "m.room.message" or not event.content.get("body", "").isupper():
            return True, None
        changed = event.get_dict()
        changed["content"]["body"] = event.content["body"].lower()
        return True, changed
