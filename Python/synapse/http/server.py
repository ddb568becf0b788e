"""Resources with asynchronous handlers, and answers to requests."""

from __future__ import annotations

import inspect
import logging
import urllib.parse
from typing import Any, Awaitable, Callable, Dict, Iterable, Optional, Pattern, Tuple, Union

import attr
from twisted.internet import defer
from twisted.python.failure import Failure
from twisted.web import resource
from twisted.web.server import NOT_DONE_YET, Request

from synapse._missing import missing_names
from synapse.api.errors import Codes, UnrecognizedRequestError
from synapse.http._responses import (
    HTML_ERROR_TEMPLATE,
    finish_request,
    respond_with_html,
    respond_with_html_bytes,
    respond_with_json,
    respond_with_json_bytes,
    respond_with_redirect,
    return_html_error,
    return_json_error,
    set_clickjacking_protection_headers,
    set_corp_headers,
    set_cors_headers,
)

logger = logging.getLogger(__name__)

ServletCallback = Callable[..., Any]


class _AsyncResource(resource.Resource):
    """A resource whose handlers are `async def _async_render_<METHOD>(request)`.

    A handler returns the status and the answer, or `None` if it has answered itself.
    """

    def __init__(self, extract_context: bool = False, **_: Any):
        super().__init__()
        self._extract_context = extract_context

    def render(self, request: Request) -> int:
        """Starts the handler; the answer follows."""
        deferred = defer.ensureDeferred(self._async_render_wrapper(request))
        request.render_deferred = deferred  # type: ignore[attr-defined]
        deferred.addErrback(_log_failure, request)
        return NOT_DONE_YET

    async def _async_render_wrapper(self, request: Request) -> None:
        try:
            result = await self._async_render(request)
            if result is not None:
                code, response = result
                self._send_response(request, code, response)
        except Exception:
            self._send_error_response(Failure(), request)

    async def _async_render(self, request: Request) -> Optional[Tuple[int, Any]]:
        method = request.method.decode("ascii", "replace")
        handler = getattr(self, "_async_render_%s" % (method,), None)
        if handler is None and method == "HEAD":
            handler = getattr(self, "_async_render_GET", None)
        if handler is None and method == "OPTIONS":
            respond_to_options(request)
            return None
        if handler is None:
            raise UnrecognizedRequestError(code=405)
        request.is_render_cancellable = is_method_cancellable(handler)  # type: ignore[attr-defined]
        result = handler(request)
        return await result if inspect.isawaitable(result) else result

    def _send_response(self, request: Request, code: int, response_object: Any) -> None:
        raise NotImplementedError()

    def _send_error_response(self, f: Failure, request: Request) -> None:
        raise NotImplementedError()


def _log_failure(failure: Failure, request: Request) -> None:
    """An answer could not be sent at all."""
    failure.trap(Exception)
    logger.error(
        "A resource of a module could not answer", exc_info=(failure.type, failure.value, failure.getTracebackObject())
    )
    try:
        if not request.startedWriting and not request.finished:
            respond_with_json(request, 500, {"errcode": Codes.UNKNOWN, "error": "Internal server error"})
    except Exception:
        logger.debug("Nor could it say so", exc_info=True)


class DirectServeJsonResource(_AsyncResource):
    """A resource that answers with JSON; errors are the JSON of the client-server API."""

    # Here too, for subclasses that do not call this constructor.
    canonical_json = False

    def __init__(self, canonical_json: bool = False, extract_context: bool = False, clock: Any = None, **_: Any):
        super().__init__(extract_context)
        self.canonical_json = canonical_json
        self.clock = clock

    def _send_response(self, request: Request, code: int, response_object: Any) -> None:
        respond_with_json(request, code, response_object, send_cors=True, canonical_json=self.canonical_json)

    def _send_error_response(self, f: Failure, request: Request) -> None:
        return_json_error(f, request, None)


class DirectServeHtmlResource(_AsyncResource):
    """A resource that answers with HTML; errors are pages."""

    ERROR_TEMPLATE = HTML_ERROR_TEMPLATE

    def _send_response(self, request: Request, code: int, response_object: Any) -> None:
        if isinstance(response_object, str):
            raise TypeError("A DirectServeHtmlResource must return bytes, not str")
        respond_with_html_bytes(request, code, response_object)

    def _send_error_response(self, f: Failure, request: Request) -> None:
        return_html_error(f, request, self.ERROR_TEMPLATE)


