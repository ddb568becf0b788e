"""C, F and G. Addresses, the end and the renewal of accounts, and rate limits, in Swift."""

from __future__ import annotations

import secrets

import pytest
from blackbox.client import PASSWORD, Client, User
from blackbox.modules import SwiftPuppet, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server

puppet_server = shared_puppet({
    "third_party_rules": [
        "on_add_user_third_party_identifier", "on_threepid_bind", "on_remove_user_third_party_identifier",
        "check_threepid_can_be_invited", "check_can_deactivate_user", "on_user_deactivation_status_changed",
    ],
    "account_validity": ["on_legacy_send_mail", "on_legacy_renew", "on_legacy_admin_request"],
    "password_auth_provider": ["check_3pid_auth"],
    "ratelimit": ["get_ratelimit_override_for_user"],
}, SwiftPuppet, rc_invites={"per_issuer": {"per_second": 0.01, "burst_count": 3}})


def with_an_address(puppet: SwiftPuppet, server: LocalServer) -> tuple[str, str]:
    """A user with an email address, and no password."""
    name = f"addressed{secrets.token_hex(4)}"
    address = f"{name}@example.com"
    return puppet.result(server, "users.register", localpart=name, emails=[address]), address


def test_c17_addresses_that_come_and_go(puppet: SwiftPuppet, server: LocalServer) -> None:
    user, address = with_an_address(puppet, server)
    assert puppet.calls("on_add_user_third_party_identifier") == [[user, "email", address]]
    assert puppet.calls("on_threepid_bind") == [[user, "email", address]]
    assert puppet.calls("on_remove_user_third_party_identifier") == []
    puppet.result(server, "users.deactivate", user=user)
    assert puppet.wait_for_calls("on_remove_user_third_party_identifier") == [[user, "email", address]]


