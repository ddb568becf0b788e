"""The exceptions that become error responses, and those that the module API raises."""

from __future__ import annotations

import json
import math
import typing
from http import HTTPStatus
from typing import Any, Dict, List, Optional

from synapse._missing import found_in, missing_names
from synapse.api._codes import Codes

JsonDict = Dict[str, Any]


def cs_error(msg: str, code: str = Codes.UNKNOWN, **fields: Any) -> JsonDict:
    """The body of an error response of the client-server API."""
    body: JsonDict = {"error": msg, "errcode": code}
    body.update(fields)
    return body


class CodeMessageException(RuntimeError):
    """An error with an HTTP status and a text."""

    def __init__(self, code: typing.Union[int, HTTPStatus], msg: str, headers: Optional[Dict[str, str]] = None):
        super().__init__("%d: %s" % (code, msg))
        self.code = int(code)
        self.msg = msg
        self.headers = headers


class RedirectException(CodeMessageException):
    """Answers the request with a redirect."""

    def __init__(self, location: bytes, http_code: int = HTTPStatus.FOUND):
        super().__init__(http_code, "Redirect to %s" % (location.decode(),))
        self.location = location
        self.cookies: List[bytes] = []


class SynapseError(CodeMessageException):
    """An error that reaches the client as it is: status, `errcode`, text, further fields and headers."""

    def __init__(
        self,
        code: typing.Union[int, HTTPStatus],
        msg: str,
        errcode: str = Codes.UNKNOWN,
        additional_fields: Optional[Dict[str, Any]] = None,
        headers: Optional[Dict[str, str]] = None,
    ):
        super().__init__(code, msg, headers)
        self.errcode = errcode
        self._additional_fields: Dict[str, Any] = {} if additional_fields is None else dict(additional_fields)

    def error_dict(self, config: Any) -> JsonDict:
        """The JSON body of the response."""
        return cs_error(self.msg, self.errcode, **self._additional_fields)

    @property
    def debug_context(self) -> Optional[str]:
        """More about the error for the log, never for the client."""
        return None


class InvalidAPICallError(SynapseError):
    """The server cannot make sense of the request's contents."""

    def __init__(self, msg: str):
        super().__init__(HTTPStatus.BAD_REQUEST, msg, Codes.BAD_JSON)


class InvalidProxyCredentialsError(SynapseError):
    """A proxied request came without the right credentials."""

    def __init__(self, msg: str, errcode: str = Codes.UNKNOWN):
        super().__init__(HTTPStatus.UNAUTHORIZED, msg, errcode)


class ProxiedRequestError(SynapseError):
    """An error that another server answered, passed on."""

    def __init__(
        self, code: int, msg: str, errcode: str = Codes.UNKNOWN, additional_fields: Optional[Dict[str, Any]] = None
    ):
        super().__init__(code, msg, errcode, additional_fields)


class ConsentNotGivenError(SynapseError):
    """The user has yet to agree to the server's terms."""

    def __init__(self, msg: str, consent_uri: str):
        super().__init__(HTTPStatus.FORBIDDEN, msg, Codes.CONSENT_NOT_GIVEN)
        self._consent_uri = consent_uri

    def error_dict(self, config: Any) -> JsonDict:
        """The body, with the address of the terms."""
        return cs_error(self.msg, self.errcode, consent_uri=self._consent_uri)


class UserDeactivatedError(SynapseError):
    """The account was deactivated."""

    def __init__(self, msg: str):
        super().__init__(HTTPStatus.FORBIDDEN, msg, Codes.USER_DEACTIVATED)


class UserLockedError(SynapseError):
    """The account is locked."""

    def __init__(self) -> None:
        super().__init__(
            HTTPStatus.UNAUTHORIZED, "User account has been locked", Codes.USER_LOCKED, {"soft_logout": True}
        )


class FederationDeniedError(SynapseError):
    """This server does not federate with the other one."""

    def __init__(self, destination: Optional[str]):
        self.destination = destination
        super().__init__(HTTPStatus.FORBIDDEN, "Federation denied with %s." % (destination,), Codes.FORBIDDEN)


class InteractiveAuthIncompleteError(Exception):
    """User-interactive authentication has stages left; `result` is the body of the answer."""

    def __init__(self, session_id: str, result: JsonDict):
        super().__init__("Interactive auth not yet complete")
        self.session_id = session_id
        self.result = result


