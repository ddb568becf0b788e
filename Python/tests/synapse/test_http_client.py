"""Requests that modules make."""

from __future__ import annotations

import gzip
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from twisted.internet import error
from twisted.web.client import ResponseFailed
from twisted.web.http_headers import Headers

from synapse.api.errors import HttpResponseException, SynapseError
from synapse.http import RequestTimedOutError, client
from synapse.http.client import SimpleHttpClient
from synapse.util.clock import Clock


class Site(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path == "/missing":
            return self.send(404, b'{"errcode":"M_NOT_FOUND","error":"no"}')
        if path == "/text":
            return self.send(200, b"text")
        if path == "/large":
            return self.send(200, b"x" * 100_000, {"Content-Type": "image/png"})
        if path == "/gzip":
            return self.send(200, gzip.compress(b'{"zipped":true}'), {"Content-Encoding": "gzip"})
        if path == "/redirect":
            return self.send(302, b"", {"Location": "/echo?redirected=1"})
        if path == "/endless":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b'{"until":"the end"}')
            self.close_connection = True
            return None
        if path == "/silent":
            self.server.silence.wait(20)
            self.close_connection = True
            return None
        headers = {name: self.headers.get_all(name) for name in self.headers}
        echo = {"method": self.command, "path": self.path, "headers": headers, "body": body.decode()}
        return self.send(200, json.dumps(echo).encode())

    def send(self, code, body, headers=None):
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = answer


class QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that hang up."""

    def handle_error(self, request, client_address):
        pass


@pytest.fixture(scope="module")
def site():
    server = QuietServer(("127.0.0.1", 0), Site)
    server.silence = threading.Event()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield "http://127.0.0.1:%d" % server.server_address[1]
    server.silence.set()
    server.shutdown()
    server.server_close()


class HomeServer:
    """A home server with the real reactor."""

    hostname = "test"

    def get_reactor(self):
        from twisted.internet import reactor

        return reactor

    def get_clock(self):
        return Clock(self.get_reactor())


@pytest.fixture
def http(on_reactor):
    made = on_reactor(lambda: SimpleHttpClient(HomeServer()))

    class Blocking:
        def __getattr__(self, name):
            return lambda *args, **kwargs: on_reactor(lambda: getattr(made, name)(*args, **kwargs))

    yield Blocking()
    on_reactor(lambda: made.agent._pool.closeCachedConnections())


def test_getting(http, site):
    echo = http.get_json(site + "/echo", {"a": ["1", "2"], "b": "c d"}, {b"X-One": [b"1"], "X-Two": ["a", "b"]})
    assert echo["path"] == "/echo?a=1&a=2&b=c+d"
    assert echo["headers"]["X-Two"] == ["a", "b"]
    assert echo["headers"]["X-One"] == ["1"]
    assert echo["headers"]["User-Agent"] == ["Synapse/1.163.2"]
    assert http.get_json(site + "/echo?z=1", {"a": "1"})["path"] == "/echo?z=1&a=1"
    assert http.get_raw(site + "/text") == b"text"
    assert http.get_json(site + "/gzip") == {"zipped": True}
    assert http.get_json(site + "/endless") == {"until": "the end"}
    with pytest.raises(ValueError):
        http.get_json(site + "/text")


def test_sending(http, site):
    echo = http.post_json_get_json(site + "/echo", {"b": 1, "a": "é"}, {"X": ["1"]})
    assert (echo["method"], echo["body"], echo["headers"]["X"]) == ("POST", '{"a":"é","b":1}', ["1"])
    assert echo["headers"]["Content-Type"] == ["application/json"]
    echo = http.put_json(site + "/echo", [1], {"q": "1"})
    assert (echo["method"], echo["body"], echo["path"]) == ("PUT", "[1]", "/echo?q=1")
    echo = http.post_urlencoded_get_json(site + "/echo", {"a": ["1", "2"]})
    assert (echo["body"], echo["headers"]["Content-Type"]) == ("a=1&a=2", ["application/x-www-form-urlencoded"])
    with pytest.raises(TypeError):
        http.post_json_get_json(site + "/echo", {"a": object()})


def test_errors_carry_their_body(http, site):
    for ask in (lambda: http.get_json(site + "/missing"), lambda: http.post_json_get_json(site + "/missing", {})):
        with pytest.raises(HttpResponseException) as caught:
            ask()
        assert caught.value.code == 404
        assert caught.value.response == b'{"errcode":"M_NOT_FOUND","error":"no"}'
        assert caught.value.to_synapse_error().errcode == "M_NOT_FOUND"


def test_redirects_are_followed(http, site):
    assert http.get_json(site + "/redirect")["path"] == "/echo?redirected=1"
    with pytest.raises(ResponseFailed):
        http.request("POST", site + "/redirect", data=b"x")


def test_raw_requests(http, site, on_reactor):
    import treq

    async def ask():
        response = await http_request()
        return response.code, response.phrase, await treq.json_content(response)

    from synapse.http.client import SimpleHttpClient

    made = on_reactor(lambda: SimpleHttpClient(HomeServer()))

    def http_request():
        return made.request("PUT", site + "/echo", data=b"raw", headers=Headers({"X": ["1"]}))

    code, phrase, echo = on_reactor(ask)
    assert (code, phrase, echo["body"], echo["headers"]["X"]) == (200, b"OK", "raw", ["1"])
    on_reactor(lambda: made.agent._pool.closeCachedConnections())


def test_files(http, site):
    stream = io.BytesIO()
    length, headers, final, code = http.get_file(site + "/large", stream)
    assert (length, len(stream.getvalue()), final, code) == (100_000, 100_000, site + "/large", 200)
    assert headers[b"Content-Type"] == [b"image/png"]
    with pytest.raises(SynapseError) as caught:
        http.get_file(site + "/large", io.BytesIO(), max_size=1000)
    assert (caught.value.code, caught.value.errcode) == (502, "M_TOO_LARGE")
    with pytest.raises(SynapseError) as caught:
        http.get_file(site + "/large", io.BytesIO(), is_allowed_content_type=lambda kind: kind == "text/plain")
    assert caught.value.code == 502
    with pytest.raises(SynapseError) as caught:
        http.get_file(site + "/missing", io.BytesIO())
    assert caught.value.code == 502


def test_a_silent_server_is_given_up(http, site, monkeypatch):
    monkeypatch.setattr(client, "HEADER_TIMEOUT", 0.05)
    with pytest.raises(RequestTimedOutError) as caught:
        http.get_json(site + "/silent")
    assert caught.value.code == 504


def test_a_server_that_is_not_there(http):
    with pytest.raises(error.ConnectError):
        http.get_json("http://127.0.0.1:1/")
