"""Requests as proxies, old clients and attackers send them, written byte by byte."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest
from blackbox.client import User
from blackbox.server import Homeserver

VERSIONS = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Wire:
    """A bare connection."""

    def __init__(self, base_url: str):
        url = urlsplit(base_url)
        self.socket = socket.create_connection((url.hostname or "", url.port or 80), timeout=10)
        self.rest = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until(self, end: bytes) -> bytes:
        while end not in self.rest:
            data = self.socket.recv(65_536)
            if not data:
                raise EOFError(self.rest)
            self.rest += data
        found, _, self.rest = self.rest.partition(end)
        return found

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer but 1xx."""
        while True:
            first, *lines = self.until(b"\r\n\r\n").decode().split("\r\n")
            status = int(first.split()[1])
            if status >= 200:
                break
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = b""
        if "content-length" in headers:
            length = int(headers["content-length"])
            while len(self.rest) < length:
                self.rest += self.socket.recv(65_536)
            body, self.rest = self.rest[:length], self.rest[length:]
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(self.until(b"\r\n"), 16):
                while len(self.rest) < size + 2:
                    self.rest += self.socket.recv(65_536)
                body, self.rest = body + self.rest[:size], self.rest[size + 2 :]
            self.until(b"\r\n")
        return status, headers, body


@pytest.fixture
def wire(hs: Homeserver) -> Wire:
    return Wire(hs.base_url)


def create_room(alice: User, headers: str, body: bytes) -> bytes:
    head = f"POST /_matrix/client/v3/createRoom HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {alice.token}\r\n{headers}\r\n"
    return head.encode() + body


def test_requests_one_after_the_other_without_waiting(wire: Wire) -> None:
    with wire:
        wire.send(VERSIONS * 5)
        assert [wire.answer()[0] for _ in range(5)] == [200] * 5


def test_a_request_in_small_pieces(wire: Wire) -> None:
    with wire:
        for index in range(0, len(VERSIONS), 7):
            wire.send(VERSIONS[index : index + 7])
        assert wire.answer()[0] == 200


def test_a_body_in_chunks(alice: User, wire: Wire) -> None:
    with wire:
        wire.send(create_room(alice, "Transfer-Encoding: chunked\r\n", b'a\r\n{"name": "\r\n5\r\nTea"}\r\n0\r\n\r\n'))
        status, _, body = wire.answer()
        assert status == 200, body
    assert alice.state(json.loads(body)["room_id"], "m.room.name") == {"name": "Tea"}


def test_a_client_that_asks_before_it_sends_the_body(alice: User, wire: Wire) -> None:
    with wire:
        wire.send(create_room(alice, "Content-Length: 2\r\nExpect: 100-continue\r\n", b""))
        wire.send(b"{}")
        assert wire.answer()[0] == 200


def test_a_client_that_wants_the_connection_closed(wire: Wire) -> None:
    with wire:
        wire.send(VERSIONS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert wire.answer()[0] == 200
        assert wire.socket.recv(1) == b""


def test_an_old_client(wire: Wire) -> None:
    with wire:
        wire.send(b"GET /_matrix/client/versions HTTP/1.0\r\n\r\n")
        assert wire.until(b"\r\n").split()[1] == b"200"


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /_matrix/client/v3/profile/%zz HTTP/1.1", b"GET /_matrix/client/v3/profile/%00 HTTP/1.1",
        b"GET /_matrix/client/v3/profile/%ff%fe HTTP/1.1", b"GET /_matrix/client/v3/profile/%C3%28/displayname HTTP/1.1",
        b"GET /_matrix//client/versions HTTP/1.1", b"GET /../../etc/passwd HTTP/1.1", b"GET /_matrix/client/versions/ HTTP/1.1",
        b"GET /_matrix/client/v3/sync?since=%ff&timeout=%zz HTTP/1.1",
    ],
)
def test_a_strange_path_gets_an_answer(wire: Wire, request_line: bytes) -> None:
    with wire:
        wire.send(request_line + b"\r\nHost: localhost\r\n\r\n")
        status, _, _ = wire.answer()
        assert 400 <= status < 500
        # And so does the next request.
        wire.send(VERSIONS)
        assert wire.answer()[0] == 200


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"NONSENSE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
        b"GET /_matrix/client/versions HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Long: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-Many-%d: a\r\n" % n for n in range(20_000)) + b"\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["tls", "words", "version", "negative", "smuggled", "bad-chunk", "long-header", "many-headers", "long-path"],
)
def test_rubbish_is_refused_or_ends_the_connection_and_hurts_nobody(hs: Homeserver, wire: Wire, rubbish: bytes) -> None:
    with wire:
        try:
            wire.send(rubbish)
            wire.socket.settimeout(3)
            first = wire.socket.recv(100)
            assert first == b"" or first.split()[1].startswith(b"4") or first.split()[1] == b"505"
        except TimeoutError:
            pass  # It waits for more, which a client may do.
        except OSError:
            pass  # It hung up.
    assert hs.client().request("GET", "/_matrix/client/versions").status == 200


def test_a_body_that_never_comes_holds_up_nobody(hs: Homeserver, alice: User, wire: Wire) -> None:
    with wire:
        wire.send(create_room(alice, "Content-Length: 100000\r\n", b'{"name": '))
        for _ in range(3):
            alice.get("account", "whoami").ok()


def test_a_client_that_hangs_up_in_a_long_poll_holds_up_nobody(hs: Homeserver, alice: User) -> None:
    since = alice.sync()["next_batch"]
    for _ in range(20):
        with Wire(hs.base_url) as other:
            path = f"/_matrix/client/v3/sync?timeout=30000&since={since}&access_token={alice.token}"
            other.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    alice.create_room()
    assert alice.sync(since)["next_batch"]
