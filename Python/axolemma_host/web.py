"""Modules' web resources: requests that reach the server, rendered by Twisted resources here."""

from __future__ import annotations

import logging
from inspect import isawaitable
from typing import Any, Callable, Dict, List, Optional

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource, getChildForRequest
from twisted.web.server import Site

from axolemma_host.errors import plain_error
from axolemma_host.peer import Peer
from axolemma_host.registrations import Mount, Registrations
from axolemma_host.streams import Pulled, Receiver, Sender

logger = logging.getLogger(__name__)

#: A longer body of a request is refused.
LONGEST_BODY = 512 * 1024 * 1024

#: Headers of an answer that concern one connection, or that the server writes itself.
_OWN_HEADERS = frozenset({b"connection", b"date", b"keep-alive", b"server", b"transfer-encoding", b"upgrade"})


class ModuleSite(Site):
    """The site that modules' requests believe to belong to; it leads each to the resource the server chose."""

    def __init__(self, reactor: Any) -> None:
        super().__init__(Resource(), reactor=reactor)
        self.displayTracebacks = False
        #: What some modules ask of a request's site.
        self.site_tag = "axolemma"
        self.server_version_string = b"Axolemma"

    def getResourceFor(self, request: Any) -> Any:
        """The resource for a request: below the module's own, by Twisted's rules."""
        request.site = self
        mount: Mount = request.channel.mount
        for _ in range(mount.depth):
            if request.postpath:
                request.prepath.append(request.postpath.pop(0))
        request.sitepath = []
        return getChildForRequest(mount.resource, request)


class HostChannel:
    """What a Twisted request takes for its connection: one call of the server."""

    factory = None
    _producer: Any = None

    def __init__(self, peer: Optional[Peer], number: int, wire: Dict[str, Any], site: ModuleSite, mount: Any) -> None:
        self._peer = peer
        self._number = number
        self._secure = bool(wire.get("secure"))
        self._client = str(wire.get("client_ip") or "127.0.0.1")
        self._sender: Optional[Sender] = None
        self.site = site
        self.mount = mount
        self.transport = self
        self.request: Any = None
        #: The answer is complete, or nobody wants it any more.
        self.done = False

    # What a request asks of its channel.

    def getPeer(self) -> Any:
        """The client's address."""
        kind = IPv6Address if ":" in self._client else IPv4Address
        return kind("TCP", self._client, 0)

    def getHost(self) -> Any:
        """The address the client connected to, as far as it matters."""
        return IPv4Address("TCP", "127.0.0.1", 443 if self._secure else 80)

    def isSecure(self) -> bool:
        """Whether the client used TLS."""
        return self._secure

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Any) -> None:
        """Answers the call; the body follows as a stream."""
        if self.done or self._peer is None:
            return
        if self.request is not None:
            # The server frames the body; chunks within chunks would be the client's problem.
            self.request.chunked = 0
        pairs: List[List[str]] = []
        everything = headers.getAllRawHeaders() if isinstance(headers, Headers) else [(n, [v]) for n, v in headers]
        for name, values in everything:
            if name.lower() not in _OWN_HEADERS:
                pairs.extend([_text(name), _text(value)] for value in values)
        self._sender = Sender(self._peer, self._number)
        if self._producer is not None:
            self._sender.register(self._producer)
        self._peer.reply(self._number, {"status": int(code), "reason": _text(reason), "headers": pairs})

    def write(self, data: bytes) -> None:
        """Sends a piece of the body."""
        if self._sender is not None and not self.done:
            self._sender.write(data)

    def writeSequence(self, pieces: Any) -> None:
        """Sends pieces of the body."""
        self.write(b"".join(pieces))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Lets a producer supply the body at the pace of the client."""
        if self.done:
            producer.stopProducing()
            return
        if self._peer is None:
            return
        self._producer = producer if streaming else Pulled(producer, self.failed)
        if self._sender is not None:
            self._sender.register(self._producer)

    def unregisterProducer(self) -> None:
        """The producer has said everything."""
        producer, self._producer = self._producer, None
        if isinstance(producer, Pulled):
            producer.end()
        if self._sender is not None:
            self._sender.unregister()

    def requestDone(self, request: Any) -> None:
        """The request is answered."""
        if self.done:
            return
        self._close()
        if self._sender is not None:
            self._sender.finish()

    def loseConnection(self) -> None:
        """A module hangs up on the client."""
        if self.done or self._peer is None:
            return
        self._close()
        if self._sender is not None:
            self._sender.abort()
        else:
            error = {"kind": "exception", "type": "ConnectionDone", "message": "The module closed the connection"}
            self._peer.fail(self._number, error)
        self._lose()

    abortConnection = loseConnection
    forceAbortClient = loseConnection

    def pauseProducing(self) -> None:
        """Nothing more is read of a body that is complete."""

    resumeProducing = pauseProducing
    stopProducing = loseConnection

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no TCP here."""

    setTcpKeepAlive = setTcpNoDelay

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(400, "Bad Request")

    # What the proxy asks of it.

    def refuse(self, status: int, reason: str) -> None:
        """Answers without the module."""
        if self.done or self._peer is None:
            return
        self._close()
        self._peer.reply(self._number, {"status": status, "reason": reason, "headers": []})
        Sender(self._peer, self._number).finish()

    def client_gone(self) -> None:
        """The client hung up: the request learns it as from a connection."""
        if self.done:
            return
        self._close()
        if self._sender is not None:
            self._sender.discard()
        elif self._producer is not None:
            self._producer.stopProducing()
        self._lose()

    def failed(self, error: BaseException) -> None:
        """Rendering failed in a way that Twisted does not answer itself."""
        if self.done or self._peer is None:
            return
        self._close()
        if self._sender is not None:
            self._sender.abort()
        else:
            self._peer.fail(self._number, plain_error(error))
        self._lose()

    def _close(self) -> None:
        self.done = True
        if self._peer is not None:
            self._peer.on_cancel.pop(self._number, None)
            self._peer.receivers.pop(self._number, None)

    def _lose(self) -> None:
        request, self.request = self.request, None
        if request is not None and not request.finished and not request._disconnected:
            try:
                request.connectionLost(Failure(ConnectionDone()))
            except Exception:
                logger.exception("A request's connectionLost failed")


