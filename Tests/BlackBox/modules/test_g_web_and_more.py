"""G. Account validity, account data, caches and web resources, in Python."""

from __future__ import annotations

import http.client
import socket
import time
from pathlib import Path
from typing import Callable

import pytest
from blackbox.client import Client, User
from blackbox.modules import Puppet, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

puppet_server = shared_puppet({
    "account_validity": ["is_user_expired", "on_user_registration", "on_user_login"],
    "account_data": ["on_account_data_updated"],
})


def test_g2_an_expired_user_can_only_log_out(puppet: Puppet, server: LocalServer, alice: User) -> None:
    puppet.answers("is_user_expired", "True")
    for answer in (alice.get("account", "whoami"), alice.post("createRoom", body={}), alice.get("sync")):
        assert answer.refused(403, "ORG_MATRIX_EXPIRED_ACCOUNT")["error"] == "User account has expired"
    assert [alice.id] in puppet.calls("is_user_expired")
    puppet.answers("is_user_expired", "False")
    alice.get("account", "whoami").ok()
    puppet.answers("is_user_expired", "None")
    alice.get("account", "whoami").ok()
    puppet.answers("is_user_expired", "True")
    alice.post("logout").ok()


def test_g2_the_first_module_that_knows_decides(module_server: MakeModuleServer, tmp_path: Path) -> None:
    puppets = [Puppet(tmp_path / n, n, {"account_validity": ["is_user_expired"]}) for n in ("first", "second")]
    server = module_server(*(puppet.entry() for puppet in puppets))
    alice = server.user("alice")
    puppets[1].answers("is_user_expired", "True")
    alice.get("account", "whoami").refused(403, "ORG_MATRIX_EXPIRED_ACCOUNT")
    puppets[0].answers("is_user_expired", "False")
    alice.get("account", "whoami").ok()


def test_g3_registrations_and_logins_are_told_of(puppet: Puppet, server: LocalServer) -> None:
    alice = server.user("alice")
    assert puppet.calls("on_user_registration") == [[alice.id]]
    assert puppet.calls("on_user_login") == []
    server.login(alice)
    assert puppet.calls("on_user_login") == [[alice.id, "m.login.password", None]]
    puppet.answers("on_user_login", 'raise RuntimeError("x")')
    body = {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.localpart},
        "password": alice.password,
    }
    Client(server.base_url).post("login", body=body).refused(500, "M_UNKNOWN")
    puppet.answers("on_user_registration", 'raise RuntimeError("x")')
    body = {"username": "halfway", "password": "a long enough one", "auth": {"type": "m.login.dummy"}}
    Client(server.base_url).post("register", body=body).refused(500, "M_UNKNOWN")


def test_g4_account_data_that_changes(puppet: Puppet, server: LocalServer, alice: User, room: str) -> None:
    alice.put("user", alice.id, "account_data", "org.example.a", body={"x": 1}).ok()
    alice.put("user", alice.id, "rooms", room, "account_data", "org.example.b", body={"y": 2}).ok()
    assert puppet.calls("on_account_data_updated") == [
        [alice.id, None, "org.example.a", {"x": 1}], [alice.id, room, "org.example.b", {"y": 2}],
    ]
    puppet.result(server, f'await api.account_data_manager.put_global("{alice.id}", "org.example.c", {{"z": 3}})')
    assert puppet.calls("on_account_data_updated")[-1] == [alice.id, None, "org.example.c", {"z": 3}]
    puppet.answers("on_account_data_updated", 'raise RuntimeError("x")')
    alice.put("user", alice.id, "account_data", "org.example.a", body={"x": 2}).ok()


CACHING = '''
from synapse.module_api import cached, DirectServeJsonResource
class Departments:
    def __init__(self, config, api):
        self.api = api
        self.server_name, self.clock = api.server_name, getattr(api, "_clock", None) or api._hs.get_clock()
        self.calls = []
        api.register_cached_function(self.department_of)
        api.register_web_resource("/_synapse/client/departments", Page(self))
    @cached()
    async def department_of(self, user_id):
        self.calls.append(user_id)
        return "department %d" % len(self.calls)
class Page(DirectServeJsonResource):
    isLeaf = True
    def __init__(self, module):
        super().__init__()
        self.module = module
    async def _async_render_GET(self, request):
        user = request.args[b"user"][0].decode()
        if b"forget" in request.args:
            await self.module.api.invalidate_cache(self.module.department_of, (user,))
        return 200, {"department": await self.module.department_of(user)}
'''