class UnrecognizedRequestError(SynapseError):
    """There is no such endpoint, or not with this method."""

    def __init__(self, msg: str = "Unrecognized request", code: int = HTTPStatus.BAD_REQUEST):
        super().__init__(code, msg, Codes.UNRECOGNIZED)


class NotFoundError(SynapseError):
    """What was asked for does not exist."""

    def __init__(self, msg: str = "Not found", errcode: str = Codes.NOT_FOUND):
        super().__init__(HTTPStatus.NOT_FOUND, msg, errcode)


class AuthError(SynapseError):
    """The request is not permitted."""

    def __init__(
        self, code: int, msg: str, errcode: str = Codes.FORBIDDEN, additional_fields: Optional[Dict[str, Any]] = None
    ):
        super().__init__(code, msg, errcode, additional_fields)


class OAuthInsufficientScopeError(SynapseError):
    """The token lacks a scope."""

    def __init__(self, required_scopes: List[str]):
        headers = {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="%s"' % (" ".join(required_scopes))}
        super().__init__(401, "Insufficient scope", Codes.FORBIDDEN, None, headers)


class UnstableSpecAuthError(AuthError):
    """An `AuthError` whose more exact code is of an unstable part of the specification."""

    def __init__(
        self,
        code: int,
        msg: str,
        errcode: str,
        previous_errcode: str = Codes.FORBIDDEN,
        additional_fields: Optional[Dict[str, Any]] = None,
    ):
        self.previous_errcode = previous_errcode
        super().__init__(code, msg, errcode, additional_fields)

    def error_dict(self, config: Any) -> JsonDict:
        """The body, with the code that clients know."""
        return cs_error(self.msg, self.previous_errcode, **self._additional_fields)


class InvalidClientCredentialsError(SynapseError):
    """The request's credentials are not acceptable."""

    def __init__(self, msg: str, errcode: str):
        super().__init__(HTTPStatus.UNAUTHORIZED, msg, errcode)


class MissingClientTokenError(InvalidClientCredentialsError):
    """The request has no access token."""

    def __init__(self, msg: str = "Missing access token"):
        super().__init__(msg=msg, errcode="M_MISSING_TOKEN")


class InvalidClientTokenError(InvalidClientCredentialsError):
    """The request's access token is unknown."""

    def __init__(self, msg: str = "Unrecognised access token", soft_logout: bool = False):
        super().__init__(msg=msg, errcode="M_UNKNOWN_TOKEN")
        self._soft_logout = soft_logout

    def error_dict(self, config: Any) -> JsonDict:
        """The body, with `soft_logout`."""
        body = super().error_dict(config)
        body["soft_logout"] = self._soft_logout
        return body


class ResourceLimitError(SynapseError):
    """The server has reached a limit its operator set."""

    def __init__(
        self,
        code: int,
        msg: str,
        errcode: str = Codes.RESOURCE_LIMIT_EXCEEDED,
        admin_contact: Optional[str] = None,
        limit_type: Optional[str] = None,
    ):
        self.admin_contact = admin_contact
        self.limit_type = limit_type
        super().__init__(code, msg, errcode)

    def error_dict(self, config: Any) -> JsonDict:
        """The body, with whom to ask and which limit it is."""
        return cs_error(self.msg, self.errcode, admin_contact=self.admin_contact, limit_type=self.limit_type)


class EventSizeError(SynapseError):
    """An event is larger than the protocol permits."""

    def __init__(self, msg: str, unpersistable: bool):
        super().__init__(413, msg, Codes.TOO_LARGE)
        self.unpersistable = unpersistable


class LoginError(SynapseError):
    """A login failed."""


class StoreError(SynapseError):
    """The storage could not do what was asked, for instance because a row is missing."""


class InvalidCaptchaError(SynapseError):
    """The captcha was not solved."""

    def __init__(
        self,
        code: int = 400,
        msg: str = "Invalid captcha.",
        error_url: Optional[str] = None,
        errcode: str = Codes.CAPTCHA_INVALID,
    ):
        super().__init__(code, msg, errcode)
        self.error_url = error_url

    def error_dict(self, config: Any) -> JsonDict:
        """The body, with the address that explains the failure."""
        return cs_error(self.msg, self.errcode, error_url=self.error_url)


class LimitExceededError(SynapseError):
    """A client asked too often."""

    def __init__(
        self,
        limiter_name: str,
        code: int = 429,
        retry_after_ms: Optional[int] = None,
        errcode: str = Codes.LIMIT_EXCEEDED,
        pause: Optional[float] = None,
    ):
        headers = None
        if retry_after_ms is not None:
            headers = {"Retry-After": str(math.ceil(retry_after_ms / 1000))}
        super().__init__(code, "Too Many Requests", errcode, headers=headers)
        self.retry_after_ms = retry_after_ms
        self.limiter_name = limiter_name
        self.pause = pause

    def error_dict(self, config: Any) -> JsonDict:
        """The body, with how long to wait."""
        return cs_error(self.msg, self.errcode, retry_after_ms=self.retry_after_ms)

    @property
    def debug_context(self) -> Optional[str]:
        """The name of the limiter."""
        return self.limiter_name


class RoomKeysVersionError(SynapseError):
    """The backup's version is not the one the client thinks."""

    def __init__(self, current_version: str):
        super().__init__(403, "Wrong room_keys version", Codes.WRONG_ROOM_KEYS_VERSION)
        self.current_version = current_version

    def error_dict(self, config: Any) -> JsonDict:
        """The body, with the current version."""
        return cs_error(self.msg, self.errcode, current_version=self.current_version)


class UnsupportedRoomVersionError(SynapseError):
    """This server does not know the room's version."""

    def __init__(self, msg: str = "Homeserver does not support this room version"):
        super().__init__(code=HTTPStatus.BAD_REQUEST, msg=msg, errcode=Codes.UNSUPPORTED_ROOM_VERSION)


class IncompatibleRoomVersionError(SynapseError):
    """The other server does not know the room's version."""

    def __init__(self, room_version: str):
        super().__init__(
            code=HTTPStatus.BAD_REQUEST,
            msg="Your homeserver does not support the features required to interact with this room",
            errcode=Codes.INCOMPATIBLE_ROOM_VERSION,
        )
        self._room_version = room_version

    def error_dict(self, config: Any) -> JsonDict:
        """The body, with the room's version."""
        return cs_error(self.msg, self.errcode, room_version=self._room_version)


class ThreepidValidationError(SynapseError):
    """A third-party identifier could not be validated."""

    def __init__(self, msg: str, errcode: str = Codes.FORBIDDEN):
        super().__init__(400, msg, errcode)


class PasswordRefusedError(SynapseError):
    """The password does not meet the policy."""

    def __init__(
        self,
        msg: str = "This password doesn't comply with the server's policy",
        errcode: str = Codes.WEAK_PASSWORD,
    ):
        super().__init__(code=HTTPStatus.BAD_REQUEST, msg=msg, errcode=errcode)


class NotApprovedError(SynapseError):
    """The account awaits an administrator's approval."""

    def __init__(self, msg: str, approval_notice_medium: str):
        super().__init__(
            code=403,
            msg=msg,
            errcode=Codes.USER_AWAITING_APPROVAL,
            additional_fields={"approval_notice_medium": approval_notice_medium},
        )


class RequestSendFailed(RuntimeError):
    """A request could not be sent to another server, or no answer came."""

    def __init__(self, inner_exception: BaseException, can_retry: bool):
        super().__init__("Failed to send request: %s: %s" % (type(inner_exception).__name__, inner_exception))
        self.inner_exception = inner_exception
        self.can_retry = can_retry


class HttpResponseException(CodeMessageException):
    """Another server answered with an error; `response` is the body of its answer."""

    def __init__(self, code: int, msg: str, response: bytes):
        super().__init__(code, msg)
        self.response = response

    def to_synapse_error(self) -> SynapseError:
        """The error as one that can be passed on to the client."""
        try:
            fields = json.loads(self.response)
        except ValueError:
            fields = {}
        if not isinstance(fields, dict):
            fields = {}
        errcode = fields.pop("errcode", Codes.UNKNOWN)
        text = fields.pop("error", self.msg)
        return ProxiedRequestError(self.code, text, errcode, fields)


class ShadowBanError(Exception):
    """What was asked must only seem to have been done, since the user is shadow-banned."""


class ModuleFailedException(Exception):
    """A module raised, or answered something that cannot be used."""


_LATE = found_in("synapse.module_api.errors", "ConfigError", "InvalidRuleException", "RuleNotFoundException")
__getattr__ = missing_names(__name__, _LATE)
