"""Answers to requests."""

from __future__ import annotations

import html
import logging
from http import HTTPStatus
from typing import Any, Optional, Tuple, Union

from twisted.internet import defer
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request

from synapse.api.errors import CodeMessageException, Codes, RedirectException, SynapseError
from synapse.util._json import encode_canonical_json, encode_json

logger = logging.getLogger(__name__)

HTML_ERROR_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Error {code}</title>
  </head>
  <body>
    <p>{msg}</p>
  </body>
</html>
"""

_INTERNAL_ERROR = "Internal server error"


def set_cors_headers(request: Request) -> None:
    """Lets browsers' scripts of any site read the answer."""
    request.setHeader(b"Access-Control-Allow-Origin", b"*")
    request.setHeader(b"Access-Control-Allow-Methods", b"GET, HEAD, POST, PUT, DELETE, OPTIONS")
    request.setHeader(b"Access-Control-Allow-Headers", b"X-Requested-With, Content-Type, Authorization, Date")
    request.setHeader(b"Access-Control-Expose-Headers", b"Synapse-Trace-Id, Server")


def set_corp_headers(request: Request) -> None:
    """Lets other sites embed the answer."""
    request.setHeader(b"Cross-Origin-Resource-Policy", b"cross-origin")


def set_clickjacking_protection_headers(request: Request) -> None:
    """Keeps the page out of other sites' frames."""
    request.setHeader(b"X-Frame-Options", b"DENY")
    request.setHeader(b"Content-Security-Policy", b"frame-ancestors 'none';")


def _gone(request: Request) -> bool:
    """Whether nobody waits for the answer any more."""
    if getattr(request, "_disconnected", False):
        logger.info("Not answering %s: the client has hung up", request)
        return True
    return False


def finish_request(request: Request) -> None:
    """Ends the answer, if the client is still there."""
    if getattr(request, "_disconnected", False):
        return
    try:
        request.finish()
    except RuntimeError as error:
        logger.info("The connection was closed before the answer was sent: %r", error)


def respond_with_json(
    request: Request, code: int, json_object: Any, send_cors: bool = False, canonical_json: bool = True
) -> Optional[int]:
    """Answers with JSON."""
    if _gone(request):
        return None
    body = encode_canonical_json(json_object) if canonical_json else encode_json(json_object)
    return respond_with_json_bytes(request, code, body, send_cors)


def respond_with_json_bytes(
    request: Request, code: int, json_bytes: bytes, send_cors: bool = False
) -> Optional[int]:
    """Answers with encoded JSON."""
    if _gone(request):
        return None
    request.setResponseCode(code)
    request.setHeader(b"Content-Type", b"application/json")
    request.setHeader(b"Content-Length", b"%d" % (len(json_bytes),))
    if not request.responseHeaders.hasHeader(b"Cache-Control"):
        request.setHeader(b"Cache-Control", b"no-cache, no-store, must-revalidate")
    if send_cors:
        set_cors_headers(request)
    return _write(request, json_bytes)


def respond_with_html(request: Request, code: int, html: str) -> None:
    """Answers with a page."""
    respond_with_html_bytes(request, code, html.encode("utf-8"))


def respond_with_html_bytes(request: Request, code: int, html_bytes: bytes) -> None:
    """Answers with an encoded page."""
    if _gone(request):
        return
    request.setResponseCode(code)
    request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
    request.setHeader(b"Content-Length", b"%d" % (len(html_bytes),))
    set_clickjacking_protection_headers(request)
    _write(request, html_bytes)


def respond_with_redirect(
    request: Request, url: bytes, statusCode: int = HTTPStatus.FOUND, cors: bool = False
) -> None:
    """Sends the client elsewhere."""
    if _gone(request):
        return
    request.setResponseCode(int(statusCode))
    request.setHeader(b"Location", url)
    if cors:
        set_cors_headers(request)
    finish_request(request)


def _write(request: Request, body: bytes) -> int:
    if request.method != b"HEAD":
        request.write(body)
    finish_request(request)
    return NOT_DONE_YET


def return_json_error(f: Failure, request: Request, config: Any = None) -> None:
    """Answers with the JSON of an exception. Only what is meant for clients is told."""
    headers = None
    if f.check(SynapseError):
        error: SynapseError = f.value
        code, body, headers = error.code, error.error_dict(config), error.headers
        logger.info("%s: a module's resource answers %s - %s", request, code, error.msg)
    elif f.check(defer.CancelledError):
        code, body = 499, {"error": "Request cancelled", "errcode": Codes.UNKNOWN}
    else:
        code, body = 500, {"error": _INTERNAL_ERROR, "errcode": Codes.UNKNOWN}
        _log(f, request)
    if _already_answering(request):
        return
    if headers:
        _set_headers(request, headers)
    respond_with_json(request, code, body, send_cors=True)


def return_html_error(f: Failure, request: Request, error_template: Any) -> None:
    """Answers with a page for an exception; `error_template` is a format or a Jinja2 template."""
    code, message = _page_error(f, request)
    if _already_answering(request):
        return
    if isinstance(error_template, str):
        body = error_template.format(code=code, msg=html.escape(message))
    else:
        body = error_template.render(code=code, msg=message)
    respond_with_html(request, code, body)


def _page_error(f: Failure, request: Request) -> Tuple[int, str]:
    if f.check(RedirectException):
        redirect: RedirectException = f.value
        if not _already_answering(request):
            request.setHeader(b"location", redirect.location)
            request.cookies.extend(redirect.cookies)
        return redirect.code, redirect.msg
    if f.check(CodeMessageException):
        error: CodeMessageException = f.value
        if error.headers and not _already_answering(request):
            _set_headers(request, error.headers)
        logger.info("%s: a module's resource answers %s - %s", request, error.code, error.msg)
        return error.code, error.msg
    if f.check(defer.CancelledError):
        return 499, "Request cancelled"
    _log(f, request)
    return 500, _INTERNAL_ERROR


def _already_answering(request: Request) -> bool:
    """Whether part of an answer is out, so that only the connection can be closed."""
    if not getattr(request, "startedWriting", False):
        return False
    transport = getattr(request, "transport", None)
    abort = getattr(transport, "abortConnection", None)
    if abort is not None and not getattr(request, "finished", False):
        abort()
    return True


def _set_headers(request: Request, headers: Any) -> None:
    for name, value in dict(headers).items():
        request.setHeader(_bytes(name), _bytes(value))


def _bytes(text: Union[str, bytes]) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8")


def _log(f: Failure, request: Request) -> None:
    logger.error(
        "Failed to handle %s by a module's resource",
        request,
        exc_info=(f.type, f.value, f.getTracebackObject()),
    )
