"""Requests that modules' web resources answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

from axolemma_host import frames
from tests.host.server import FakeServer


class Response:
    """The answer to a ``web`` call, as far as it has come."""

    def __init__(self, server: FakeServer, number: int) -> None:
        self.server, self.number = server, number

    @property
    def pieces(self) -> List[Tuple[int, bytes]]:
        return self.server.streams.setdefault(self.number, [])

    def head(self) -> Dict[str, Any]:
        answer: Dict[str, Any] = self.server.answer(self.number)
        self.status: int = answer["status"]
        self.headers = {name.lower(): value for name, value in answer["headers"]}
        self.pairs = answer["headers"]
        return answer

    def received(self) -> bytes:
        return b"".join(body for kind, body in self.pieces if kind == frames.DATA)

    def body(self) -> bytes:
        """The whole body; gives credit as it comes."""
        given = 0

        def ended() -> bool:
            nonlocal given
            got = len(self.received())
            if got - given > 100_000:
                self.server.send(frames.credit(self.number, got - given))
                given = got
            return any(kind in (frames.END, frames.ABORT) for kind, _ in self.pieces)

        self.server.until(ended)
        assert self.pieces[-1][0] == frames.END
        return self.received()


class Web:
    """Sends requests to the module's resources."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.ids = {p["path"]: p["id"] for method, p in server.notes if method == "register_web_resource"}

    def begin(self, method: str, uri: str, body: bytes = b"", path: Optional[str] = None, **fields: Any) -> Response:
        path = path or next(path for path in self.ids if uri.startswith(path))
        request = {
            "method": method,
            "uri": uri,
            "version": "HTTP/1.1",
            "headers": [["Host", "test"], ["User-Agent", "a"]],
            "client_ip": "203.0.113.7",
            "secure": True,
            "request_id": "req-1",
            **fields,
        }
        number = self.server.begin("web", {"id": self.ids[path], "request": request})
        for start in range(0, len(body), 50_000):
            self.server.send(frames.plain(frames.DATA, number, body[start : start + 50_000]))
        self.server.send(frames.plain(frames.END, number))
        return Response(self.server, number)

    def request(self, method: str, uri: str, body: bytes = b"", **fields: Any) -> Tuple[Response, bytes]:
        response = self.begin(method, uri, body, **fields)
        response.head()
        return response, response.body()


LEAF = "/_synapse/client/leaf"


@pytest.fixture(scope="module")
def web() -> Any:
    server = FakeServer()
    server.load("web_modules.Web")
    yield Web(server)
    server.close()


def _web(server: FakeServer, config: Dict[str, Any]) -> Web:
    """A server of a test's own, with the module under another configuration."""
    server.load(("web_modules.Web", config))
    return Web(server)


def test_registration(web: Web) -> None:
    notes = [params for method, params in web.server.notes if method == "register_web_resource"]
    assert [(note["item"], note["path"], note["is_leaf"]) for note in notes] == [
        (0, "/_synapse/client/leaf", True),
        (0, "/_synapse/client/tree", False),
        (0, "/_synapse/client/direct", True),
    ]


def test_a_request_arrives_whole(web: Web) -> None:
    headers = [["Host", "test"], ["Accept", "x/y"], ["Cookie", "c=d"], ["User-Agent", "a"], ["User-Agent", "b"]]
    response, body = web.request("GET", LEAF + "/a%20b/c?x=1&x=2&y=%C3%A4", headers=headers)
    assert response.status == 200
    assert response.headers["content-type"] == "text/html"
    assert json.loads(body) == {
        "path": LEAF + "/a%20b/c",
        "uri": LEAF + "/a%20b/c?x=1&x=2&y=%C3%A4",
        "prepath": ["_synapse", "client", "leaf"],
        "postpath": ["a b", "c"],
        "args": {"x": ["1", "2"], "y": ["ä"]},
        "client": "203.0.113.7",
        "secure": True,
        "accept": "x/y",
        "cookie": "d",
        "user_agents": ["a", "b"],
    }


def test_an_address_of_version_6(web: Web) -> None:
    _, body = web.request("GET", LEAF, client_ip="2001:db8::1", secure=False)
    assert json.loads(body)["client"] == "2001:db8::1"
    assert json.loads(body)["secure"] is False


