"""A module for tests that does as it is told: a Synapse module, by the public module API alone.

Its configuration: `name`, `folder` (where it finds what to answer and writes down how it was called), and `callbacks`, which
maps a family (`spam_checker`) to names of callbacks. What a callback answers stands in `<folder>/<callback>.py`, the body of
an asynchronous function of `args`, read at each call; without it the callback answers what changes nothing. A web resource
at `/_synapse/client/puppet/<name>` runs the body it is sent in the same manner.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import textwrap
from pathlib import Path
from typing import Any, Awaitable, Callable

import synapse.module_api as module_api
from synapse.api.errors import Codes, SynapseError
from synapse.module_api import NOT_SPAM, DirectServeJsonResource, ModuleApi, ProfileInfo, UserID
from synapse.spam_checker_api import RegistrationBehaviour
from synapse.types import RoomAlias, RoomID

NEUTRAL: dict[str, Any] = {
    "check_event_for_spam": NOT_SPAM,
    "should_drop_federated_event": False,
    "user_may_join_room": NOT_SPAM,
    "user_may_invite": NOT_SPAM,
    "federated_user_may_invite": NOT_SPAM,
    "user_may_send_3pid_invite": NOT_SPAM,
    "user_may_create_room": NOT_SPAM,
    "user_may_create_room_alias": NOT_SPAM,
    "user_may_publish_room": NOT_SPAM,
    "user_may_send_state_event": NOT_SPAM,
    "check_username_for_spam": False,
    "check_registration_for_spam": RegistrationBehaviour.ALLOW,
    "check_media_file_for_spam": NOT_SPAM,
    "check_login_for_spam": NOT_SPAM,
    "check_event_allowed": (True, None),
    "check_threepid_can_be_invited": True,
    "check_visibility_can_be_modified": True,
    "check_can_shutdown_room": True,
    "check_can_deactivate_user": True,
    "is_3pid_allowed": True,
    "is_user_allowed_to_upload_media_of_size": True,
    "get_users_for_states": {},
    "get_interested_users": set(),
    "add_field_to_unsigned_callback": {},
}


def plain(value: Any) -> Any:
    """A value as JSON can hold it, so that a test can look at it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if hasattr(value, "get_dict") and hasattr(value, "event_id"):
        shown = dict(plain(value.get_dict()), event_id=value.event_id)
        return shown
    if hasattr(value, "items"):
        if all(isinstance(key, str) for key in value):
            return {key: plain(item) for key, item in value.items()}
        return {"map": sorted(([plain(key), plain(item)] for key, item in value.items()), key=str)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if hasattr(value, "to_string"):
        return {"id": value.to_string()}
    if hasattr(value, "user") and hasattr(value, "device_id"):
        return {"requester": value.user.to_string()}
    return {"text": str(value)}


class Puppet:
    def __init__(self, config: dict, api: ModuleApi) -> None:
        self.api = api
        self.name = config["name"]
        self.folder = Path(config["folder"])
        self.folder.mkdir(parents=True, exist_ok=True)
        self.memory: dict[str, Any] = {}
        for family, names in config.get("callbacks", {}).items():
            register = getattr(api, f"register_{family}_callbacks")
            register(**{name: self._callback(name) for name in names})
        if config.get("resource", True):
            api.register_web_resource(f"/_synapse/client/puppet/{self.name}", Strings(self))

    @staticmethod
    def parse_config(config: dict) -> dict:
        return config

    def _callback(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def answer(*args: Any) -> Any:
            with open(self.folder / "calls.jsonl", "a") as calls:
                calls.write(json.dumps([name, plain(args)]) + "\n")
            script = self.folder / f"{name}.py"
            if script.exists():
                return await self.run(script.read_text(), args)
            return NEUTRAL.get(name)

        # Some callbacks are given as many arguments as they have parameters.
        wrapped = {
            "user_may_create_room": lambda self: _two(answer), "check_username_for_spam": lambda self: _two(answer),
        }.get(name, lambda self: answer)(self)
        wrapped.__qualname__ = f"Puppet.{name}"
        return wrapped

    async def run(self, body: str, args: tuple) -> Any:
        """Runs the body of an asynchronous function."""
        names = {
            "api": self.api, "memory": self.memory, "args": args, "Codes": Codes, "SynapseError": SynapseError,
            "NOT_SPAM": NOT_SPAM, "ProfileInfo": ProfileInfo, "UserID": UserID, "RoomAlias": RoomAlias, "RoomID": RoomID,
            "RegistrationBehaviour": RegistrationBehaviour, "module_api": module_api, "plain": plain,
        }
        exec("async def body():\n" + textwrap.indent(body, "    ") + "\n", names)
        result = names["body"]()
        assert inspect.isawaitable(result) and not asyncio.isfuture(result)
        return await result


def _two(answer: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def two(first: Any, second: Any) -> Any:
        return await answer(first, second)

    return two


class Strings(DirectServeJsonResource):
    """Runs what it is sent; tells the result, or the exception."""

    isLeaf = True

    def __init__(self, puppet: Puppet) -> None:
        super().__init__()
        self.puppet = puppet

    async def _async_render_POST(self, request: Any) -> tuple[int, Any]:
        body = request.content.read().decode()
        try:
            return 200, {"result": plain(await self.puppet.run(body, (request,)))}
        except Exception as error:  # What a module would see is what the test wants to see.
            told = {"exception": type(error).__name__, "message": str(error)}
            if isinstance(error, SynapseError):
                told.update(code=error.code, errcode=error.errcode, message=error.msg)
            return 200, told