class WebProxy:
    """Answers the server's ``web`` calls."""

    def __init__(self, peer: Peer, registrations: Registrations, reactor: Any) -> None:
        self._peer = peer
        self._mounts = registrations.mounts
        self._site = ModuleSite(reactor)
        peer.handle("web", self.call)

    def call(self, number: int, params: Dict[str, Any], attachment: bytes) -> None:
        """Takes a request; it is rendered when its body is complete."""
        mount = self._mounts.get(params["id"])
        if mount is None:
            self._peer.fail(number, {"kind": "unregistered"})
            return
        wire = params["request"]
        channel = HostChannel(self._peer, number, wire, self._site, mount)
        request = _make_request(channel, self._site, wire)
        received = 0

        def data(piece: bytes) -> None:
            nonlocal received
            received += len(piece)
            if received > LONGEST_BODY:
                channel.refuse(413, "Content Too Large")
            elif not channel.done:
                request.handleContentChunk(piece)

        def end() -> None:
            if channel.done:
                return
            try:
                request.requestReceived(_bytes(wire["method"]), _bytes(wire["uri"]), _version(wire))
            except BaseException as error:
                logger.exception("A web resource of a module failed")
                channel.failed(error)

        Receiver(self._peer, number, data, end, channel.client_gone)
        self._peer.on_cancel[number] = channel.client_gone


def _make_request(channel: HostChannel, site: ModuleSite, wire: Dict[str, Any]) -> Any:
    from synapse.http.site import SynapseRequest

    request = SynapseRequest(channel, site)
    channel.request = request
    headers = request.requestHeaders
    length: Optional[int] = None
    for name, value in wire.get("headers") or ():
        headers.addRawHeader(_bytes(name), _bytes(value))
        if name.lower() == "content-length" and value.isdigit():
            length = int(value)
    request.parseCookies()
    if wire.get("request_id"):
        request.request_id = str(wire["request_id"])
    # With an unknown length Twisted opens a temporary file; without a body there is none to keep.
    request.gotLength(0 if wire["method"] in ("GET", "HEAD") and length is None else length)
    return request


def request_from_wire(wire: Dict[str, Any]) -> Any:
    """A request that a callback is handed; what it writes goes nowhere.

    ``wire`` is as in a ``web`` call, with the body as text in ``body`` and who asks in ``requester``.
    """
    from synapse.types import Requester

    site = _detached_site()
    channel = HostChannel(None, 0, wire, site, None)
    request = _make_request(channel, site, wire)
    request.handleContentChunk(_bytes(wire.get("body") or ""))
    request.process = lambda: None
    if wire.get("requester"):
        request.requester = Requester.deserialize(wire["requester"])
    request.requestReceived(_bytes(wire["method"]), _bytes(wire["uri"]), _version(wire))
    return request


def _detached_site() -> ModuleSite:
    from twisted.internet import reactor

    return ModuleSite(reactor)


def handler_resource(handler: Callable[[Any], Any]) -> Resource:
    """The resource around an object's ``handle_request`` (``additional_resources``), which answers by itself."""
    from synapse.http.server import DirectServeJsonResource

    class HandlerResource(DirectServeJsonResource):
        """Errors of the handler become JSON."""

        isLeaf = True

        async def _async_render(self, request: Any) -> None:
            result = handler(request)
            if isawaitable(result):
                await result

    return HandlerResource()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: Any) -> str:
    if isinstance(data, str):
        return data
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        return str(data, "latin-1")


def _version(wire: Dict[str, Any]) -> bytes:
    return _bytes(wire.get("version") or "HTTP/1.1")
