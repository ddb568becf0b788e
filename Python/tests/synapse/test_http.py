"""Resources, answers, parsing of requests."""

from __future__ import annotations

import enum
import io
import json
import re

import pytest
from twisted.internet import defer
from twisted.internet.address import IPv4Address
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from synapse.api.errors import Codes, RedirectException, SynapseError
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
from synapse.http.servlet import (
    ResolveRoomIdMixin,
    RestServlet,
    assert_params_in_dict,
    parse_boolean,
    parse_enum,
    parse_integer,
    parse_json_from_args,
    parse_json_object_from_request,
    parse_json_value_from_request,
    parse_string,
    parse_strings_from_args,
)
from synapse.http.site import SynapseRequest
from synapse.types import UserID, create_requester
from tests.synapse.conftest import result_of


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
        self.headers = headers if isinstance(headers, Headers) else Headers(dict(headers))

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
    resource.register_paths("POST", [re.compile("^/x$")], lambda request: (answer.update(request.args), (200, {}))[1], "")
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


class Body:
    """A request with a body and arguments."""

    def __init__(self, body=b"", **args):
        self.content = io.BytesIO(body)
        self.args = {name.encode(): values for name, values in args.items()}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":NaN}'])
def test_bodies_that_are_no_json(body):
    for parse in (parse_json_object_from_request, parse_json_value_from_request):
        with pytest.raises(SynapseError) as caught:
            parse(Body(body))
        assert (caught.value.code, caught.value.errcode, caught.value.msg) == (400, "M_NOT_JSON", "Content not JSON.")


def test_bodies():
    assert parse_json_object_from_request(Body(b'{"a":1.5}')) == {"a": 1.5}
    assert parse_json_object_from_request(Body(b""), allow_empty_body=True) == {}
    assert parse_json_value_from_request(Body(b""), allow_empty_body=True) is None
    assert parse_json_value_from_request(Body(b"[]")) == []
    for body in (b"[]", b'"x"'):
        with pytest.raises(SynapseError) as caught:
            parse_json_object_from_request(Body(body))
        assert (caught.value.errcode, caught.value.msg) == ("M_BAD_JSON", "Content must be a JSON object.")


def failure(function, *args, **kwargs):
    with pytest.raises(SynapseError) as caught:
        function(*args, **kwargs)
    assert caught.value.code == 400
    return caught.value.errcode, caught.value.msg


def test_strings_of_the_query():
    request = Body(s=[b"v"], e=[b"\xc3\xa9"], l=[b"a", b"b"])
    assert parse_string(request, "s") == "v"
    assert parse_string(request, "l") == "a"
    assert parse_string(request, "q") is None
    assert parse_string(request, "q", default="d") == "d"
    assert parse_string(request, "e", encoding="utf-8") == "é"
    assert parse_string(request, "s", allowed_values=["v"]) == "v"
    assert parse_strings_from_args(request.args, "l") == ["a", "b"]
    assert failure(parse_string, request, "e") == (Codes.UNKNOWN, "Query parameter 'e' must be ascii")
    missing = (Codes.MISSING_PARAM, "Missing string query parameter 'q'")
    assert failure(parse_string, request, "q", required=True) == missing
    wrong = (Codes.INVALID_PARAM, "Query parameter 's' must be one of ['z']")
    assert failure(parse_string, request, "s", allowed_values=["z"]) == wrong


def test_numbers_of_the_query():
    request = Body(i=[b"5"], n=[b"-5"], x=[b"x"])
    assert parse_integer(request, "i") == 5
    assert parse_integer(request, "q", default=7) == 7
    assert parse_integer(request, "n", negative=True) == -5
    assert failure(parse_integer, request, "n") == (Codes.INVALID_PARAM, "Query parameter n must be a positive integer.")
    assert failure(parse_integer, request, "x") == (Codes.INVALID_PARAM, "Query parameter x must be an integer")
    missing = (Codes.MISSING_PARAM, "Missing required integer query parameter q")
    assert failure(parse_integer, request, "q", required=True) == missing


def test_truths_of_the_query():
    request = Body(t=[b"true"], f=[b"false"], b=[b"1"])
    assert (parse_boolean(request, "t"), parse_boolean(request, "f")) == (True, False)
    assert parse_boolean(request, "q", default=True) is True
    wrong = (Codes.INVALID_PARAM, "Boolean query parameter 'b' must be one of ['true', 'false']")
    assert failure(parse_boolean, request, "b") == wrong
    missing = (Codes.MISSING_PARAM, "Missing boolean query parameter 'q'")
    assert failure(parse_boolean, request, "q", required=True) == missing


def test_other_values_of_the_query():
    class Letter(enum.Enum):
        A = "a"

    assert parse_enum(Body(j=[b"a"]), "j", Letter) is Letter.A
    assert failure(parse_enum, Body(j=[b"z"]), "j", Letter)[0] == Codes.INVALID_PARAM
    assert parse_json_from_args({b"j": [b"{}"]}, "j") == {}
    assert failure(parse_json_from_args, {b"j": [b"x"]}, "j")[0] == Codes.NOT_JSON
    assert_params_in_dict({"a": 1}, ["a"])
    missing = (Codes.MISSING_PARAM, "Missing params: ['b', 'c']")
    assert failure(assert_params_in_dict, {"a": 1}, ["a", "b", "c"]) == missing


def test_rooms_by_alias_or_identifier(hs, api, peer):
    hs.get_module_api = lambda: api
    peer.answers["lookup_room_alias"] = {"room_id": "!r:test", "servers": ["test"]}
    resolver = ResolveRoomIdMixin(hs)
    assert result_of(resolver.resolve_room_id("#a:test")) == ("!r:test", ["test"])
    assert result_of(resolver.resolve_room_id("!x:test", ["other"])) == ("!x:test", ["other"])
    with pytest.raises(SynapseError):
        result_of(resolver.resolve_room_id("nonsense"))