def test_g9_h7_what_is_cached_stays_until_it_is_invalidated(module_server: MakeModuleServer, tmp_path: Path) -> None:
    (tmp_path / "departments.py").write_text(CACHING)
    server = module_server({"module": "departments.Departments"}, path=(tmp_path,))
    client = Client(server.base_url)

    def look_up(user: str, more: str = "") -> str:
        return client.request("GET", f"/_synapse/client/departments?user={user}{more}").ok()["department"]

    assert [look_up("a"), look_up("a"), look_up("b")] == ["department 1", "department 1", "department 2"]
    assert [look_up("a", "&forget=1"), look_up("a"), look_up("b")] == ["department 3", "department 3", "department 2"]


WEB = '''
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.internet import reactor
from synapse.module_api import DirectServeJsonResource, DirectServeHtmlResource, respond_with_html, run_in_background
from synapse.module_api.errors import SynapseError
import json, os

class Plain(Resource):
    isLeaf = True
    def render_GET(self, request):
        request.setHeader(b"Content-Type", b"text/plain")
        request.setHeader(b"X-Mine", b"yes")
        return b"plain " + request.uri
    def render_POST(self, request):
        return b"%d bytes of %s" % (len(request.content.read()), request.getHeader("content-type").encode())
    def render_PUT(self, request):
        raise ValueError("no")
class Text(Resource):
    isLeaf = True
    def render_GET(self, request):
        return "not bytes"
class Tree(Resource):
    def __init__(self):
        super().__init__()
        self.putChild(b"branch", Plain())
    def render_GET(self, request):
        return b"root of the tree"
class Json(DirectServeJsonResource):
    isLeaf = True
    async def _async_render_GET(self, request):
        if b"fail" in request.args:
            raise SynapseError(418, "short and stout", "M_TEAPOT", {"spout": True})
        if b"crash" in request.args:
            raise RuntimeError("x")
        return 200, {"args": {k.decode(): [i.decode() for i in v] for k, v in request.args.items()},
                     "ip": request.getClientAddress().host, "agent": request.getHeader("User-Agent")}
class Html(DirectServeHtmlResource):
    isLeaf = True
    async def _async_render_GET(self, request):
        if b"fail" in request.args:
            raise SynapseError(404, "no such page")
        return 200, b"<p>hello</p>"
class Chunks(Resource):
    isLeaf = True
    def render_GET(self, request):
        size, self.sent = 65536, 0
        total = int(request.args[b"total"][0])
        gone = []
        request.notifyFinish().addErrback(lambda _: gone.append(1))
        def write():
            if gone:
                open(os.environ["GONE_FILE"], "w").write("gone")
                return
            if self.sent >= total:
                request.finish()
                return
            request.write(b"x" * size)
            self.sent += size
            reactor.callLater(0.001, write)
        write()
        return NOT_DONE_YET
class Web:
    def __init__(self, config, api):
        for path, resource in {"/_synapse/client/plain": Plain(), "/_synapse/client/text": Text(),
                "/_synapse/client/tree": Tree(), "/_synapse/client/json": Json(), "/_synapse/client/html": Html(),
                "/_synapse/client/chunks": Chunks(), "/_matrix/client/v3/mine": Plain(), "/own/page": Plain()}.items():
            api.register_web_resource(path, resource)
class Second:
    def __init__(self, config, api):
        api.register_web_resource("/_synapse/client/plain", Text())
'''


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> object:
    from blackbox.modules import python_path, settings_for_python
    from blackbox.server import new_server

    folder = tmp_path_factory.mktemp("web")
    (folder / "web_module.py").write_text(WEB)
    entries = [{"module": "web_module.Web"}, {"module": "web_module.Second"}]
    server = new_server(folder / "server", "sqlite", settings_for_python(modules=entries))
    server.environment.update(python_path(folder), GONE_FILE=str(folder / "gone"))
    server.start()
    yield server, folder / "gone"
    server.discard()