def test_status_reason_and_headers(web: Web) -> None:
    response = web.begin("GET", LEAF + "?what=headers")
    answer = response.head()
    assert (answer["status"], answer["reason"]) == (418, "Teapot")
    assert response.headers["x-one"] == "1"
    assert [value for name, value in response.pairs if name.lower() == "x-two"] == ["a", "b"]
    assert response.headers["set-cookie"] == "k=v"
    assert not {"date", "server", "transfer-encoding", "connection"} & set(response.headers)
    assert response.body() == b"teapot"


def test_a_redirect(web: Web) -> None:
    response, _ = web.request("GET", LEAF + "?what=redirect")
    assert response.status == 302
    assert response.headers["location"] == "https://elsewhere/"


def test_bodies_and_forms(web: Web) -> None:
    large = b"z" * 300_000
    _, body = web.request("POST", LEAF, large, headers=[["Content-Length", str(len(large))]])
    assert json.loads(body) == {"length": 300_000, "start": "z" * 20, "args": {}}
    _, body = web.request("POST", LEAF, large)
    assert json.loads(body)["length"] == 300_000
    form = [["Content-Type", "application/x-www-form-urlencoded"]]
    _, body = web.request("POST", LEAF + "?q=1", b"a=1&a=2&b=%20", headers=form)
    assert json.loads(body)["args"] == {"q": ["1"], "a": ["1", "2"], "b": [" "]}


def test_credit_for_a_request_is_given_back(web: Web) -> None:
    large = b"z" * 300_000
    response = web.begin("POST", LEAF, large)
    response.head()
    response.body()
    credits = [body for kind, body in response.pieces if kind == frames.CREDIT]
    assert sum(frames.U32.unpack(body)[0] for body in credits) >= frames.INITIAL_CREDIT // 2


def test_a_form_that_cannot_be_read(web: Web) -> None:
    response, _ = web.request("POST", LEAF, b"x", headers=[["Content-Type", "multipart/form-data; boundary=("]])
    assert response.status in (200, 400)


def test_head_is_answered_by_get_without_a_body(web: Web) -> None:
    response, body = web.request("HEAD", LEAF)
    assert (response.status, body) == (200, b"")
    assert int(response.headers["content-length"]) > 10


def test_a_method_the_resource_does_not_have(web: Web) -> None:
    response, _ = web.request("POST", "/_synapse/client/tree")
    assert response.status == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    # Twisted knows no more than these methods; the others it does not implement at all.
    assert web.request("PUT", LEAF)[0].status == 501


def test_faults_of_resources(web: Web) -> None:
    response, body = web.request("GET", LEAF + "?what=str")
    assert response.status == 500
    assert b"did not return bytes" in body
    response, body = web.request("GET", LEAF + "?what=raise")
    assert response.status == 500
    assert b"inside a resource" not in body


def test_the_tree_below_a_resource(web: Web) -> None:
    tree = "/_synapse/client/tree"
    assert web.request("GET", tree)[1] == b"root of the tree"
    response, body = web.request("GET", tree + "/child/more")
    assert json.loads(body)["postpath"] == ["more"]
    assert web.request("GET", tree + "/absent")[0].status == 404
    assert web.request("GET", tree + "/")[0].status == 404


def test_resources_of_synapse(web: Web) -> None:
    direct = "/_synapse/client/direct"
    response, body = web.request("GET", direct)
    assert (response.status, json.loads(body)) == (200, {"hello": "world"})
    assert response.headers["content-type"] == "application/json"
    response, body = web.request("GET", direct + "?fail=1")
    assert (response.status, json.loads(body)) == (403, {"errcode": "M_FORBIDDEN", "error": "no"})


def test_an_answer_in_chunks_is_a_stream(web: Web) -> None:
    response, body = web.request("GET", LEAF + "?what=chunks")
    assert body == b"chunk 0;chunk 1;chunk 2;"
    assert "transfer-encoding" not in response.headers


@pytest.mark.parametrize("what", ["large", "producer"])
def test_no_more_is_sent_than_the_server_takes(web: Web, what: str) -> None:
    response = web.begin("GET", f"{LEAF}?what={what}")
    response.head()
    web.server.until(lambda: len(response.received()) >= frames.INITIAL_CREDIT)
    web.server.call("ping", {})
    assert len(response.received()) == frames.INITIAL_CREDIT
    web.server.send(frames.credit(response.number, 1000))
    web.server.call("ping", {})
    assert len(response.received()) == frames.INITIAL_CREDIT + 1000
    web.server.send(frames.credit(response.number, 10_000_000))
    assert len(response.body()) == 1_000_000
    if what == "producer":
        pauses = int(web.server.log_containing("produced with")["message"].split()[2])
        assert pauses >= 1


