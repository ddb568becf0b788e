"""What callbacks return, as the server is told of it.

A module may return a dozen things for one decision, some of them wrong. They are judged here, where the Python types
still exist; the server receives one form per callback.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Set
from typing import Any, Callable, Dict, List, Optional, Sequence

logger = logging.getLogger("synapse.module_api.callbacks")

#: Makes the answer of a result. Parameters: the result, the arguments of the call, the registration, all registrations.
Normaliser = Callable[[Any, Sequence[Any], Any, Any], Any]

#: The answer that lets a thing happen; the dispatcher knows this very object and sends it without encoding.
ALLOW = "allow"


def _deny(errcode: str, fields: Optional[Mapping] = None, error: Optional[str] = None) -> Dict[str, Any]:
    deny: Dict[str, Any] = {"errcode": errcode, "fields": dict(fields) if fields else {}}
    if error is not None:
        deny["error"] = error
    return {"deny": deny}


def _codes() -> type:
    from synapse.api.errors import Codes

    return Codes


def _invalid(what: str, registration: Any, value: Any) -> Dict[str, Any]:
    """The answer to a result that is none."""
    logger.warning(
        "Module returned invalid value, rejecting %s as spam (%s returned %s)",
        what,
        registration.label,
        type(value).__name__,
    )
    return _deny("M_FORBIDDEN")


def _spam(
    what: str,
    when_true: Optional[str] = None,
    when_false: Optional[str] = None,
    fields: bool = True,
    drop_fields: bool = False,
    text: bool = False,
) -> Normaliser:
    """The table of the spam checker's answers.

    ``when_true`` and ``when_false``: what the deprecated booleans mean, where they mean something. ``fields``: a pair
    of a code and further fields is understood; ``drop_fields``: but the fields are dropped. ``text``: a string is the
    text of the error.
    """
    codes = _codes()
    booleans = {True: when_true, False: when_false}

    def normalise(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Any:
        if isinstance(value, str):
            if value == "NOT_SPAM" and not isinstance(value, codes):
                return ALLOW
            if isinstance(value, codes):
                return _deny(str(value.value))
            if text:
                return _deny("M_FORBIDDEN", error=value)
        elif value is True or value is False:
            verdict = booleans[value]
            if verdict is not None:
                return ALLOW if verdict == "allow" else _deny("M_FORBIDDEN")
        elif fields and isinstance(value, tuple) and len(value) == 2:
            code, more = value
            if isinstance(code, codes) and isinstance(more, Mapping):
                return _deny(str(code.value), None if drop_fields else more)
        return _invalid(what, registration, value)

    return normalise


def _user_may(what: str) -> Callable[[], Normaliser]:
    return lambda: _spam(what, when_true="allow", when_false="deny")


def _registration() -> Normaliser:
    from synapse.spam_checker_api import RegistrationBehaviour

    def normalise(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Any:
        assert isinstance(value, RegistrationBehaviour), (
            f"{registration.label} returned {type(value).__name__}, not a RegistrationBehaviour"
        )
        return value.value

    return normalise


def _truthy(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> bool:
    return bool(value)


def _not_false(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> bool:
    return value is not False


def _nothing(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> None:
    return None


def _as_is(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Any:
    return value


def _number(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{registration.label} returned {type(value).__name__}, not an int")
    return int(value)


def _event_allowed(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> List[Any]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(
            f"{registration.label} must return a pair of a bool and None or the event's replacement, "
            f"not {type(value).__name__}"
        )
    allowed, replacement = value
    verdict = None if allowed is None else allowed is not False
    return [verdict, replacement if isinstance(replacement, dict) else None]


def _created_room(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Dict[str, Any]:
    return {"request": args[1]}


def _optional_bool(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Optional[bool]:
    return None if value is None else bool(value)


def _users_for_states(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        logger.warning("Wrong type returned by module API callback %s: %s, expected Dict", registration.label, value)
        return {}
    answer: Dict[str, Any] = {}
    for user, states in value.items():
        if not isinstance(states, (set, frozenset)):
            logger.warning("Wrong type returned by module API callback %s: %s, expected Set", registration.label, value)
            break
        answer[user] = [state.as_dict() for state in states]
    return answer


def _interested_users(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Any:
    if isinstance(value, str) and value == "ALL":
        return "ALL"
    if not isinstance(value, Set):
        logger.warning("Wrong type returned by module API callback %s: %s, expected Set", registration.label, value)
        return []
    return list(value)


def _authenticated(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Optional[Dict[str, Any]]:
    """The answer of a password checker. Its values are never logged: they belong to somebody's login."""
    if value is None:
        return None
    problem = None
    if not isinstance(value, tuple) or len(value) != 2:
        problem = f"a {type(value).__name__}, not a pair"
    elif not isinstance(value[0], str):
        problem = f"a pair that starts with a {type(value[0]).__name__}, not the user's identifier"
    elif value[1] is not None and not callable(value[1]):
        problem = f"a pair that ends with a {type(value[1]).__name__}, neither None nor callable"
    if problem is not None:
        logger.warning("Wrong type returned by module API callback %s: %s", registration.label, problem)
        return None
    user_id, callback = value
    number = None
    if callback is not None:
        number = registrations.add_single("login_callback", callback, registration.item)
    return {"user_id": user_id, "callback": number}


