"""Modules in the shapes of before ``modules:``."""

from __future__ import annotations

import logging
from typing import Any, Dict

from twisted.internet import defer
from twisted.web.resource import Resource

logger = logging.getLogger(__name__)


class SpamChecker:
    """Answers at once; knows nothing of providers."""

    def __init__(self, config: Any, api: Any) -> None:
        self.config, self.api = config, api

    def check_event_for_spam(self, event: Any) -> Any:
        return event.content.get("spam", False)

    def user_may_invite(self, inviter: str, invitee: str, room_id: str) -> bool:
        return inviter != "@bad:test"

    async def user_may_create_room(self, user_id: str) -> bool:
        return user_id != "@bad:test"

    def check_username_for_spam(self, profile: Any) -> bool:
        return bool(profile["user_id"] == "@bad:test")

    def check_registration_for_spam(self, email_threepid: Any, username: Any, request_info: Any) -> Any:
        from synapse.spam_checker_api import RegistrationBehaviour

        return RegistrationBehaviour.DENY if username == "bad" else RegistrationBehaviour.ALLOW

    user_may_publish_room = None


class SpamCheckerWithoutApi:
    """Hooks of none of the known names."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def __repr__(self) -> str:
        return f"<without api {self.config}>"


class BadSignature:
    def __init__(self, config: Any) -> None: ...

    def check_registration_for_spam(self, email_threepid: Any, username: Any) -> Any: ...


class Rules:
    def __init__(self, config: Any, module_api: Any) -> None:
        self.config = config

    async def check_event_allowed(self, event: Any, state: Any) -> Any:
        if event.content["body"] == "replace":
            replacement = event.get_dict()
            replacement["content"] = {"body": "replaced"}
            return replacement
        return event.content["body"] != "deny"

    async def on_create_room(self, requester: Any, config: Dict[str, Any], is_admin: bool) -> Any:
        config["seen"] = True
        return config.get("name") != "bad"

    def check_threepid_can_be_invited(self, medium: str, address: str, state: Any) -> bool:
        return address != "bad"

    async def check_visibility_can_be_modified(self, room_id: str, state: Any, visibility: str) -> bool:
        return visibility != "public"


class PresenceRouter:
    def __init__(self, config: Any, module_api: Any) -> None: ...

    def get_users_for_states(self, states: Any) -> Any:
        return {"@x:test": set(states)}

    async def get_interested_users(self, user_id: str) -> Any:
        return "ALL"


class HalfPresenceRouter:
    def __init__(self, config: Any, module_api: Any) -> None: ...

    async def get_interested_users(self, user_id: str) -> Any: ...


class PasswordProvider:
    @staticmethod
    def parse_config(config: Any) -> Any:
        return config

    def __init__(self, config: Any, account_handler: Any) -> None:
        self.account_handler = account_handler

    @staticmethod
    def get_supported_login_types() -> Any:
        return {"m.login.password": ("password",), "test.login_type": ("test_field",)}

    def check_password(self, user_id: str, password: str) -> Any:
        return defer.succeed(user_id == "@u:test" and password == "p")

    async def check_auth(self, username: str, login_type: str, login_dict: Any) -> Any:
        return "@" + username + ":test" if login_dict["test_field"] == "y" else None

    async def check_3pid_auth(self, medium: str, address: str, password: str) -> Any:
        return ("@three:test", self.logged_in) if address == "cb" else "@pid:test"

    def logged_in(self, response: Any) -> None:
        response["seen"] = True

    async def on_logged_out(self, user_id: str, device_id: Any, access_token: str) -> None:
        logger.info("logged out %s", user_id)


class Handler:
    """``additional_resources``: an object that answers requests."""

    def __init__(self, config: Any, module_api: Any) -> None:
        self.config = config

    async def handle_request(self, request: Any) -> None:
        if request.args.get(b"fail"):
            raise RuntimeError("no")
        request.setResponseCode(200)
        request.setHeader(b"Content-Type", b"text/plain")
        request.write(b"handled " + request.path)
        request.finish()


class SyncHandler(Handler):
    def handle_request(self, request: Any) -> None:  # type: ignore[override]
        request.write(b"at once")
        request.finish()


class HandlerResource(Resource):
    isLeaf = True

    def __init__(self, config: Any, module_api: Any) -> None:
        super().__init__()

    def render_GET(self, request: Any) -> bytes:
        return b"resource"


class NoHandler:
    def __init__(self, config: Any, module_api: Any) -> None: ...


class Validity:
    """Under ``modules:``, but of before callbacks were registered."""

    def __init__(self, config: Any, api: Any) -> None: ...

    async def user_expired(self, user_id: str) -> Any:
        return user_id == "@old:test", user_id != "@unknown:test"

    async def on_user_registration(self, user_id: str) -> None:
        logger.info("registered %s", user_id)

    async def on_legacy_renew(self, token: str) -> Any:
        return True, False, 1


class RegisteringValidity(Validity):
    def __init__(self, config: Any, api: Any) -> None:
        async def is_user_expired(user_id: str) -> bool:
            return True

        api.register_account_validity_callbacks(is_user_expired=is_user_expired)