@attr.s(slots=True, frozen=True, auto_attribs=True)
class _PathEntry:
    """One handler of a `JsonResource`."""

    callback: ServletCallback
    servlet_classname: str


class HttpServer:
    """What paths are registered with."""

    def register_paths(
        self, method: str, path_patterns: Iterable[Pattern], callback: ServletCallback, servlet_classname: str
    ) -> None:
        """Calls `callback` for a method at paths that match one of the patterns."""
        raise NotImplementedError()


class JsonResource(DirectServeJsonResource, HttpServer):
    """A leaf that dispatches by patterns of the whole path."""

    isLeaf = True

    def __init__(self, hs: Any = None, canonical_json: bool = True, extract_context: bool = False):
        super().__init__(canonical_json, extract_context)
        self.hs = hs
        self._routes: Dict[Pattern, Dict[bytes, _PathEntry]] = {}

    def register_paths(
        self, method: str, path_patterns: Iterable[Pattern], callback: ServletCallback, servlet_classname: str
    ) -> None:
        """Calls `callback(request, **groups)` for a method at paths that match one of the patterns."""
        for pattern in path_patterns:
            methods = self._routes.setdefault(pattern, {})
            methods[method.encode("ascii")] = _PathEntry(callback, servlet_classname)

    def _handler(self, request: Request) -> Tuple[ServletCallback, Dict[str, str]]:
        path = request.path.decode("ascii", "replace")
        known = False
        wanted = [request.method]
        if request.method == b"HEAD":
            wanted.append(b"GET")
        for pattern, methods in self._routes.items():
            match = pattern.match(path)
            if match is None:
                continue
            for method in wanted:
                if method in methods:
                    groups = {
                        name: urllib.parse.unquote(value) if value else value
                        for name, value in match.groupdict().items()
                    }
                    return methods[method].callback, groups
            known = True
        raise UnrecognizedRequestError(code=405 if known else 404)

    async def _async_render(self, request: Request) -> Optional[Tuple[int, Any]]:
        if request.method == b"OPTIONS":
            respond_to_options(request)
            return None
        callback, groups = self._handler(request)
        request.is_render_cancellable = is_method_cancellable(callback)  # type: ignore[attr-defined]
        result = callback(request, **groups)
        return await result if inspect.isawaitable(result) else result


def respond_to_options(request: Request) -> None:
    """Answers a preflight request of a browser."""
    request.setResponseCode(204)
    request.setHeader(b"Content-Length", b"0")
    set_cors_headers(request)
    finish_request(request)


class OptionsResource(resource.Resource):
    """Answers preflight requests for all its children."""

    def render_OPTIONS(self, request: Request) -> int:
        """Answers the preflight request."""
        respond_to_options(request)
        return NOT_DONE_YET

    def getChildWithDefault(self, path: Union[str, bytes], request: Request) -> resource.IResource:
        """The child, unless this is a preflight request."""
        if request.method == b"OPTIONS":
            return self
        return super().getChildWithDefault(path, request)


class UnrecognizedRequestResource(resource.Resource):
    """Answers that there is no such endpoint."""

    def render(self, request: Request) -> int:
        """The answer."""
        return_json_error(Failure(UnrecognizedRequestError(code=404)), request, None)
        return NOT_DONE_YET

    def getChild(self, name: Union[str, bytes], request: Request) -> resource.Resource:
        """Nothing is below it either."""
        return self


def is_method_cancellable(method: Callable[..., Any]) -> bool:
    """Whether a handler may be cancelled when the client hangs up."""
    return bool(getattr(method, "cancellable", False))


def cancellable(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Marks a handler that may be cancelled when the client hangs up."""
    function.cancellable = True  # type: ignore[attr-defined]
    return function


__all__ = [
    "DirectServeHtmlResource",
    "DirectServeJsonResource",
    "HTML_ERROR_TEMPLATE",
    "HttpServer",
    "JsonResource",
    "NOT_DONE_YET",
    "OptionsResource",
    "UnrecognizedRequestResource",
    "cancellable",
    "finish_request",
    "is_method_cancellable",
    "respond_to_options",
    "respond_with_html",
    "respond_with_html_bytes",
    "respond_with_json",
    "respond_with_json_bytes",
    "respond_with_redirect",
    "return_html_error",
    "return_json_error",
    "set_clickjacking_protection_headers",
    "set_corp_headers",
    "set_cors_headers",
]

__getattr__ = missing_names(__name__)