def _login_response(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Any:
    return args[0]


def _threepid_allowed(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> bool:
    if not isinstance(value, bool):
        logger.warning(
            "Wrong type returned by module API callback %s: %s, expected bool",
            registration.label,
            type(value).__name__,
        )
        return True
    return value


def _optional_text(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Optional[str]:
    if value is None or isinstance(value, str):
        return value
    logger.warning(
        "Wrong type returned by module API callback %s: %s, expected str", registration.label, type(value).__name__
    )
    return None


def _renewal(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> List[Any]:
    valid, stale, expiration = value
    return [bool(valid), bool(stale), int(expiration)]


def _media_config(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Any:
    return value or None


def _upload_limits(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Any:
    if value is None:
        return None
    names = ("max_bytes", "time_period_ms", "info_uri", "can_upgrade")
    return [{name: getattr(limit, name, None) for name in names} for limit in value]


def _ratelimit(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Any:
    if not value:
        return None
    return {"per_second": value.per_second, "burst_count": value.burst_count}


def _extra_fields(value: Any, args: Sequence[Any], registration: Any, registrations: Any) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(f"{registration.label} returned {type(value).__name__}, not a dict")
    return value


def _once(normaliser: Normaliser) -> Callable[[], Normaliser]:
    return lambda: normaliser


_NORMALISERS: Dict[str, Callable[[], Normaliser]] = {
    # Spam checker
    "check_event_for_spam": lambda: _spam("event", when_true="deny", when_false="allow", text=True),
    "should_drop_federated_event": _once(_truthy),
    "user_may_join_room": _user_may("room join"),
    "user_may_invite": _user_may("invite"),
    "federated_user_may_invite": _user_may("federated invite"),
    "user_may_send_3pid_invite": _user_may("3pid invite"),
    "user_may_create_room": _user_may("room creation"),
    "user_may_create_room_alias": _user_may("room create"),
    "user_may_publish_room": _user_may("room publication"),
    "user_may_send_state_event": lambda: _spam("state event", fields=False),
    "check_username_for_spam": _once(_truthy),
    "check_registration_for_spam": _registration,
    "check_media_file_for_spam": lambda: _spam("media file", "deny", "allow", drop_fields=True),
    "check_login_for_spam": lambda: _spam("login"),
    # Third-party rules
    "check_event_allowed": _once(_event_allowed),
    "on_create_room": _once(_created_room),
    "check_threepid_can_be_invited": _once(_not_false),
    "check_visibility_can_be_modified": _once(_not_false),
    "on_new_event": _once(_nothing),
    "check_can_shutdown_room": _once(_not_false),
    "check_can_deactivate_user": _once(_not_false),
    "on_profile_update": _once(_nothing),
    "on_user_deactivation_status_changed": _once(_nothing),
    "on_add_user_third_party_identifier": _once(_nothing),
    "on_threepid_bind": _once(_nothing),
    "on_remove_user_third_party_identifier": _once(_nothing),
    # Presence
    "get_users_for_states": _once(_users_for_states),
    "get_interested_users": _once(_interested_users),
    # Account validity
    "is_user_expired": _once(_optional_bool),
    "on_user_registration": _once(_nothing),
    "on_user_login": _once(_nothing),
    "on_legacy_send_mail": _once(_nothing),
    "on_legacy_renew": _once(_renewal),
    "on_legacy_admin_request": _once(_number),
    # Password providers
    "auth_checkers": _once(_authenticated),
    "check_3pid_auth": _once(_authenticated),
    "login_callback": _once(_login_response),
    "on_logged_out": _once(_nothing),
    "is_3pid_allowed": _once(_threepid_allowed),
    "get_username_for_registration": _once(_optional_text),
    "get_displayname_for_registration": _once(_optional_text),
    # The rest
    "on_account_data_updated": _once(_nothing),
    "default_batch_size": _once(_number),
    "min_batch_size": _once(_number),
    "background_update_exit": _once(_nothing),
    "get_media_config_for_user": _once(_media_config),
    "is_user_allowed_to_upload_media_of_size": _once(_truthy),
    "get_media_upload_limits_for_user": _once(_upload_limits),
    "on_media_upload_limit_exceeded": _once(_nothing),
    "get_ratelimit_override_for_user": _once(_ratelimit),
    "add_field_to_unsigned_callback": _once(_extra_fields),
    "on_event_delivered_over_federation": _once(_nothing),
}


def normaliser_of(name: str) -> Normaliser:
    """What makes the answer of a callback's result; any other result is sent as it is."""
    make = _NORMALISERS.get(name)
    return _as_is if make is None else make()
