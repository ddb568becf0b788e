"""Errors, codes, configuration values."""

from __future__ import annotations

import json

import pytest

from synapse.api import constants
from synapse.api.errors import (
    AuthError,
    CodeMessageException,
    Codes,
    HttpResponseException,
    InvalidClientCredentialsError,
    InvalidClientTokenError,
    LimitExceededError,
    LoginError,
    MissingClientTokenError,
    NotFoundError,
    RedirectException,
    RequestSendFailed,
    StoreError,
    SynapseError,
    UnrecognizedRequestError,
    UserLockedError,
)
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS, RoomVersions
from synapse.config import ConfigError
from synapse.config._base import Config
from synapse.module_api import errors as module_errors

#: Codes that are `M_` and their name, as the contract lists them.
REGULAR = """UNRECOGNIZED UNAUTHORIZED FORBIDDEN BAD_JSON NOT_JSON USER_IN_USE ROOM_IN_USE BAD_PAGINATION BAD_STATE
UNKNOWN NOT_FOUND MISSING_TOKEN UNKNOWN_TOKEN GUEST_ACCESS_FORBIDDEN LIMIT_EXCEEDED CAPTCHA_NEEDED CAPTCHA_INVALID
MISSING_PARAM INVALID_PARAM TOO_LARGE EXCLUSIVE THREEPID_AUTH_FAILED THREEPID_IN_USE THREEPID_NOT_FOUND
THREEPID_DENIED INVALID_USERNAME THREEPID_MEDIUM_NOT_SUPPORTED SERVER_NOT_TRUSTED CONSENT_NOT_GIVEN
CANNOT_LEAVE_SERVER_NOTICE_ROOM RESOURCE_LIMIT_EXCEEDED UNSUPPORTED_ROOM_VERSION INCOMPATIBLE_ROOM_VERSION
WRONG_ROOM_KEYS_VERSION PASSWORD_TOO_SHORT PASSWORD_NO_DIGIT PASSWORD_NO_UPPERCASE PASSWORD_NO_LOWERCASE
PASSWORD_NO_SYMBOL PASSWORD_IN_DICTIONARY WEAK_PASSWORD INVALID_SIGNATURE USER_DEACTIVATED USER_LOCKED
NOT_YET_UPLOADED CANNOT_OVERWRITE_MEDIA BAD_ALIAS DUPLICATE_ANNOTATION UNKNOWN_POS PROFILE_TOO_LARGE KEY_TOO_LARGE
INVITE_BLOCKED APPSERVICE_LOGIN_UNSUPPORTED UNKNOWN_DEVICE USER_LIMIT_EXCEEDED""".split()

IRREGULAR = {
    "EXPIRED_ACCOUNT": "ORG_MATRIX_EXPIRED_ACCOUNT",
    "USER_ACCOUNT_SUSPENDED": "M_USER_SUSPENDED",
    "UNABLE_AUTHORISE_JOIN": "M_UNABLE_TO_AUTHORISE_JOIN",
    "UNABLE_TO_GRANT_JOIN": "M_UNABLE_TO_GRANT_JOIN",
    "ALREADY_JOINED": "ORG.MATRIX.MSC3848.ALREADY_JOINED",
    "NOT_JOINED": "ORG.MATRIX.MSC3848.NOT_JOINED",
    "INSUFFICIENT_POWER": "ORG.MATRIX.MSC3848.INSUFFICIENT_POWER",
    "UNREDACTED_CONTENT_DELETED": "FI.MAU.MSC2815_UNREDACTED_CONTENT_DELETED",
    "UNABLE_DUE_TO_PARTIAL_STATE": "ORG.MATRIX.MSC3895_UNABLE_DUE_TO_PARTIAL_STATE",
    "USER_AWAITING_APPROVAL": "ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL",
    "AS_PING_URL_NOT_SET": "M_URL_NOT_SET",
    "AS_PING_BAD_STATUS": "M_BAD_STATUS",
    "AS_PING_CONNECTION_TIMEOUT": "M_CONNECTION_TIMEOUT",
    "AS_PING_CONNECTION_FAILED": "M_CONNECTION_FAILED",
    "AS_FEDPROXY_NO_PROXY_PREFIX": "IO.ELEMENT.MSC4512.M_FEDPROXY_NO_PROXY_PREFIX",
    "AS_FEDPROXY_PATH_NOT_ALLOWED": "IO.ELEMENT.MSC4512.M_FEDPROXY_PATH_NOT_ALLOWED",
    "AS_FEDPROXY_CONNECTION_FAILED": "IO.ELEMENT.MSC4512.M_FEDPROXY_CONNECTION_FAILED",
    "AS_FEDPROXY_DESTINATION_DENIED": "IO.ELEMENT.MSC4512.M_FEDPROXY_DESTINATION_DENIED",
    "DELAY_TOO_LARGE": "ORG.MATRIX.MSC4140_DELAY_TOO_LARGE",
    "MSC4306_CONFLICTING_UNSUBSCRIPTION": "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION",
    "MSC4306_NOT_IN_THREAD": "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD",
}