def test_c14_c15_a_module_ends_an_account(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    puppet.answers("check_can_deactivate_user", deny=True)
    told = puppet.run(server, "users.deactivate", user=alice.id, by_admin=True)
    assert (told["exception"], told["code"]) == ("MatrixError", 403)
    assert puppet.calls("check_can_deactivate_user") == [[alice.id, True]]
    alice.get("account", "whoami").ok()
    puppet.forget()
    puppet.result(server, "users.deactivate", user=alice.id, by_admin=True)
    assert puppet.calls("on_user_deactivation_status_changed") == [[alice.id, True, True]]
    assert puppet.result(server, "users.info", user=alice.id)["is_deactivated"] is True
    alice.get("account", "whoami").refused(401, "M_UNKNOWN_TOKEN")
    assert puppet.run(server, "users.deactivate", user="@nobody:localhost")["code"] == 404


def test_e_addresses_of_a_user(puppet: SwiftPuppet, server: LocalServer, alice: User, bob: User) -> None:
    def addresses(user: User) -> list[str]:
        return [threepid["address"] for threepid in puppet.result(server, "users.threepids", user=user.id)]

    one = {"medium": "email", "address": f"{alice.localpart}@example.com"}
    puppet.result(server, "users.add_threepid", user=alice.id, now=5, **one)
    assert puppet.result(server, "users.threepids", user=alice.id) == [{**one, "validated_at": 5, "added_at": 5}]
    # Whoever had it has it no longer.
    puppet.result(server, "users.add_threepid", user=bob.id, **one)
    assert (addresses(alice), addresses(bob)) == ([], [one["address"]])
    puppet.result(server, "users.remove_threepid", user=alice.id, **one)
    assert addresses(bob) == [one["address"]]
    puppet.result(server, "users.remove_threepid", user=bob.id, **one)
    assert addresses(bob) == []
    assert puppet.run(server, "users.add_threepid", user="@nobody:localhost", **one)["code"] == 404
    assert puppet.calls("on_add_user_third_party_identifier") == []


def test_e_tokens_to_register_with(puppet: SwiftPuppet, server: LocalServer) -> None:
    text = f"let-me-in-{secrets.token_hex(4)}"
    assert puppet.result(server, "users.registration_token", text=text, uses=1) is True
    assert puppet.result(server, "users.registration_token", text=text) is False
    client = Client(server.base_url)
    validity = "/_matrix/client/v1/register/m.login.registration_token/validity"
    assert client.request("GET", f"{validity}?token={text}").ok() == {"valid": True}
    client.close()


def by_address(address: str, password: str) -> dict:
    identifier = {"type": "m.id.thirdparty", "medium": "email", "address": address}
    return {"type": "m.login.password", "identifier": identifier, "password": password}


def test_f_a_login_by_address(puppet: SwiftPuppet, server: LocalServer) -> None:
    user, address = with_an_address(puppet, server)
    puppet.answers("check_3pid_auth", {"when": {"argument": 2, "is": ["provided"]}, "result": user})
    client = Client(server.base_url)
    assert client.post("login", body=by_address(address.upper(), "provided")).ok()["user_id"] == user
    assert puppet.calls("check_3pid_auth") == [["email", address, "provided"]]
    client.post("login", body=by_address(address, PASSWORD)).refused(403, "M_FORBIDDEN")
    puppet.answers("check_3pid_auth", throw="x")
    client.post("login", body=by_address(address, "provided")).refused(403, "M_FORBIDDEN")
    client.close()


def test_c12_invites_by_address_can_be_refused(puppet: SwiftPuppet, alice: User) -> None:
    room = alice.create_room()
    puppet.answers("check_threepid_can_be_invited", deny=True)
    body = {"id_server": "id.invalid", "id_access_token": "x", "medium": "email", "address": "bob@example.com"}
    refused = alice.post("rooms", room, "invite", body=body).refused(403, "M_FORBIDDEN")
    assert refused["error"] == "This third-party identifier can not be invited in this room"
    ((medium, address, state),) = puppet.calls("check_threepid_can_be_invited")
    assert (medium, address) == ("email", "bob@example.com")
    assert ["m.room.create", ""] in [key for key, _ in state["map"]]


def test_g_accounts_are_renewed_by_a_module(
    puppet: SwiftPuppet, server: LocalServer, alice: User, admin: User
) -> None:
    alice.request("POST", "/_matrix/client/unstable/account_validity/send_mail").ok()
    assert puppet.calls("on_legacy_send_mail") == [[alice.id]]
    renew = "/_matrix/client/unstable/account_validity/renew?token=abc"
    for valid, stale, status in ((True, False, 200), (False, True, 200), (False, False, 404)):
        puppet.answers("on_legacy_renew", result={"valid": valid, "stale": stale, "expires": 1})
        page = Client(server.base_url).request("GET", renew)
        assert page.status == status and "text/html" in page.headers["Content-Type"], page
    assert puppet.calls("on_legacy_renew") == [["abc"]] * 3
    puppet.answers("on_legacy_admin_request", result=1234567890000)
    path = "/_synapse/admin/v1/account_validity/validity"
    body = {"user_id": alice.id, "expiration_ts": 1234567890000}
    assert admin.request("POST", path, body).ok() == {"expiration_ts": 1234567890000}
    assert puppet.calls("on_legacy_admin_request") == [[admin.id, body]]
    alice.request("POST", path, body).refused(403, "M_FORBIDDEN")


def test_g7_a_rate_limit_for_one_user(puppet: SwiftPuppet, alice: User, bob: User) -> None:
    def invites(user: User, count: int) -> list[int]:
        room = user.create_room()
        return [
            user.post("rooms", room, "invite", body={"user_id": f"@guest{secrets.token_hex(4)}:localhost"}).status
            for _ in range(count)
        ]

    puppet.answers(
        "get_ratelimit_override_for_user",
        {"when": {"argument": 0, "is": [alice.id]}, "result": {"per_second": 1, "burst_count": 10}},
    )
    assert invites(bob, 5) == [200, 200, 200, 429, 429]
    assert invites(alice, 9) == [200] * 9
    assert [bob.id, "rc_invites.per_issuer"] in puppet.calls("get_ratelimit_override_for_user")
