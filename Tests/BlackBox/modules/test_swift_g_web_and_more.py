"""G. Account validity, account data, caches and web resources, in Swift."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Callable

import pytest
from blackbox.client import Client, User
from blackbox.modules import Puppet, SwiftPuppet, logged, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

puppet_server = shared_puppet({
    "account_validity": ["is_user_expired", "on_user_registration", "on_user_login"],
    "account_data": ["on_account_data_updated"],
}, SwiftPuppet)


def test_g2_an_expired_user_can_only_log_out(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    puppet.answers("is_user_expired", result=True)
    for answer in (alice.get("account", "whoami"), alice.post("createRoom", body={}), alice.get("sync")):
        assert answer.refused(403, "ORG_MATRIX_EXPIRED_ACCOUNT")["error"] == "User account has expired"
    assert [alice.id] in puppet.calls("is_user_expired")
    told = puppet.run(server, "users.requester", alice.token)
    assert (told["code"], told["errcode"]) == (403, "ORG_MATRIX_EXPIRED_ACCOUNT")
    assert puppet.run(server, "users.requester", alice.token, allow_expired=True)["result"]["user"] == alice.id
    for result in (False, None):
        puppet.answers("is_user_expired", result=result)
        alice.get("account", "whoami").ok()
    puppet.answers("is_user_expired", throw="x")
    alice.get("account", "whoami").refused(500, "M_UNKNOWN")
    puppet.answers("is_user_expired", result=True)
    alice.post("logout").ok()


def test_g3_registrations_and_logins_are_told_of(puppet: SwiftPuppet, server: LocalServer) -> None:
    alice = server.user("alice")
    assert puppet.calls("on_user_registration") == [[alice.id]]
    assert puppet.calls("on_user_login") == []
    server.login(alice)
    assert puppet.calls("on_user_login") == [[alice.id, "m.login.password", None]]
    puppet.answers("on_user_login", throw="x")
    body = {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.localpart},
        "password": alice.password,
    }
    Client(server.base_url).post("login", body=body).refused(500, "M_UNKNOWN")
    puppet.answers("on_user_registration", throw="x")
    body = {"username": "halfway", "password": "a long enough one", "auth": {"type": "m.login.dummy"}}
    Client(server.base_url).post("register", body=body).refused(500, "M_UNKNOWN")
    puppet.forget()
    user = puppet.result(server, "users.register", localpart="by.module")
    assert puppet.calls("on_user_registration") == [[user]]


def test_g4_account_data_that_changes(puppet: SwiftPuppet, server: LocalServer, alice: User, room: str) -> None:
    alice.put("user", alice.id, "account_data", "org.example.a", body={"x": 1}).ok()
    alice.put("user", alice.id, "rooms", room, "account_data", "org.example.b", body={"y": 2}).ok()
    assert puppet.calls("on_account_data_updated") == [
        [alice.id, None, "org.example.a", {"x": 1}], [alice.id, room, "org.example.b", {"y": 2}],
    ]
    puppet.result(server, "account_data.set_global", user=alice.id, type="org.example.c", content={"z": 3})
    assert puppet.calls("on_account_data_updated")[-1] == [alice.id, None, "org.example.c", {"z": 3}]
    puppet.answers("on_account_data_updated", throw="x")
    alice.put("user", alice.id, "account_data", "org.example.a", body={"x": 2}).ok()


def test_g9_what_is_cached_stays_until_it_is_invalidated(puppet: SwiftPuppet, server: LocalServer) -> None:
    def look_up(key: str) -> int:
        return puppet.result(server, "cache.get", key=key)

    first = look_up("a")
    assert [look_up("a"), look_up("b"), look_up("a")] == [first, first + 1, first]
    puppet.result(server, "cache.invalidate", key="a")
    assert [look_up("a"), look_up("a"), look_up("b")] == [first + 2, first + 2, first + 1]
    puppet.result(server, "cache.prefill", key="a", value=77)
    assert look_up("a") == 77


SHARED, OWN = "/_synapse/client/shared", "/_synapse/client/own"


@pytest.fixture
def web(module_server: MakeModuleServer, tmp_path: Path) -> tuple[Client, SwiftPuppet]:
    """A server with modules in Swift that answer at paths; the second has one that the first has too."""
    first, second = (SwiftPuppet(tmp_path / name, name, {}) for name in ("first", "second"))
    server = module_server(
        first.entry(paths=[SHARED, "/own/page", "/_matrix/client/v3/mine", "/.well-known/matrix/client"]),
        second.entry(paths=[SHARED, OWN, f"{OWN}/deeper"]),
    )
    logged(server, "WARNING", SHARED)
    return Client(server.base_url), first


def test_g10_g11_resources(web: tuple[Client, SwiftPuppet]) -> None:
    client, first = web
    # The first to register a path keeps it, and the longest path that fits answers.
    assert client.request("GET", SHARED).ok()["puppet"] == "first"
    told = client.request("GET", f"{OWN}/deeper/still?a=1&a=%41&b=2", headers={"User-Agent": "me"}).ok()
    assert (told["puppet"], told["path"], told["a"]) == ("second", f"{OWN}/deeper/still", ["1", "A"])
    assert (told["ip"], told["agent"]) == ("127.0.0.1", "me")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        told = client.request(method, OWN, b"x" * 1_000_000).ok()
        assert (told["method"], told["bytes"]) == (method, 1_000_000)
    head = client.request("HEAD", OWN)
    assert (head.status, head.body) == (200, b"")
    options = client.request("OPTIONS", OWN)
    assert (options.status, options.body) == (204, b"") and options.headers["Access-Control-Allow-Origin"] == "*"
    assert client.request("GET", "/own/page").ok()["puppet"] == "first"

    # Errors, as Matrix has them.
    failed = client.request("GET", f"{OWN}?fail=1")
    assert (failed.status, failed.json) == (418, {"errcode": "M_TEAPOT", "error": "short and stout", "spout": True})
    crashed = client.request("GET", f"{OWN}?crash=1").refused(500, "M_UNKNOWN")
    assert crashed == {"errcode": "M_UNKNOWN", "error": "Internal server error"}
    client.request("GET", "/_synapse/client/puppet/first").refused(405, "M_UNRECOGNIZED")

    # Pages, and answers in pieces.
    page = client.request("GET", f"{OWN}?page=%3Cp%3Ehello%3C%2Fp%3E")
    assert page.body == b"<p>hello</p>" and page.headers["Content-Type"].startswith("text/html")
    assert page.headers["X-Frame-Options"] == "DENY"
    assert client.request("GET", f"{OWN}?pieces=40").body == b"x" * 40 * 65536
    with socket.create_connection(("127.0.0.1", int(client.base_url.rsplit(":", 1)[1]))) as connection:
        connection.sendall(f"GET {SHARED}?pieces=1000000 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    first.wait_for_calls("hung up")

    # The server's own paths: one is replaced, what lies below them is not reached.
    client.request("GET", "/_matrix/client/v3/mine").refused(404, "M_UNRECOGNIZED")
    assert client.request("GET", "/.well-known/matrix/client").ok()["puppet"] == "first"


@pytest.mark.parametrize("swift_first", [True, False])
def test_g10_the_first_module_of_either_language_keeps_a_path(
    module_server: MakeModuleServer, tmp_path: Path, swift_first: bool
) -> None:
    swift, python = SwiftPuppet(tmp_path / "s", "same", {}), Puppet(tmp_path / "p", "same", {})
    entries = [swift.entry(), python.entry()]
    server = module_server(*(entries if swift_first else reversed(entries)))
    if swift_first:
        assert swift.result(server, "server")["server_name"] == "localhost"
    else:
        assert python.result(server, "api.server_name") == "localhost"
    logged(server, "WARNING", "/_synapse/client/puppet/same")
