"""Requests that modules make."""

from __future__ import annotations

import io
import logging
import urllib.parse
from http import HTTPStatus
from typing import Any, BinaryIO, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from twisted.internet import defer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

import synapse
from synapse._missing import missing_names
from synapse.api.errors import Codes, HttpResponseException, SynapseError
from synapse.http import RequestTimedOutError
from synapse.util._json import decode_json, encode_canonical_json

logger = logging.getLogger(__name__)

RawHeaders = Union[Mapping[str, Sequence[Union[str, bytes]]], Mapping[bytes, Sequence[Union[str, bytes]]]]
QueryParams = Union[Mapping[str, Any], Sequence[Tuple[str, str]]]

CONNECT_TIMEOUT = 15
HEADER_TIMEOUT = 60
BODY_TIMEOUT = 30
_MOST_CONNECTIONS_PER_HOST = 50


def encode_query_args(args: Optional[QueryParams]) -> bytes:
    """The arguments as a query; lists repeat their name."""
    if args is None:
        return b""
    return urllib.parse.urlencode(args, doseq=True).encode("utf-8")


class BodyExceededMaxSize(Exception):
    """An answer is longer than the caller takes."""


class _BodyWriter(Protocol):
    """Writes the body of an answer to a stream, up to a limit."""

    def __init__(self, stream: Any, done: "defer.Deferred[int]", max_size: Optional[int]):
        self._stream = stream
        self._done = done
        self._max_size = max_size
        self._length = 0

    def dataReceived(self, data: bytes) -> None:
        """A piece of the body."""
        if self._done.called:
            return
        self._length += len(data)
        if self._max_size is not None and self._length > self._max_size:
            self._fail(Failure(BodyExceededMaxSize()))
            return
        try:
            self._stream.write(data)
        except Exception:
            self._fail(Failure())

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """The body is over."""
        if self._done.called:
            return
        # An answer without a length ends with its connection, so whether that is all cannot be known.
        if reason.check(ResponseDone, PotentialDataLoss):
            self._done.callback(self._length)
        else:
            self._done.errback(reason)

    def _fail(self, failure: Failure) -> None:
        self._done.errback(failure)
        abort = getattr(self.transport, "abortConnection", None)
        if abort is not None:
            abort()


def read_body_with_max_size(response: IResponse, stream: Any, max_size: Optional[int]) -> "defer.Deferred[int]":
    """Writes the body of an answer to a stream; the result is its length."""
    done: "defer.Deferred[int]" = defer.Deferred()
    response.deliverBody(_BodyWriter(stream, done, max_size))
    return done


