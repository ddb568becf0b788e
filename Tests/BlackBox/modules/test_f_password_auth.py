"""F. Password auth providers, in both forms, in Python."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from blackbox.client import PASSWORD, Client, User
from blackbox.modules import Puppet, ended, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

PROVIDERS = '''
import json
from pathlib import Path

def note(config, *words):
    with open(config["notes"], "a") as file:
        file.write(json.dumps(words) + "\\n")

class LegacyPassword:
    def __init__(self, config, account_handler): self.config = config
    @staticmethod
    def parse_config(config): return config
    async def check_password(self, user_id, password):
        note(self.config, user_id, password)
        return password == "provided"

class NewPassword:
    def __init__(self, config, api):
        self.config, self.api = config, api
        api.register_password_auth_provider_callbacks(auth_checkers={("m.login.password", ("password",)): self.check})
    async def check(self, username, login_type, login_dict):
        note(self.config, username, login_type, login_dict)
        if login_dict["password"] == "raise":
            raise RuntimeError("out of order")
        if login_dict["password"] == "odd":
            return "just a string"
        if login_dict["password"] != "provided":
            return None
        return self.api.get_qualified_user_id(username), None

class LegacyCustom:
    def __init__(self, config, account_handler): self.config = config
    @staticmethod
    def parse_config(config): return config
    def get_supported_login_types(self): return {"test.login_type": ["test_field"]}
    async def check_auth(self, username, login_type, login_dict):
        note(self.config, username, login_type, login_dict)
        return "@" + username + ":localhost" if login_dict["test_field"] == "y" else None

class NewCustom:
    def __init__(self, config, api):
        self.config, self.api = config, api
        api.register_password_auth_provider_callbacks(
            auth_checkers={("test.login_type", ("test_field",)): self.check}, on_logged_out=self.out)
    async def out(self, user_id, device_id, token): pass
    async def check(self, username, login_type, login_dict):
        note(self.config, username, login_type, login_dict)
        if login_dict["test_field"] == "callback":
            return self.api.get_qualified_user_id(username), self.after
        return (self.api.get_qualified_user_id(username), None) if login_dict["test_field"] == "y" else None
    async def after(self, response):
        note(self.config, "after", sorted(response))
        response["org.example.extra"] = "by module"
'''


class Provider:
    """A server with one provider; `kind` is its class, `Legacy…` or `New…`."""

    def __init__(self, make: MakeModuleServer, tmp_path: Path, kind: str, **settings: Any):
        folder = tmp_path / "packages"
        folder.mkdir(exist_ok=True)
        (folder / "providers.py").write_text(PROVIDERS)
        self.notes = tmp_path / "notes"
        entry = {"module": f"providers.{kind}", "config": {"notes": str(self.notes)}}
        if kind.startswith("Legacy"):
            self.server = make(path=(folder,), password_providers=[entry], **settings)
        else:
            self.server = make(entry, path=(folder,), **settings)
        self.client = Client(self.server.base_url)

    def asked(self) -> list:
        import json

        return [json.loads(line) for line in self.notes.read_text().splitlines()] if self.notes.exists() else []

    def flows(self) -> list[str]:
        return [flow["type"] for flow in self.client.get("login").ok()["flows"]]

    def login(self, user: str, type: str = "m.login.password", **fields: Any) -> Any:
        identifier = {"type": "m.id.user", "user": user}
        return self.client.post("login", body={"type": type, "identifier": identifier, **fields})


@pytest.fixture
def provide(module_server: MakeModuleServer, tmp_path: Path) -> Iterator[Callable[..., Provider]]:
    yield lambda kind, **settings: Provider(module_server, tmp_path, kind, **settings)


BOTH_PASSWORD = pytest.mark.parametrize("kind", ["LegacyPassword", "NewPassword"])
BOTH_CUSTOM = pytest.mark.parametrize("kind", ["LegacyCustom", "NewCustom"])


def delete_device(user: User, device: str, auth: dict | None = None) -> Any:
    return user.request("DELETE", f"/_matrix/client/v3/devices/{device}", {"auth": auth} if auth else {})


@BOTH_PASSWORD
def test_f1_f2_f3_passwords_checked_by_a_module(provide: Callable[..., Provider], kind: str) -> None:
    provider = provide(kind)
    assert provider.flows() == ["m.login.password", "m.login.application_service"]
    alice = provider.server.user("alice")
    for name in (alice.localpart, alice.id):
        assert provider.login(name, password="provided").ok()["user_id"] == alice.id
    asked = [line[0] for line in provider.asked()]
    assert asked == ([alice.id, alice.id] if kind == "LegacyPassword" else [alice.localpart, alice.id])
    # The server's own password works beside it.
    second = provider.login(alice.localpart, password=PASSWORD).ok()
    provider.login(alice.localpart, password="wrong").refused(403, "M_FORBIDDEN")
    # Interactive authentication asks it too, but only once a password came.
    count = len(provider.asked())
    challenge = delete_device(alice, second["device_id"])
    assert challenge.status == 401
    assert challenge.json["flows"] == [{"stages": ["m.login.password"]}]
    assert len(provider.asked()) == count
    auth = {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.localpart},
        "session": challenge.json["session"],
    }
    delete_device(alice, second["device_id"], {**auth, "password": "wrong"}).refused(401, "M_FORBIDDEN")
    assert delete_device(alice, second["device_id"], {**auth, "password": "provided"}).status == 200


@BOTH_PASSWORD
def test_f3_without_the_local_passwords(provide: Callable[..., Provider], kind: str) -> None:
    provider = provide(kind, password_config={"enabled": True, "localdb_enabled": False})
    alice = provider.server.user("alice")
    provider.login(alice.localpart, password=PASSWORD).refused(403, "M_FORBIDDEN")
    device = provider.login(alice.localpart, password="provided").ok()["device_id"]
    assert delete_device(alice, device).json["flows"] == [{"stages": ["m.login.password"]}]


@BOTH_PASSWORD
def test_f4_no_passwords_at_all(provide: Callable[..., Provider], kind: str) -> None:
    provider = provide(kind, password_config={"enabled": False})
    assert provider.flows() == ["m.login.application_service"]
    provider.login("alice", password="provided").refused(400, "M_UNKNOWN")
    assert provider.asked() == []


@BOTH_CUSTOM
def test_f5_f6_a_login_type_of_the_modules_own(provide: Callable[..., Provider], kind: str) -> None:
    provider = provide(kind)
    assert provider.flows() == ["m.login.password", "test.login_type", "m.login.application_service"]
    alice, bob = provider.server.users("alice", "bob")
    missing = provider.login(alice.localpart, "test.login_type").refused(400, "M_UNKNOWN", "M_MISSING_PARAM")
    assert "test_field" in missing["error"] and provider.asked() == []
    login = provider.login(alice.localpart, "test.login_type", test_field="y").ok()
    assert login["user_id"] == alice.id
    assert provider.asked() == [[alice.localpart, "test.login_type", {"test_field": "y"}]]
    provider.login(alice.localpart, "test.login_type", test_field="n").refused(403, "M_FORBIDDEN")

    challenge = delete_device(alice, login["device_id"])
    assert sorted(str(flow["stages"]) for flow in challenge.json["flows"]) == ["['m.login.password']", "['test.login_type']"]
    auth = {
        "type": "test.login_type", "identifier": {"type": "m.id.user", "user": alice.localpart},
        "session": challenge.json["session"],
    }
    assert "Missing parameters" in str(delete_device(alice, login["device_id"], auth).refused(400, "M_UNKNOWN"))
    other = {**auth, "identifier": {"type": "m.id.user", "user": bob.localpart}, "test_field": "y"}
    assert delete_device(alice, login["device_id"], other).status == 403
    assert delete_device(alice, login["device_id"], {**auth, "test_field": "y"}).status == 200


def test_f7_a_callback_after_the_login(provide: Callable[..., Provider]) -> None:
    provider = provide("NewCustom")
    alice = provider.server.user("alice")
    login = provider.login(alice.localpart, "test.login_type", test_field="callback").ok()
    assert login["org.example.extra"] == "by module"
    assert provider.asked()[-1] == ["after", ["access_token", "device_id", "home_server", "user_id"]]


@BOTH_CUSTOM
@pytest.mark.parametrize("local", [True, False])
def test_f8_a_type_of_its_own_without_passwords(provide: Callable[..., Provider], kind: str, local: bool) -> None:
    provider = provide(kind, password_config={"enabled": False, "localdb_enabled": local})
    assert provider.flows() == ["test.login_type", "m.login.application_service"]
    alice = provider.server.user("alice")
    provider.login(alice.localpart, password=PASSWORD).refused(400, "M_UNKNOWN")
    device = provider.login(alice.localpart, "test.login_type", test_field="y").ok()["device_id"]
    challenge = delete_device(alice, device)
    assert challenge.json["flows"] == [{"stages": ["test.login_type"]}]
    auth = {"identifier": {"type": "m.id.user", "user": alice.localpart}, "session": challenge.json["session"]}
    refused = delete_device(alice, device, {**auth, "type": "m.login.password", "password": PASSWORD})
    assert refused.refused(400, "M_UNKNOWN")["error"] == "Password login has been disabled."
    assert delete_device(alice, device, {**auth, "type": "test.login_type", "test_field": "y"}).status == 200


@BOTH_CUSTOM
def test_f9_a_type_of_its_own_without_the_local_passwords(provide: Callable[..., Provider], kind: str) -> None:
    provider = provide(kind, password_config={"localdb_enabled": False})
    assert provider.flows() == ["test.login_type", "m.login.application_service"]
    provider.login("alice", password=PASSWORD).refused(400, "M_UNKNOWN")


def test_f10_a_checker_that_fails_or_answers_nonsense_counts_as_a_failure(provide: Callable[..., Provider]) -> None:
    provider = provide("NewPassword")
    alice = provider.server.user("alice")
    for password in ("raise", "odd"):
        provider.login(alice.localpart, password=password).refused(403, "M_FORBIDDEN")


puppet_server = shared_puppet({
    "password_auth_provider": [
        "get_username_for_registration", "get_displayname_for_registration", "is_3pid_allowed",
    ],
})


def test_f11_two_modules_with_one_type_are_asked_in_order(
    module_server: MakeModuleServer, tmp_path: Path
) -> None:
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "providers.py").write_text(PROVIDERS)
    entries = [
        {"module": f"providers.{kind}", "config": {"notes": str(tmp_path / kind)}} for kind in ("NewPassword", "NewPassword")
    ]
    entries[1]["config"]["notes"] = str(tmp_path / "second")
    server = module_server(*entries, path=(folder,))
    alice = server.user("alice")
    body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.localpart}}
    client = Client(server.base_url)
    client.post("login", body={**body, "password": "provided"}).ok()
    assert not (tmp_path / "second").exists()
    client.post("login", body={**body, "password": "wrong"}).refused(403, "M_FORBIDDEN")
    assert len((tmp_path / "second").read_text().splitlines()) == 1
    client.close()


def test_f12_names_chosen_by_a_module_at_registration(puppet: Puppet, server: LocalServer) -> None:
    puppet.answers("get_username_for_registration", 'return args[1]["username"] + "-foo"')
    puppet.answers("get_displayname_for_registration", 'return "The " + args[1]["username"]')
    client = Client(server.base_url)
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
    client.close()


@pytest.mark.parametrize("callback", ["get_username_for_registration", "get_displayname_for_registration"])
def test_f14_an_error_in_them_is_a_500(puppet: Puppet, server: LocalServer, callback: str) -> None:
    puppet.answers(callback, 'raise RuntimeError("x")')
    client = Client(server.base_url)
    body = {"username": "tin", "password": "a long enough one", "auth": {"type": "m.login.dummy"}}
    client.post("register", body=body).refused(500, "M_UNKNOWN")
    client.close()


@pytest.mark.synapse_differs("its check compares the wrong things (§13.1)")
def test_13_1_one_type_with_other_fields_is_refused(module_server: MakeModuleServer, tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "clash.py").write_text('''
class One:
    fields = ("a",)
    def __init__(self, config, api):
        api.register_password_auth_provider_callbacks(auth_checkers={("x.y", self.fields): self.check})
    async def check(self, *args): return None
class Two(One):
    fields = ("b",)
''')
    server = module_server({"module": "clash.One"}, {"module": "clash.Two"}, path=(folder,), start=False)
    try:
        status, output = ended(server, 20)
    except subprocess.TimeoutExpired:
        raise AssertionError("it started") from None
    assert status != 0 and "clash.One" in output and "clash.Two" in output, output
