"""Resources, answers, parsing of requests."""

from __future__ import annotations

import json
import re

import pytest
from twisted.internet import defer
from twisted.internet.address import IPv4Address
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from synapse.api.errors import RedirectException, SynapseError
from synapse.http import redact_uri
from synapse.http.server import (
    DirectServeHtmlResource,
    DirectServeJsonResource,
    JsonResource,
    respond_with_html,
    respond_with_json,
    respond_with_json_bytes,
    respond_with_redirect,
)
from synapse.http.servlet import RestServlet, parse_json_object_from_request
from synapse.http.site import SynapseRequest
from synapse.types import UserID, create_requester


class Channel:
    """The connection of one request."""

    site = None

    def __init__(self):
        self.code = None
        self.headers = None
        self.body = b""
        self.finished = False
        self.aborted = False
        self.transport = self

    def writeHeaders(self, version, code, reason, headers):
        self.code = int(code)
        self.request.chunked = 0
        pairs = headers
        if isinstance(headers, Headers):
            pairs = [(name, value) for name, values in headers.getAllRawHeaders() for value in values]
        self.headers = Headers()
        for name, value in pairs:
            self.headers.addRawHeader(name, value)

    def write(self, data):
        self.body += data

    def writeSequence(self, data):
        self.body += b"".join(data)

    def requestDone(self, request):
        self.finished = True

    def abortConnection(self):
        self.aborted = True

    def getPeer(self):
        return IPv4Address("TCP", "192.0.2.1", 1)

    getHost = getPeer

    def isSecure(self):
        return True

    def registerProducer(self, producer, streaming):
        pass

    def unregisterProducer(self):
        pass

    def json(self):
        return json.loads(self.body)

    def header(self, name):
        return (self.headers.getRawHeaders(name) or [None])[0]


def request_to(resource, method=b"GET", uri=b"/x", body=b"", headers=(), children=()):
    """Renders a request as the host does, and gives its channel."""
    channel = Channel()
    site = Site(resource)
    site.displayTracebacks = False
    channel.site = site
    request = SynapseRequest(channel, site)
    request.site = site
    channel.request = request
    for name, value in headers:
        request.requestHeaders.addRawHeader(name, value)
    request.gotLength(len(body))
    request.handleContentChunk(body)
    request.requestReceived(method, uri, b"HTTP/1.1")
    return channel


class Json(DirectServeJsonResource):
    """Answers by what it is given."""

    isLeaf = True

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    async def _async_render_GET(self, request):
        return await defer.maybeDeferred(self.answer, request)

    def _async_render_POST(self, request):
        return 201, parse_json_object_from_request(request)


def raises(error):
    def answer(request):
        raise error

    return answer


def test_json_resources():
    answer = request_to(Json(lambda request: (200, {"b": 1, "a": "é"})))
    assert (answer.code, answer.json(), answer.finished) == (200, {"b": 1, "a": "é"}, True)
    assert answer.header(b"Content-Type") == b"application/json"
    assert answer.header(b"Content-Length") == b"%d" % len(answer.body)
    assert answer.header(b"Access-Control-Allow-Origin") == b"*"
    assert answer.header(b"Cache-Control") == b"no-cache, no-store, must-revalidate"


def test_json_resources_may_be_synchronous_and_take_bodies():
    answer = request_to(Json(None), b"POST", body=b'{"a":1}')
    assert (answer.code, answer.json()) == (201, {"a": 1})
    answer = request_to(Json(None), b"POST", body=b"[]")
    assert (answer.code, answer.json()["errcode"]) == (400, "M_BAD_JSON")


def test_json_resources_answer_errors():
    error = SynapseError(418, "tea", "M_TEAPOT", {"k": 1}, {"X-Tea": "yes"})
    answer = request_to(Json(raises(error)))
    assert (answer.code, answer.json()) == (418, {"errcode": "M_TEAPOT", "error": "tea", "k": 1})
    assert answer.header(b"X-Tea") == b"yes"
    answer = request_to(Json(raises(ValueError("secret"))))
    assert (answer.code, answer.json()) == (500, {"errcode": "M_UNKNOWN", "error": "Internal server error"})
    answer = request_to(Json(lambda request: (200, {object()})))
    assert answer.code == 500
    answer = request_to(Json(lambda request: (200, {})), b"DELETE")
    assert (answer.code, answer.json()["errcode"]) == (405, "M_UNRECOGNIZED")


def test_overridden_bodies_of_errors_are_kept():
    class Nasty(SynapseError):
        def error_dict(self, config):
            return {"errcode": "M_UNKNOWN", "error": self.msg, "nasty": "very"}

    assert request_to(Json(raises(Nasty(429, "m")))).json() == {"errcode": "M_UNKNOWN", "error": "m", "nasty": "very"}


def test_handlers_may_answer_themselves():
    def answer(request):
        request.setHeader(b"X-Own", b"1")
        request.write(b"own")
        request.finish()

    own = request_to(Json(answer))
    assert (own.code, own.body, own.finished) == (200, b"own", True)


def test_an_error_after_the_answer_began_breaks_it_off():
    def answer(request):
        request.write(b"half")
        raise ValueError("x")

    broken = request_to(Json(answer))
    assert (broken.body, broken.aborted) == (b"half", True)