class BaseHttpClient:
    """Makes requests. Names that resolve to any address are contacted, the server's own included."""

    def __init__(self, hs: Any, treq_args: Optional[Dict[str, Any]] = None, **_: Any):
        self.hs = hs
        self.server_name = getattr(hs, "hostname", None)
        self.reactor = hs.get_reactor()
        self.clock = hs.get_clock()
        self.user_agent = ("Synapse/%s" % (synapse.__version__,)).encode("ascii")
        self._extra_treq_args = treq_args or {}
        pool = HTTPConnectionPool(self.reactor)
        pool.maxPersistentPerHost = _MOST_CONNECTIONS_PER_HOST
        pool.cachedConnectionTimeout = 2 * 60
        self.agent: Any = Agent(self.reactor, connectTimeout=CONNECT_TIMEOUT, pool=pool)

    async def request(
        self, method: str, uri: str, data: Optional[bytes] = None, headers: Optional[Headers] = None
    ) -> IResponse:
        """Sends a request. The answer's headers are there; its body is still to be read."""
        # treq is slow to import, and most modules make no requests.
        from treq.client import HTTPClient

        logger.debug("Sending request %s %s", method, uri.partition("?")[0])
        headers = Headers() if headers is None else headers.copy()
        if not headers.hasHeader(b"User-Agent"):
            headers.setRawHeaders(b"User-Agent", [self.user_agent])
        deferred = HTTPClient(self.agent).request(
            method,
            uri,
            headers=headers,
            data=data,
            unbuffered=True,
            **self._extra_treq_args,
        )
        deferred = _give_up_after(deferred, HEADER_TIMEOUT, self.reactor)
        return await deferred

    async def post_urlencoded_get_json(
        self, uri: str, args: Optional[Mapping[str, Any]] = None, headers: Optional[RawHeaders] = None
    ) -> Any:
        """Posts a form and returns the JSON of the answer."""
        body = urllib.parse.urlencode(args or {}, doseq=True).encode("utf-8")
        return await self._json("POST", uri, body, b"application/x-www-form-urlencoded", headers)

    async def post_json_get_json(self, uri: str, post_json: Any, headers: Optional[RawHeaders] = None) -> Any:
        """Posts JSON and returns the JSON of the answer."""
        return await self._json("POST", uri, encode_canonical_json(post_json), b"application/json", headers)

    async def put_json(
        self,
        uri: str,
        json_body: Any,
        args: Optional[QueryParams] = None,
        headers: Optional[RawHeaders] = None,
    ) -> Any:
        """Puts JSON and returns the JSON of the answer."""
        return await self._json(
            "PUT", _with_query(uri, args), encode_canonical_json(json_body), b"application/json", headers
        )

    async def get_json(
        self, uri: str, args: Optional[QueryParams] = None, headers: Optional[RawHeaders] = None
    ) -> Any:
        """Returns the JSON at an address."""
        actual = Headers({b"Accept": [b"application/json"]})
        _add(actual, headers)
        return decode_json((await self._body("GET", _with_query(uri, args), None, actual)).decode("utf-8"))

    async def get_raw(
        self, uri: str, args: Optional[QueryParams] = None, headers: Optional[RawHeaders] = None
    ) -> bytes:
        """Returns what is at an address."""
        actual = Headers()
        _add(actual, headers)
        return await self._body("GET", _with_query(uri, args), None, actual)

    async def get_file(
        self,
        url: str,
        output_stream: BinaryIO,
        max_size: Optional[int] = None,
        headers: Optional[RawHeaders] = None,
        is_allowed_content_type: Optional[Callable[[str], bool]] = None,
    ) -> Tuple[int, Dict[bytes, List[bytes]], str, int]:
        """Writes what is at an address to a stream. The result: length, headers, final address, status."""
        actual = Headers({b"User-Agent": [self.user_agent]})
        _add(actual, headers)
        response = await self.request("GET", url, headers=actual)
        answered = dict(response.headers.getAllRawHeaders())
        if response.code > 299:
            raise SynapseError(HTTPStatus.BAD_GATEWAY, "Got error %d" % (response.code,), Codes.UNKNOWN)
        if is_allowed_content_type is not None and b"Content-Type" in answered:
            content_type = answered[b"Content-Type"][0].decode("ascii", "replace")
            if not is_allowed_content_type(content_type):
                raise SynapseError(
                    HTTPStatus.BAD_GATEWAY,
                    "Requested file's content type not allowed for this operation: %s" % (content_type,),
                )
        try:
            reading = read_body_with_max_size(response, output_stream, max_size)
            length = await _give_up_after(reading, BODY_TIMEOUT, self.reactor)
        except BodyExceededMaxSize:
            raise SynapseError(
                HTTPStatus.BAD_GATEWAY, "Requested file is too large > %r bytes" % (max_size,), Codes.TOO_LARGE
            ) from None
        except Exception as error:
            raise SynapseError(HTTPStatus.BAD_GATEWAY, "Failed to download remote body: %s" % (error,)) from error
        final = response.request.absoluteURI.decode("ascii", "replace")
        return length, answered, final, response.code

    async def _json(
        self, method: str, uri: str, body: bytes, content_type: bytes, headers: Optional[RawHeaders]
    ) -> Any:
        actual = Headers({b"Content-Type": [content_type], b"Accept": [b"application/json"]})
        _add(actual, headers)
        return decode_json((await self._body(method, uri, body, actual)).decode("utf-8"))

    async def _body(self, method: str, uri: str, data: Optional[bytes], headers: Headers) -> bytes:
        headers.setRawHeaders(b"User-Agent", [self.user_agent])
        response = await self.request(method, uri, data=data, headers=headers)
        body = await _give_up_after(defer.ensureDeferred(_whole_body(response)), HEADER_TIMEOUT, self.reactor)
        if 200 <= response.code < 300:
            return body
        raise HttpResponseException(response.code, response.phrase.decode("ascii", errors="replace"), body)


class SimpleHttpClient(BaseHttpClient):
    """The client of `ModuleApi.http_client`."""


async def _whole_body(response: IResponse) -> bytes:
    stream = io.BytesIO()
    await read_body_with_max_size(response, stream, None)
    return stream.getvalue()


def _give_up_after(deferred: "defer.Deferred[Any]", seconds: float, reactor: Any) -> "defer.Deferred[Any]":
    def timed_out(result: Any, timeout: float) -> Any:
        raise RequestTimedOutError("Timeout waiting for response from remote server")

    return deferred.addTimeout(seconds, reactor, timed_out)


def _with_query(uri: str, args: Optional[QueryParams]) -> str:
    if not args:
        return uri
    return uri + ("&" if "?" in uri else "?") + encode_query_args(args).decode("ascii")


def _add(headers: Headers, more: Optional[RawHeaders]) -> None:
    for name, values in (more or {}).items():
        headers.setRawHeaders(name, list(values))


__getattr__ = missing_names(__name__)