@pytest.mark.parametrize("start", ["", "&start=1"])
def test_a_client_that_hangs_up(web: Web, start: str) -> None:
    web.server.notes.clear()
    response = web.begin("GET", LEAF + "?what=wait" + start)
    web.server.log_containing("waiting")
    web.server.send(frames.plain(frames.CANCEL, response.number))
    log = web.server.log_containing("hung up")
    assert log["message"].endswith("True")


@pytest.mark.parametrize("size", [0, 5, 300_000, 1_000_000])
def test_files_are_served(server: FakeServer, tmp_path: Path, size: int) -> None:
    (tmp_path / "a.txt").write_bytes(b"z" * size)
    web = _web(server, {"files": str(tmp_path)})
    response, body = web.request("GET", "/_synapse/client/files/a.txt")
    assert (response.status, response.headers["content-length"]) == (200, str(size))
    assert body == b"z" * size
    assert web.request("GET", "/_synapse/client/files/b.txt")[0].status == 404


def test_no_more_is_read_of_a_file_than_the_server_takes(server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"z" * 1_000_000)
    web = _web(server, {"files": str(tmp_path)})
    response = web.begin("GET", "/_synapse/client/files/a.txt")
    response.head()
    web.server.until(lambda: len(response.received()) >= frames.INITIAL_CREDIT)
    web.server.call("ping", {})
    assert len(response.received()) == frames.INITIAL_CREDIT
    web.server.send(frames.plain(frames.CANCEL, response.number))
    assert web.request("GET", "/_synapse/client/files/a.txt")[0].status == 200


def test_a_client_that_hangs_up_on_a_producer(web: Web) -> None:
    response = web.begin("GET", LEAF + "?what=producer")
    response.head()
    web.server.send(frames.plain(frames.CANCEL, response.number))
    web.server.log_containing("producer stopped")


def test_a_producer_that_fails(web: Web) -> None:
    response = web.begin("GET", LEAF + "?what=bad%20producer")
    response.head()
    web.server.until(lambda: len(response.received()) >= frames.INITIAL_CREDIT)
    web.server.send(frames.credit(response.number, 10_000_000))
    log = web.server.log_containing("could not be dealt with")
    assert "cannot go on" in log["traceback"]
    assert web.request("GET", LEAF + "?what=redirect")[0].status == 302


def test_a_request_broken_off_before_its_end(web: Web) -> None:
    request = {"method": "POST", "uri": LEAF, "headers": [], "client_ip": "1.2.3.4", "secure": False}
    number = web.server.begin("web", {"id": web.ids[LEAF], "request": request})
    web.server.send(frames.plain(frames.DATA, number, b"abc"))
    web.server.send(frames.plain(frames.ABORT, number))
    assert web.server.call("ping", {})["pending"] == 0
    assert number not in web.server.answers


def test_a_module_that_hangs_up(web: Web) -> None:
    response = web.begin("GET", LEAF + "?what=hang%20up")
    with pytest.raises(Exception) as caught:
        response.head()
    assert caught.value.error["kind"] == "exception"
    response = web.begin("GET", LEAF + "?what=hang%20up&start=1")
    response.head()
    web.server.until(lambda: response.pieces and response.pieces[-1][0] == frames.ABORT)
    assert response.received() == b"begun"


def test_a_resource_that_is_not_registered(web: Web) -> None:
    request = {"method": "GET", "uri": "/x", "headers": [], "client_ip": "1.2.3.4", "secure": False}
    assert web.server.failure("web", {"id": 9999, "request": request}) == {"kind": "unregistered"}


def test_additional_resources(server: FakeServer) -> None:
    def entry(name: str, path: str) -> Dict[str, Any]:
        return {"kind": "additional_resource", "module": f"legacy_modules.{name}", "config": {}, "web_path": path}

    server.load(entry("Handler", "/handler"), entry("SyncHandler", "/sync"), entry("HandlerResource", "/resource"))
    web = Web(server)
    response, body = web.request("GET", "/handler")
    assert (response.status, body) == (200, b"handled /handler")
    response, body = web.request("GET", "/handler?fail=1")
    assert response.status == 500
    assert json.loads(body) == {"errcode": "M_UNKNOWN", "error": "Internal server error"}
    assert web.request("GET", "/sync")[1] == b"at once"
    assert web.request("GET", "/resource")[1] == b"resource"
