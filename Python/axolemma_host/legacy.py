"""The module interfaces of before ``modules:``, each given the shape of today's callbacks.

Their callbacks may answer at once where today's have to be awaited; hence ``sync=True``.
"""

from __future__ import annotations

import functools
import inspect
import logging
from typing import Any, Awaitable, Callable, Dict, Optional, Tuple

logger = logging.getLogger(__name__)

_SPAM_HOOKS = (
    "check_event_for_spam",
    "user_may_invite",
    "federated_user_may_invite",
    "user_may_create_room",
    "user_may_create_room_alias",
    "user_may_publish_room",
    "check_username_for_spam",
    "check_registration_for_spam",
    "check_media_file_for_spam",
)
_RULES_HOOKS = (
    "check_event_allowed",
    "on_create_room",
    "check_threepid_can_be_invited",
    "check_visibility_can_be_modified",
)
_VALIDITY_HOOKS = ("on_user_registration", "on_legacy_send_mail", "on_legacy_renew", "on_legacy_admin_request")
_PASSWORD = "m.login.password"


def build_spam_checker(module: Any, hs: Any, registrations: Any) -> Any:
    """An entry of ``spam_checker``."""
    factory = module.factory
    if "api" in inspect.signature(factory.__init__).parameters:
        checker = factory(config=module.config, api=hs.get_module_api())
    else:
        checker = factory(config=module.config)
    for name in _SPAM_HOOKS:
        hook = getattr(checker, name, None)
        if hook is not None:
            if name == "check_registration_for_spam":
                hook = _registration_checker(hook)
            registrations.register(name, hook, sync=True)
    return checker


def _registration_checker(hook: Callable[..., Any]) -> Callable[..., Any]:
    """A hook that knows of authentication providers or does not, as one that takes them."""
    count = len(inspect.signature(hook).parameters)
    if count == 4:
        return hook
    if count != 3:
        raise RuntimeError("Bad signature for callback check_registration_for_spam")

    @functools.wraps(hook)
    def check(email_threepid: Any, username: Any, request_info: Any, auth_provider_id: Any = None) -> Any:
        return hook(email_threepid, username, request_info)

    return check


def build_third_party_rules(module: Any, hs: Any, registrations: Any) -> Any:
    """The section ``third_party_event_rules``."""
    rules = module.factory(config=module.config, module_api=hs.get_module_api())
    for name in _RULES_HOOKS:
        hook = getattr(rules, name, None)
        if hook is None:
            continue
        if name == "check_event_allowed":
            hook = _event_rule(hook)
        elif name == "on_create_room":
            hook = _creation_rule(hook)
        registrations.register(name, hook, sync=name not in ("check_event_allowed", "on_create_room"))
    return rules


def _event_rule(hook: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """A rule that answers with a bool, or with the dict that replaces the event."""

    @functools.wraps(hook)
    async def check(event: Any, state_events: Any) -> Tuple[Any, Optional[Dict[str, Any]]]:
        answer = await hook(event, state_events)
        return (True, answer) if isinstance(answer, dict) else (answer, None)

    return check


def _creation_rule(hook: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[None]]:
    """A rule that refuses by answering False."""

    @functools.wraps(hook)
    async def check(requester: Any, request_content: Any, is_requester_admin: bool) -> None:
        if await hook(requester, request_content, is_requester_admin) is False:
            from synapse.api.errors import SynapseError

            raise SynapseError(403, "Room creation forbidden with these parameters")

    return check


def build_presence_router(module: Any, hs: Any, registrations: Any) -> Any:
    """The section ``presence.presence_router``."""
    router = module.factory(config=module.config, module_api=hs.get_module_api())
    hooks = {name: getattr(router, name, None) for name in ("get_users_for_states", "get_interested_users")}
    if (hooks["get_users_for_states"] is None) != (hooks["get_interested_users"] is None):
        raise RuntimeError(
            "PresenceRouter module callbacks must register both get_users_for_states and get_interested_users"
        )
    for name, hook in hooks.items():
        if hook is not None:
            registrations.register(name, hook, sync=True)
    return router


def build_password_provider(module: Any, hs: Any, registrations: Any) -> Any:
    """An entry of ``password_providers``."""
    api = hs.get_module_api()
    try:
        provider = module.factory(config=module.config, account_handler=api)
    except Exception as error:
        logger.error("Error while initializing %r: %s", module.factory, error)
        raise
    checkers: Dict[Tuple[str, Tuple[str, ...]], Callable[..., Any]] = {}
    check_auth = getattr(provider, "check_auth", None)
    supported = getattr(provider, "get_supported_login_types", None)
    if check_auth is not None and supported is not None:
        for login_type, fields in dict(supported()).items():
            checkers[(login_type, tuple(fields))] = _pair(check_auth)
    check_password = getattr(provider, "check_password", None)
    if check_password is not None:
        checkers = {key: checker for key, checker in checkers.items() if key[0] != _PASSWORD}
        checkers[(_PASSWORD, ("password",))] = _password_checker(check_password, api)
    hooks: Dict[str, Any] = {"auth_checkers": checkers}
    check_3pid_auth = getattr(provider, "check_3pid_auth", None)
    if check_3pid_auth is not None:
        hooks["check_3pid_auth"] = _pair(check_3pid_auth)
    on_logged_out = getattr(provider, "on_logged_out", None)
    if on_logged_out is not None:
        hooks["on_logged_out"] = _patient(on_logged_out)
    # Not past the API: it knows which login types other modules check.
    api.register_password_auth_provider_callbacks(**hooks)
    return provider


def _pair(hook: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """A checker that may answer with the user alone, without a callback."""

    @functools.wraps(hook)
    async def check(*args: Any) -> Any:
        answer = await hook(*args)
        return (answer, None) if isinstance(answer, str) else answer

    return check


def _patient(hook: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """A hook that may answer at once."""

    @functools.wraps(hook)
    async def call(*args: Any) -> Any:
        answer = hook(*args)
        return await answer if inspect.isawaitable(answer) else answer

    return call


def _password_checker(hook: Callable[..., Any], api: Any) -> Callable[..., Awaitable[Any]]:
    """A checker that is asked about a user's full identifier and answers with a bool."""

    @functools.wraps(hook)
    async def check(username: str, login_type: str, login_dict: Dict[str, Any]) -> Any:
        user_id = api.get_qualified_user_id(username)
        return (user_id, None) if await hook(user_id, login_dict.get("password")) else None

    return check


def register_account_validity(instance: Any, api: Any) -> None:
    """Registers the methods of a module for account validity that registers nothing by itself.

    Such modules stand under ``modules:`` and are of before callbacks were registered: the server looked the methods up.
    """
    user_expired = getattr(instance, "user_expired", None)
    if not callable(user_expired):
        return
    hooks = {name: getattr(instance, name, None) for name in _VALIDITY_HOOKS}
    hooks["is_user_expired"] = _expiry_checker(user_expired)
    names = sorted(name for name, hook in hooks.items() if hook is not None)
    logger.info(
        "%s.%s is for the interface of before modules registered callbacks; registering its methods: %s",
        type(instance).__module__,
        type(instance).__qualname__,
        ", ".join(names),
    )
    api.register_account_validity_callbacks(**hooks)


def _expiry_checker(hook: Callable[..., Any]) -> Callable[..., Awaitable[Optional[bool]]]:
    """A hook that answers whether an account expired, and whether it knows."""

    @functools.wraps(hook)
    async def check(user_id: str) -> Optional[bool]:
        answer = hook(user_id)
        expired, known = await answer if inspect.isawaitable(answer) else answer
        return bool(expired) if known else None

    return check
