"""F. Password auth providers in Swift."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
from blackbox.client import PASSWORD, Client, User
from blackbox.modules import Puppet, SwiftPuppet, ended, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

puppet_server = shared_puppet({
    "password_auth_provider": [
        "test.login_type", "is_3pid_allowed", "get_username_for_registration", "get_displayname_for_registration",
    ],
}, SwiftPuppet)
TYPE = "test.login_type"


@pytest.fixture
def client(server: LocalServer) -> Client:
    return Client(server.base_url)


def login(client: Client, user: str, type: str = TYPE, **fields: Any) -> Any:
    return client.post("login", body={"type": type, "identifier": {"type": "m.id.user", "user": user}, **fields})


def flows(client: Client) -> list[str]:
    return [flow["type"] for flow in client.get("login").ok()["flows"]]


def delete_device(user: User, device: str, auth: dict | None = None) -> Any:
    return user.request("DELETE", f"/_matrix/client/v3/devices/{device}", {"auth": auth} if auth else {})


def test_f5_f6_a_login_type_of_the_modules_own(
    puppet: SwiftPuppet, server: LocalServer, client: Client, alice: User, bob: User
) -> None:
    assert flows(client) == ["m.login.password", TYPE, "m.login.application_service"]
    missing = login(client, alice.localpart).refused(400, "M_UNKNOWN", "M_MISSING_PARAM")
    assert "test_field" in missing["error"] and puppet.calls(TYPE) == []
    puppet.answers(TYPE, result=alice.id)
    session = login(client, alice.localpart, test_field="y", other="not shown").ok()
    assert session["user_id"] == alice.id
    assert puppet.calls(TYPE) == [[alice.localpart, TYPE, {"test_field": "y"}]]
    puppet.answers(TYPE)
    login(client, alice.localpart, test_field="n").refused(403, "M_FORBIDDEN")

    challenge = delete_device(alice, session["device_id"])
    assert sorted(str(flow["stages"]) for flow in challenge.json["flows"]) == [
        "['m.login.password']", "['test.login_type']",
    ]
    asked = len(puppet.calls(TYPE))
    auth = {
        "type": TYPE, "identifier": {"type": "m.id.user", "user": alice.localpart},
        "session": challenge.json["session"],
    }
    assert "Missing parameters" in str(delete_device(alice, session["device_id"], auth).refused(400, "M_UNKNOWN"))
    assert len(puppet.calls(TYPE)) == asked
    puppet.answers(TYPE, result=bob.id)
    assert delete_device(alice, session["device_id"], {**auth, "test_field": "y"}).status == 403
    puppet.answers(TYPE, result=alice.id)
    assert delete_device(alice, session["device_id"], {**auth, "test_field": "y"}).status == 200
    assert puppet.calls(TYPE)[-1][0] == alice.localpart


def test_f7_a_callback_after_the_login(puppet: SwiftPuppet, client: Client, alice: User) -> None:
    puppet.answers(TYPE, result=alice.id, response={"org.example.extra": "by module"})
    session = login(client, alice.localpart, test_field="y").ok()
    assert session["org.example.extra"] == "by module"
    ((response,),) = puppet.calls("login_callback")
    assert sorted(response) == ["access_token", "device_id", "home_server", "user_id"]
    assert response["access_token"] == session["access_token"]


def test_f10_a_checker_that_fails_counts_as_a_failure(puppet: SwiftPuppet, client: Client, alice: User) -> None:
    for error in ("x", {"status": 418, "errcode": "M_TEAPOT", "error": "x"}):
        puppet.answers(TYPE, throw=error)
        login(client, alice.localpart, test_field="y").refused(403, "M_FORBIDDEN")


def test_f12_names_chosen_by_a_module_at_registration(
    puppet: SwiftPuppet, server: LocalServer, client: Client
) -> None:
    puppet.answers("get_username_for_registration", result="rin-foo")
    puppet.answers("get_displayname_for_registration", result="The rin")
    body = {"username": "rin", "password": "a long enough one"}
    challenge = client.post("register", body=body)
    assert challenge.status == 401
    assert puppet.calls("get_username_for_registration") == []
    auth = {"type": "m.login.dummy", "session": challenge.json["session"]}
    session = client.post("register", body={**body, "auth": auth}).ok()
    assert session["user_id"] == "@rin-foo:localhost"
    shown = User(server.base_url, session).get("profile", "@rin-foo:localhost", "displayname").ok()
    assert shown == {"displayname": "The rin"}
    (results, params) = puppet.calls("get_username_for_registration")[0]
    assert results == {"m.login.dummy": True} and params["username"] == "rin"


@pytest.mark.parametrize("callback", ["get_username_for_registration", "get_displayname_for_registration"])
def test_f14_an_error_in_them_is_a_500(puppet: SwiftPuppet, client: Client, callback: str) -> None:
    body = {"username": "tin", "password": "a long enough one", "auth": {"type": "m.login.dummy"}}
    for error in ("x", {"status": 418, "errcode": "M_TEAPOT", "error": "x"}):
        puppet.answers(callback, throw=error)
        client.post("register", body=body).refused(500, "M_UNKNOWN")


PASSWORDS = {"password_auth_provider": ["m.login.password"]}


def test_f1_f2_f3_passwords_checked_by_a_module(module_server: MakeModuleServer, tmp_path: Path) -> None:
    puppet = SwiftPuppet(tmp_path / "strings", "puppet", PASSWORDS)
    server = module_server(puppet.entry())
    client = Client(server.base_url)
    assert flows(client) == ["m.login.password", "m.login.application_service"]
    alice = server.user("alice")
    puppet.answers("m.login.password", {"when": {"argument": 2, "member": "password", "is": ["y"]}, "result": alice.id})
    for name in (alice.localpart, alice.id):
        second = login(client, name, "m.login.password", password="y").ok()
    assert [call[0] for call in puppet.calls("m.login.password")] == [alice.localpart, alice.id]
    login(client, alice.localpart, "m.login.password", password=PASSWORD).ok()
    login(client, alice.localpart, "m.login.password", password="wrong").refused(403, "M_FORBIDDEN")
    count = len(puppet.calls("m.login.password"))
    challenge = delete_device(alice, second["device_id"])
    assert len(puppet.calls("m.login.password")) == count
    auth = {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.localpart},
        "session": challenge.json["session"],
    }
    delete_device(alice, second["device_id"], {**auth, "password": "wrong"}).refused(401, "M_FORBIDDEN")
    assert delete_device(alice, second["device_id"], {**auth, "password": "y"}).status == 200


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        ({"localdb_enabled": False}, [TYPE, "m.login.application_service"]),
        ({"enabled": False}, [TYPE, "m.login.application_service"]),
    ],
)
def test_f8_f9_a_type_of_its_own_without_passwords(
    module_server: MakeModuleServer, tmp_path: Path, settings: dict, offered: list[str]
) -> None:
    puppet = SwiftPuppet(tmp_path / "strings", "puppet", {"password_auth_provider": [TYPE]})
    server = module_server(puppet.entry(), password_config=settings)
    client = Client(server.base_url)
    assert flows(client) == offered
    alice = server.user("alice")
    login(client, alice.localpart, "m.login.password", password=PASSWORD).refused(400, "M_UNKNOWN")
    puppet.answers(TYPE, result=alice.id)
    assert login(client, alice.localpart, test_field="y").ok()["user_id"] == alice.id


@pytest.mark.parametrize("kinds", [(SwiftPuppet, SwiftPuppet)])
def test_f11_two_modules_with_one_type_are_asked_in_order(
    module_server: MakeModuleServer, tmp_path: Path, kinds: tuple[type[Puppet], ...]
) -> None:
    first, second = (kind(tmp_path / str(n), str(n), PASSWORDS) for n, kind in enumerate(kinds))
    server = module_server(first.entry(), second.entry())
    alice = server.user("alice")
    client = Client(server.base_url)
    second.answers("m.login.password", result=alice.id)
    login(client, alice.localpart, "m.login.password", password="x").ok()
    assert (len(first.calls("m.login.password")), len(second.calls("m.login.password"))) == (1, 1)
    first.answers("m.login.password", result=alice.id)
    login(client, alice.localpart, "m.login.password", password="x").ok()
    assert (len(first.calls("m.login.password")), len(second.calls("m.login.password"))) == (2, 1)


CLASH = '''
class Clash:
    def __init__(self, config, api):
        api.register_password_auth_provider_callbacks(auth_checkers={("test.login_type", ("other",)): self.check})
    async def check(self, *args): return None
class Second:
    def __init__(self, config, api):
        api.register_password_auth_provider_callbacks(auth_checkers={("test.login_type", ("test_field",)): self.check})
    async def check(self, username, login_type, fields):
        return "@" + username + ":localhost", None
'''


def test_f11_modules_of_both_languages_with_one_type(module_server: MakeModuleServer, tmp_path: Path) -> None:
    (tmp_path / "clash.py").write_text(CLASH)
    swift = SwiftPuppet(tmp_path / "strings", "puppet", {"password_auth_provider": [TYPE]})
    server = module_server(swift.entry(), {"module": "clash.Second"}, path=(tmp_path,))
    alice = server.user("alice")
    assert login(Client(server.base_url), alice.localpart, test_field="y").ok()["user_id"] == alice.id
    assert len(swift.calls(TYPE)) == 1


@pytest.mark.parametrize("swift_first", [True, False])
def test_13_1_one_type_with_other_fields_is_refused(
    module_server: MakeModuleServer, tmp_path: Path, swift_first: bool
) -> None:
    (tmp_path / "clash.py").write_text(CLASH)
    swift = SwiftPuppet(tmp_path / "strings", "puppet", {"password_auth_provider": [TYPE]})
    entries = [swift.entry(), {"module": "clash.Clash"}]
    server = module_server(*(entries if swift_first else reversed(entries)), path=(tmp_path,), start=False)
    status, output = ended(server)
    assert status != 0 and "clash.Clash" in output and "Puppet" in output, output


def test_f4_no_passwords_at_all(module_server: MakeModuleServer, tmp_path: Path) -> None:
    puppet = SwiftPuppet(tmp_path / "strings", "puppet", PASSWORDS)
    server = module_server(puppet.entry(), password_config={"enabled": False})
    client = Client(server.base_url)
    assert flows(client) == ["m.login.application_service"]
    login(client, "alice", "m.login.password", password="x").refused(400, "M_UNKNOWN")
    assert puppet.calls("m.login.password") == []