@pytest.fixture
def client(web: tuple[LocalServer, Path]) -> Client:
    return Client(web[0].base_url)


def test_g10_plain_resources(client: Client) -> None:
    answer = client.request("GET", "/_synapse/client/plain/deeper?q=%41")
    assert (answer.status, answer.body) == (200, b"plain /_synapse/client/plain/deeper?q=%41")
    assert answer.headers["X-Mine"] == "yes" and answer.headers["Content-Type"] == "text/plain"
    posted = client.request("POST", "/_synapse/client/plain", b"12345", headers={"Content-Type": "x/y"})
    assert posted.body == b"5 bytes of x/y"
    assert client.request("DELETE", "/_synapse/client/plain").status == 501
    wrong = client.request("POST", "/_synapse/client/text", b"")
    assert wrong.status == 405 and "GET" in wrong.headers["Allow"]
    assert client.request("PUT", "/_synapse/client/plain", b"").status == 500
    assert client.request("GET", "/_synapse/client/text").status == 500
    head = client.request("HEAD", "/_synapse/client/plain")
    assert (head.status, head.body) == (200, b"")
    assert client.request("GET", "/own/page").body == b"plain /own/page"


def test_g10_the_first_of_two_resources_at_a_path_serves(client: Client) -> None:
    assert client.request("GET", "/_synapse/client/plain").body == b"plain /_synapse/client/plain"


def test_g10_resources_with_children(client: Client) -> None:
    assert client.request("GET", "/_synapse/client/tree").body == b"root of the tree"
    assert client.request("GET", "/_synapse/client/tree/branch").body == b"plain /_synapse/client/tree/branch"
    assert client.request("GET", "/_synapse/client/tree/none").status == 404


def test_g10_json_resources(client: Client) -> None:
    answer = client.request("GET", "/_synapse/client/json?a=1&a=2&b=%C3%A4", headers={"User-Agent": "me"})
    assert answer.ok() == {"args": {"a": ["1", "2"], "b": ["ä"]}, "ip": "127.0.0.1", "agent": "me"}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    failed = client.request("GET", "/_synapse/client/json?fail=1")
    assert (failed.status, failed.json) == (418, {"errcode": "M_TEAPOT", "error": "short and stout", "spout": True})
    crashed = client.request("GET", "/_synapse/client/json?crash=1")
    assert (crashed.status, crashed.json) == (500, {"errcode": "M_UNKNOWN", "error": "Internal server error"})
    client.request("POST", "/_synapse/client/json", {}).refused(405, "M_UNRECOGNIZED")
    options = client.request("OPTIONS", "/_synapse/client/json")
    assert (options.status, options.body) == (204, b"") and options.headers["Access-Control-Allow-Origin"] == "*"


def test_g10_pages(client: Client) -> None:
    page = client.request("GET", "/_synapse/client/html")
    assert (page.status, page.body) == (200, b"<p>hello</p>")
    assert page.headers["X-Frame-Options"] == "DENY" and page.headers["Content-Type"].startswith("text/html")
    failed = client.request("GET", "/_synapse/client/html?fail=1")
    assert failed.status == 404 and failed.headers["Content-Type"].startswith("text/html")


def test_g10_answers_in_pieces(client: Client) -> None:
    total = 40 * 65536
    answer = client.request("GET", f"/_synapse/client/chunks?total={total}")
    assert answer.body == b"x" * total


def test_g10_large_requests(client: Client) -> None:
    answer = client.request("POST", "/_synapse/client/plain", b"y" * 5_000_000, headers={"Content-Type": "x/y"})
    assert answer.body == b"5000000 bytes of x/y"


def test_g10_a_client_that_hangs_up_is_noticed(web: tuple[LocalServer, Path]) -> None:
    server, gone = web
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /_synapse/client/chunks?total=100000000000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    end = time.monotonic() + 15
    while not gone.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert gone.exists()
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/_synapse/client/plain")
    assert connection.getresponse().status == 200


def test_g11_what_lies_below_the_servers_own_paths_is_not_reached(client: Client) -> None:
    client.request("GET", "/_matrix/client/v3/mine").refused(404, "M_UNRECOGNIZED")