def test_head_and_options():
    answer = request_to(Json(lambda request: (200, {"a": 1})), b"HEAD")
    assert (answer.code, answer.body, answer.header(b"Content-Length")) == (200, b"", b"7")
    answer = request_to(Json(None), b"OPTIONS")
    assert (answer.code, answer.body, answer.header(b"Access-Control-Allow-Origin")) == (204, b"", b"*")


def test_nobody_is_answered_who_hung_up():
    channel = Channel()
    request = SynapseRequest(channel)
    request._disconnected = True
    assert respond_with_json(request, 200, {}) is None
    respond_with_html(request, 200, "")
    assert channel.code is None


class Html(DirectServeHtmlResource):
    """Answers by what it is given."""

    isLeaf = True

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    async def _async_render_GET(self, request):
        return self.answer(request)


def test_html_resources():
    answer = request_to(Html(lambda request: (200, b"<b>hi</b>")))
    assert (answer.code, answer.body) == (200, b"<b>hi</b>")
    assert answer.header(b"Content-Type") == b"text/html; charset=utf-8"
    assert answer.header(b"X-Frame-Options") == b"DENY"
    assert answer.header(b"Content-Security-Policy") == b"frame-ancestors 'none';"
    answer = request_to(Html(raises(SynapseError(403, "no <b>"))))
    assert answer.code == 403
    assert b"no &lt;b&gt;" in answer.body
    assert answer.header(b"Content-Type") == b"text/html; charset=utf-8"
    assert request_to(Html(lambda request: (200, "text"))).code == 500


def test_html_resources_redirect():
    redirect = RedirectException(b"https://x/", 303)
    redirect.cookies.append(b"a=1")
    answer = request_to(Html(raises(redirect)))
    assert (answer.code, answer.header(b"Location")) == (303, b"https://x/")
    assert answer.header(b"Set-Cookie") == b"a=1"


def test_templates_of_errors_can_be_replaced():
    import jinja2

    class Own(Html):
        ERROR_TEMPLATE = jinja2.Template("{{ code }}: {{ msg }}")

    assert request_to(Own(raises(SynapseError(403, "no")))).body == b"403: no"


def test_json_resource_dispatches_by_pattern():
    class Servlet(RestServlet):
        PATTERNS = [re.compile("^/a/(?P<name>[^/]*)/?$")]

        async def on_GET(self, request, name):
            return 200, {"name": name}

        def on_PUT(self, request, name):
            return 201, {}

    resource = JsonResource(None)
    Servlet().register(resource)
    resource.register_paths("POST", [re.compile("^/b$")], lambda request: (200, ["b"]), "test")
    assert request_to(resource, uri=b"/a/%40u%3Ax?q=1").json() == {"name": "@u:x"}
    assert request_to(resource, b"PUT", b"/a/x").code == 201
    assert request_to(resource, b"POST", b"/b").json() == ["b"]
    assert request_to(resource, b"POST", b"/a/x").code == 405
    unknown = request_to(resource, uri=b"/c")
    assert (unknown.code, unknown.json()["errcode"]) == (404, "M_UNRECOGNIZED")
    with pytest.raises(NotImplementedError):
        RestServlet().register(resource)


def test_forms_are_arguments():
    headers = [(b"Content-Type", b"application/x-www-form-urlencoded")]
    resource = JsonResource(None)
    answer = {}

    def take(request):
        answer.update(request.args)
        return 200, {}

    resource.register_paths("POST", [re.compile("^/x$")], take, "test")
    request_to(resource, b"POST", b"/x?a=1", b"b=2&b=3", headers)
    assert answer == {b"a": [b"1"], b"b": [b"2", b"3"]}


def test_plain_twisted_resources():
    class Plain(Resource):
        isLeaf = True

        def render_GET(self, request):
            request.setHeader(b"Content-Type", b"text/plain")
            return request.args[b"q"][0]

        def render_POST(self, request):
            respond_with_json_bytes(request, 200, b"{}", send_cors=True)
            return NOT_DONE_YET

        def render_PUT(self, request):
            respond_with_redirect(request, b"https://x/")
            return NOT_DONE_YET

        def render_DELETE(self, request):
            return "text"

    resource = Plain()
    assert request_to(resource, uri=b"/x?q=hello").body == b"hello"
    assert request_to(resource, b"POST").body == b"{}"
    answer = request_to(resource, b"PUT")
    assert (answer.code, answer.header(b"Location")) == (302, b"https://x/")
    assert request_to(resource, b"DELETE").code == 500


def test_requests_know_their_client():
    channel = request_to(Json(lambda request: (200, {})), uri=b"/x?access_token=abc&b=1")
    request = channel.request
    assert request.get_client_ip_if_available() == request.getClientAddress().host == "192.0.2.1"
    assert request.get_method() == "GET"
    assert request.get_redacted_uri() == "/x?access_token=<redacted>&b=1"
    assert "abc" not in repr(request)
    assert request.requester is None
    request.requester = create_requester("@a:b")
    assert request.get_authenticated_entity() == ("@a:b", None)
    request.requester = create_requester(UserID("a", "b"), authenticated_entity="@admin:b")
    assert request.get_authenticated_entity() == ("@admin:b", "@a:b")
    assert redact_uri("/y?client_secret=x&c=1") == "/y?client_secret=<redacted>&c=1"
