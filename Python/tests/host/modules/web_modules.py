"""Web resources of modules."""

from __future__ import annotations

import json
import logging
from typing import Any

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.static import File

from synapse.http.server import DirectServeJsonResource

logger = logging.getLogger(__name__)


class Leaf(Resource):
    isLeaf = True

    def render_GET(self, request: Any) -> Any:
        what = request.args.get(b"what", [b""])[0]
        if what == b"str":
            return "text"
        if what == b"raise":
            raise RuntimeError("inside a resource")
        if what == b"headers":
            request.setHeader(b"X-One", b"1")
            request.responseHeaders.addRawHeader(b"X-Two", b"a")
            request.responseHeaders.addRawHeader(b"X-Two", b"b")
            request.addCookie(b"k", b"v")
            request.setResponseCode(418, b"Teapot")
            return b"teapot"
        if what == b"redirect":
            request.redirect(b"https://elsewhere/")
            return b""
        if what == b"chunks":
            for number in range(3):
                reactor.callLater(0, request.write, b"chunk %d;" % number)
            reactor.callLater(0, request.finish)
            return NOT_DONE_YET
        if what == b"large":
            request.write(b"x" * 1_000_000)
            request.finish()
            return NOT_DONE_YET
        if what == b"producer":
            Producer(request, 1_000_000)
            return NOT_DONE_YET
        if what == b"bad producer":
            BadProducer(request)
            return NOT_DONE_YET
        if what == b"wait":
            request.notifyFinish().addErrback(
                lambda failure: logger.info("hung up: %s, %s", failure.type.__name__, request._disconnected)
            )
            if request.args.get(b"start"):
                request.write(b"begun")
            logger.info("waiting")
            return NOT_DONE_YET
        if what == b"hang up":
            if request.args.get(b"start"):
                request.write(b"begun")
            request.transport.loseConnection()
            return NOT_DONE_YET
        return json.dumps(
            {
                "path": request.path.decode(),
                "uri": request.uri.decode(),
                "prepath": [part.decode() for part in request.prepath],
                "postpath": [part.decode() for part in request.postpath],
                "args": {key.decode(): [v.decode() for v in values] for key, values in request.args.items()},
                "client": request.getClientAddress().host,
                "secure": request.isSecure(),
                "accept": request.getHeader("accept"),
                "cookie": (request.getCookie(b"c") or b"").decode(),
                "user_agents": request.requestHeaders.getRawHeaders("User-Agent"),
            }
        ).encode()

    def render_POST(self, request: Any) -> bytes:
        content = request.content.read()
        args = {key.decode(): [value.decode() for value in values] for key, values in request.args.items()}
        return json.dumps({"length": len(content), "start": content[:20].decode(), "args": args}).encode()


class Producer:
    """Writes a thousand bytes when it may."""

    def __init__(self, request: Any, count: int) -> None:
        self.request, self.left = request, count
        self.pauses = 0
        self.going = False
        request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        if self.going:
            return
        self.going = True
        while self.going and self.left:
            self.left -= 1000
            self.request.write(b"y" * 1000)
        if not self.left:
            self.going = False
            self.request.unregisterProducer()
            self.request.finish()
            logger.info("produced with %d pauses", self.pauses)

    def pauseProducing(self) -> None:
        self.going = False
        self.pauses += 1

    def stopProducing(self) -> None:
        self.going = False
        logger.info("producer stopped")


class BadProducer(Producer):
    """Fails when it is to go on."""

    def __init__(self, request: Any) -> None:
        super().__init__(request, 1_000_000)

    def resumeProducing(self) -> None:
        if self.pauses:
            raise RuntimeError("cannot go on")
        super().resumeProducing()


class Tree(Resource):
    def __init__(self) -> None:
        super().__init__()
        self.putChild(b"child", Leaf())

    def render_GET(self, request: Any) -> bytes:
        return b"root of the tree"


class Direct(DirectServeJsonResource):
    isLeaf = True

    async def _async_render_GET(self, request: Any) -> Any:
        from synapse.api.errors import SynapseError

        if request.args.get(b"fail"):
            raise SynapseError(403, "no", "M_FORBIDDEN")
        return 200, {"hello": "world"}


class Web:
    def __init__(self, config: Any, api: Any) -> None:
        api.register_web_resource("/_synapse/client/leaf", Leaf())
        api.register_web_resource("/_synapse/client/tree", Tree())
        api.register_web_resource("/_synapse/client/direct", Direct())
        if config.get("files"):
            api.register_web_resource("/_synapse/client/files", File(config["files"]))
