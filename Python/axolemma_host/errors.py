"""Exceptions as objects on the wire, and back."""

from __future__ import annotations

import logging
import traceback
from typing import Any, Dict, List, Optional

from twisted.python.failure import Failure

logger = logging.getLogger(__name__)

#: How much of a traceback or message is sent.
LONGEST_TEXT = 64 * 1024


class Unregistered(Exception):
    """The callback asked for is not known here (any more)."""


def _text(value: Any) -> str:
    """``value`` as a string that JSON and UTF-8 can carry."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def describe(error: BaseException) -> str:
    """What an exception says, or its type where it says nothing."""
    try:
        return str(error) or type(error).__name__
    except BaseException:
        return type(error).__name__


def format_traceback(error: BaseException, failure: Optional[Failure] = None) -> str:
    """The traceback of an exception, of a bounded length."""
    try:
        if failure is not None and error.__traceback__ is None:
            text = failure.getTraceback()
        else:
            text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except BaseException:
        text = f"{type(error).__name__} (its traceback cannot be shown)"
    return text if len(text) <= LONGEST_TEXT else text[:1024] + "\n…\n" + text[-LONGEST_TEXT:]


def _header_pairs(headers: Any) -> List[List[str]]:
    """The headers of an error as pairs; values may be lists."""
    pairs: List[List[str]] = []
    for name, value in dict(headers or {}).items():
        for single in value if isinstance(value, (list, tuple)) else (value,):
            pairs.append([_text(name), _text(single)])
    return pairs


def _matrix_error(error: Any, config: Any) -> Dict[str, Any]:
    """The object for a SynapseError, with the body that the error itself composes."""
    body = error.error_dict(config)
    result = {"kind": "matrix", "status": int(error.code), "body": dict(body)}
    headers = _header_pairs(getattr(error, "headers", None))
    if headers:
        result["headers"] = headers
    return result


def error_from_exception(error: BaseException, config: Any = None, failure: Optional[Failure] = None) -> Dict[str, Any]:
    """What the server is told of an exception that a module raised."""
    from synapse.api.errors import SynapseError

    if isinstance(error, Unregistered):
        return {"kind": "unregistered"}
    try:
        if isinstance(error, SynapseError):
            return _matrix_error(error, config)
    except BaseException as second:
        # The error's own error_dict() failed, or its status is no number: that is what happened, then.
        second.__cause__ = error
        error = second
    return plain_error(error, failure)


def plain_error(error: BaseException, failure: Optional[Failure] = None) -> Dict[str, Any]:
    """The object for any exception, with its traceback."""
    return {
        "kind": "exception",
        "type": type(error).__name__,
        "message": describe(error)[:LONGEST_TEXT],
        "traceback": format_traceback(error, failure),
    }


def _synapse_error(error: Dict[str, Any]) -> Exception:
    """The SynapseError, of the class modules catch, for an error of the server."""
    from synapse.api import errors

    body = dict(error.get("body") or {})
    status = int(error.get("status", 500))
    errcode = body.pop("errcode", errors.Codes.UNKNOWN)
    message = body.pop("error", "")
    headers = {name: value for name, value in error.get("headers") or ()} or None
    name = error.get("type") or _CLASSES.get((status, errcode))
    kind = getattr(errors, name, None) if name else None
    if not (isinstance(kind, type) and issubclass(kind, errors.SynapseError)):
        kind = errors.SynapseError
    try:
        errcode = errors.Codes(errcode)
    except ValueError:
        pass
    made = kind.__new__(kind)
    errors.SynapseError.__init__(made, status, message, errcode, body or None, headers)
    if kind is errors.InvalidClientTokenError:
        made._soft_logout = bool(body.get("soft_logout"))  # type: ignore[attr-defined]
    return made


#: Which subclass of SynapseError stands for which answer.
_CLASSES = {
    (401, "M_MISSING_TOKEN"): "MissingClientTokenError",
    (401, "M_UNKNOWN_TOKEN"): "InvalidClientTokenError",
    (403, "M_FORBIDDEN"): "AuthError",
    (403, "ORG_MATRIX_EXPIRED_ACCOUNT"): "AuthError",
    (403, "M_GUEST_ACCESS_FORBIDDEN"): "AuthError",
    (404, "M_NOT_FOUND"): "NotFoundError",
}


def _named_exception(name: str, message: str) -> Exception:
    """The exception of the class that the server names; RuntimeError for any it may not name."""
    plain: Dict[str, Any] = {
        "RuntimeError": RuntimeError,
        "ValueError": ValueError,
        "TypeError": TypeError,
        "NotImplementedError": NotImplementedError,
        "AssertionError": AssertionError,
        "KeyError": KeyError,
        "Exception": Exception,
    }
    kind = plain.get(name)
    if kind is not None:
        return kind(message)
    if name in ("RuleNotFoundException", "InvalidRuleException"):
        from synapse.module_api import errors

        return getattr(errors, name)(message)
    if name == "ShadowBanError":
        from synapse.api.errors import ShadowBanError

        return ShadowBanError()
    if name == "ExternalIDReuseException":
        from synapse.storage.databases.main.registration import ExternalIDReuseException

        return ExternalIDReuseException(message)
    return RuntimeError(message)


def exception_from_error(error: Any) -> Exception:
    """The exception that a module sees for an error object of the server."""
    if not isinstance(error, dict):
        return RuntimeError("The server failed without saying why")
    kind = error.get("kind")
    try:
        if kind == "matrix":
            return _synapse_error(error)
        if kind == "redirect":
            from synapse.api.errors import RedirectException

            made = RedirectException(str(error["location"]).encode("utf-8"), int(error.get("status", 302)))
            made.cookies.extend(cookie.encode("utf-8") for cookie in error.get("cookies") or ())
            return made
        return _named_exception(str(error.get("type", "")), str(error.get("message", "")))
    except Exception:
        logger.exception("An error of the server could not be made an exception")
        return RuntimeError(str(error.get("message") or error))