def test_codes():
    assert {code.name: code.value for code in Codes} == {**{name: "M_" + name for name in REGULAR}, **IRREGULAR}
    assert Codes("M_FORBIDDEN") is Codes.FORBIDDEN
    with pytest.raises(ValueError):
        Codes("M_NONSENSE")
    assert Codes.FORBIDDEN == "M_FORBIDDEN"
    assert hash(Codes.FORBIDDEN) == hash("M_FORBIDDEN")
    assert json.dumps(Codes.FORBIDDEN) == '"M_FORBIDDEN"'


def test_synapse_errors():
    error = SynapseError(403, "m", Codes.FORBIDDEN, {"x": 1}, {"H": "v"})
    assert (error.code, error.msg, error.errcode, error.headers) == (403, "m", Codes.FORBIDDEN, {"H": "v"})
    assert str(error) == "403: m"
    assert error.error_dict(None) == {"error": "m", "errcode": "M_FORBIDDEN", "x": 1}
    assert SynapseError(400, "m").errcode == Codes.UNKNOWN
    assert isinstance(error, CodeMessageException)
    assert isinstance(error, RuntimeError)


@pytest.mark.parametrize(
    "error, code, body",
    [
        (AuthError(403, "m"), 403, {"error": "m", "errcode": "M_FORBIDDEN"}),
        (NotFoundError(), 404, {"error": "Not found", "errcode": "M_NOT_FOUND"}),
        (StoreError(404, "x"), 404, {"error": "x", "errcode": "M_UNKNOWN"}),
        (LoginError(403, "x"), 403, {"error": "x", "errcode": "M_UNKNOWN"}),
        (MissingClientTokenError(), 401, {"error": "Missing access token", "errcode": "M_MISSING_TOKEN"}),
        (
            InvalidClientTokenError(),
            401,
            {"error": "Unrecognised access token", "errcode": "M_UNKNOWN_TOKEN", "soft_logout": False},
        ),
        (UnrecognizedRequestError(), 400, {"error": "Unrecognized request", "errcode": "M_UNRECOGNIZED"}),
        (
            LimitExceededError("limiter", retry_after_ms=2500),
            429,
            {"error": "Too Many Requests", "errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2500},
        ),
        (
            UserLockedError(),
            401,
            {"error": "User account has been locked", "errcode": "M_USER_LOCKED", "soft_logout": True},
        ),
    ],
)
def test_subclasses(error, code, body):
    assert error.code == code
    assert error.error_dict(None) == body


def test_token_errors_are_credential_errors():
    assert issubclass(MissingClientTokenError, InvalidClientCredentialsError)
    assert issubclass(InvalidClientTokenError, InvalidClientCredentialsError)
    assert LimitExceededError("x", retry_after_ms=2500).headers == {"Retry-After": "3"}


def test_answers_of_other_servers_can_be_passed_on():
    error = HttpResponseException(404, "NF", b'{"errcode":"M_NOT_FOUND","error":"zz","k":1}')
    assert (error.code, error.msg) == (404, "NF")
    passed_on = error.to_synapse_error()
    assert passed_on.code == 404
    assert passed_on.error_dict(None) == {"error": "zz", "errcode": "M_NOT_FOUND", "k": 1}
    for garbage in (b"garbage", b"[1]", b""):
        passed_on = HttpResponseException(502, "NF", garbage).to_synapse_error()
        assert passed_on.error_dict(None) == {"error": "NF", "errcode": "M_UNKNOWN"}


def test_other_errors():
    redirect = RedirectException(b"https://x/")
    assert (redirect.code, redirect.location, redirect.cookies) == (302, b"https://x/", [])
    cause = ValueError("x")
    failed = RequestSendFailed(cause, can_retry=True)
    assert str(failed) == "Failed to send request: ValueError: x"
    assert failed.inner_exception is cause


def test_configuration_errors():
    assert (ConfigError("m").msg, ConfigError("m").path, str(ConfigError("m"))) == ("m", None, "m")
    error = ConfigError("m", ["a", "b"])
    assert (str(error), error.path) == ("m", ["a", "b"])


def test_errors_of_the_module_api():
    assert set(module_errors.__all__) == {
        "Codes",
        "InvalidClientCredentialsError",
        "RedirectException",
        "SynapseError",
        "ConfigError",
        "InvalidRuleException",
        "RuleNotFoundException",
    }
    assert module_errors.ConfigError is ConfigError
    assert not issubclass(module_errors.InvalidRuleException, SynapseError)


@pytest.mark.parametrize(
    "text, value",
    [(5, 5), ("5", 5), ("10s", 10_000), ("3m", 180_000), ("1h", 3_600_000), ("5d", 432_000_000), ("2w", 1_209_600_000)]
    + [("1y", 31_536_000_000), ("5 d", 432_000_000), ("-1", -1)],
)
def test_durations(text, value):
    assert Config.parse_duration(text) == value


@pytest.mark.parametrize(
    "text, value", [(5, 5), ("5", 5), ("1K", 1024), ("10M", 10485760), ("3G", 3 << 30), ("2T", 2 << 40)]
)
def test_sizes(text, value):
    assert Config.parse_size(text) == value


@pytest.mark.parametrize("text, error", [("x", TypeError), ("100ms", ValueError), (None, TypeError), (True, TypeError)])
def test_malformed_durations(text, error):
    with pytest.raises(error):
        Config.parse_duration(text)


def test_malformed_sizes():
    for text in ("1m", "x", "10MB"):
        with pytest.raises(ValueError):
            Config.parse_size(text)


def test_room_versions():
    assert list(KNOWN_ROOM_VERSIONS) == [str(number) for number in range(1, 13)]
    assert KNOWN_ROOM_VERSIONS["10"] is RoomVersions.V10
    assert RoomVersions.V10.identifier == "10"
    assert [version.event_format for version in KNOWN_ROOM_VERSIONS.values()] == [1, 1, 2] + [3] * 8 + [4]
    assert [version.state_res for version in KNOWN_ROOM_VERSIONS.values()] == [1] + [2] * 10 + [3]
    assert not RoomVersions.V10.implicit_room_creator
    assert RoomVersions.V11.implicit_room_creator
    assert not RoomVersions.V9.knock_restricted_join_rule
    assert RoomVersions.V10.knock_restricted_join_rule


@pytest.mark.parametrize(
    "name, value",
    [
        ("EventTypes.Member", "m.room.member"),
        ("EventTypes.ServerACL", "m.room.server_acl"),
        ("EventTypes.Retention", "m.room.retention"),
        ("Membership.KNOCK", "knock"),
        ("JoinRules.KNOCK_RESTRICTED", "knock_restricted"),
        ("HistoryVisibility.WORLD_READABLE", "world_readable"),
        ("GuestAccess.CAN_JOIN", "can_join"),
        ("RoomCreationPreset.TRUSTED_PRIVATE_CHAT", "trusted_private_chat"),
        ("EventContentFields.ROOM_TYPE", "type"),
        ("AccountDataTypes.IGNORED_USER_LIST", "m.ignored_user_list"),
        ("RoomTypes.SPACE", "m.space"),
        ("EduTypes.RECEIPT", "m.receipt"),
        ("ReceiptTypes.READ_PRIVATE", "m.read.private"),
        ("LoginType.EMAIL_IDENTITY", "m.login.email.identity"),
        ("UserTypes.BOT", "bot"),
        ("PresenceState.BUSY", "org.matrix.msc3026.busy"),
        ("ProfileFields.DISPLAYNAME", "displayname"),
    ],
)
def test_constants(name, value):
    group, member = name.split(".")
    assert getattr(getattr(constants, group), member) == value


def test_more_constants():
    assert constants.Direction.BACKWARDS.value == "b"
    assert constants.Membership.LIST == {"invite", "join", "knock", "leave", "ban"}
    assert constants.MAX_USERID_LENGTH == 255
