"""C, D, F and G. Addresses, the renewal of accounts, rate limits and presence routers, in Python."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Callable

import pytest
from blackbox.client import Client, User
from blackbox.modules import Puppet, ended, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

puppet_server = shared_puppet({
    "third_party_rules": [
        "on_add_user_third_party_identifier", "on_threepid_bind", "on_remove_user_third_party_identifier",
        "check_threepid_can_be_invited",
    ],
    "account_validity": ["on_legacy_send_mail", "on_legacy_renew", "on_legacy_admin_request"],
    "password_auth_provider": ["check_3pid_auth"],
    "ratelimit": ["get_ratelimit_override_for_user"],
}, rc_invites={"per_issuer": {"per_second": 0.01, "burst_count": 3}})


def with_an_address(puppet: Puppet, server: LocalServer) -> tuple[str, str]:
    """A user with an email address, whose password only the module knows."""
    name = f"addressed{secrets.token_hex(4)}"
    address = f"{name}@example.com"
    user = puppet.result(server, f'await api.register_user("{name}", emails=["{address}"])')
    puppet.answers("check_3pid_auth", f'("{user}", None) if args[2] == "provided" else None')
    return user, address


def by_address(address: str, password: str) -> dict[str, Any]:
    identifier = {"type": "m.id.thirdparty", "medium": "email", "address": address}
    return {"type": "m.login.password", "identifier": identifier, "password": password}


def test_c17_addresses_that_come_and_go(puppet: Puppet, server: LocalServer) -> None:
    user, address = with_an_address(puppet, server)
    assert puppet.calls("on_add_user_third_party_identifier") == [[user, "email", address]]
    assert puppet.calls("on_threepid_bind") == [[user, "email", address]]
    assert puppet.calls("on_remove_user_third_party_identifier") == []
    puppet.result(server, f"""
        from synapse.types import create_requester
        handler = api._hs.get_deactivate_account_handler()
        await handler.deactivate_account("{user}", erase_data=False, requester=create_requester("{user}"))
    """)
    assert puppet.wait_for_calls("on_remove_user_third_party_identifier") == [[user, "email", address]]


def test_f_a_login_by_address(puppet: Puppet, server: LocalServer) -> None:
    user, address = with_an_address(puppet, server)
    client = Client(server.base_url)
    assert client.post("login", body=by_address(address.upper(), "provided")).ok()["user_id"] == user
    assert puppet.calls("check_3pid_auth") == [["email", address, "provided"]]
    client.post("login", body=by_address(address, "wrong")).refused(403, "M_FORBIDDEN")
    puppet.answers("check_3pid_auth", 'raise RuntimeError("x")')
    client.post("login", body=by_address(address, "provided")).refused(403, "M_FORBIDDEN")


def test_c12_invites_by_address_can_be_refused(puppet: Puppet, server: LocalServer, alice: User) -> None:
    room = alice.create_room()
    puppet.answers("check_threepid_can_be_invited", "False")
    body = {"id_server": "id.invalid", "id_access_token": "x", "medium": "email", "address": "bob@example.com"}
    refused = alice.post("rooms", room, "invite", body=body).refused(403, "M_FORBIDDEN")
    assert refused["error"] == "This third-party identifier can not be invited in this room"
    ((medium, address, state),) = puppet.calls("check_threepid_can_be_invited")
    assert (medium, address) == ("email", "bob@example.com")
    assert ["m.room.create", ""] in [key for key, _ in state["map"]]


def test_g_accounts_are_renewed_by_a_module(puppet: Puppet, server: LocalServer, alice: User, admin: User) -> None:
    alice.request("POST", "/_matrix/client/unstable/account_validity/send_mail").ok()
    assert puppet.calls("on_legacy_send_mail") == [[alice.id]]
    renew = "/_matrix/client/unstable/account_validity/renew?token=abc"
    for answer, status in (("(True, False, 1)", 200), ("(False, True, 1)", 200), ("(False, False, 0)", 404)):
        puppet.answers("on_legacy_renew", answer)
        page = Client(server.base_url).request("GET", renew)
        assert page.status == status and "text/html" in page.headers["Content-Type"], page
    assert puppet.calls("on_legacy_renew") == [["abc"]] * 3
    puppet.answers("on_legacy_admin_request", "1234567890000")
    path = "/_synapse/admin/v1/account_validity/validity"
    body = {"user_id": alice.id, "expiration_ts": 1234567890000}
    assert admin.request("POST", path, body).ok() == {"expiration_ts": 1234567890000}
    alice.request("POST", path, body).refused(403, "M_FORBIDDEN")
    assert len(puppet.calls("on_legacy_admin_request")) == 1


def test_g7_a_rate_limit_for_one_user(puppet: Puppet, server: LocalServer, alice: User, bob: User) -> None:
    def invites(user: User, count: int) -> list[int]:
        room = user.create_room()
        return [
            user.post("rooms", room, "invite", body={"user_id": f"@guest{secrets.token_hex(4)}:localhost"}).status
            for _ in range(count)
        ]

    puppet.answers(
        "get_ratelimit_override_for_user",
        f'module_api.RatelimitOverride(0.01, 10) if args[0] == "{alice.id}" and "issuer" in args[1] else None',
    )
    assert invites(bob, 5) == [200, 200, 200, 429, 429]
    assert invites(alice, 9) == [200] * 9
    assert [bob.id, "rc_invites.per_issuer"] in puppet.calls("get_ratelimit_override_for_user")


def test_d4_half_a_presence_router_does_not_load(module_server: MakeModuleServer, tmp_path: Path) -> None:
    puppet = Puppet(tmp_path / "strings", "puppet", {"presence_router": ["get_users_for_states"]})
    status, text = ended(module_server(puppet.entry(), start=False))
    assert status != 0 and "RuntimeError" in text


def test_a16_a_password_provider_of_the_old_form(module_server: MakeModuleServer, tmp_path: Path) -> None:
    (tmp_path / "old_provider.py").write_text(OLD_PROVIDER)
    server = module_server(path=(tmp_path,), password_providers=[{"module": "old_provider.Old", "config": {}}])
    alice = server.user("alice")
    client = Client(server.base_url)
    for name in (alice.localpart, alice.id):
        identifier = {"type": "m.id.user", "user": name}
        login = {"type": "m.login.password", "identifier": identifier, "password": f"open {alice.id}"}
        assert client.post("login", body=login).ok()["user_id"] == alice.id


OLD_PROVIDER = '''
from twisted.internet.defer import succeed

class Old:
    def __init__(self, config, account_handler):
        pass

    def check_password(self, user_id, password):
        return succeed(password == "open " + user_id)
'''
