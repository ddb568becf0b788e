"""Modules about accounts that others published on PyPI for Synapse, installed as an operator would, unmodified."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import platform
import sqlite3
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urljoin, urlsplit

import pytest
from blackbox.client import Answer, Client, User
from blackbox.server import LocalServer
from fake_ldap import BASE, READER, Directory

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]


def log_in(server: LocalServer, user: str, **fields: Any) -> Answer:
    body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, **fields}
    return Client(server.base_url).post("login", body=body)


@pytest.mark.parametrize("section", ["modules", "password_providers"])
def test_matrix_synapse_ldap3(module_server: MakeModuleServer, engine: str, section: str) -> None:
    with Directory() as directory:
        config = {
            "enabled": True, "uri": directory.uri, "start_tls": False, "base": BASE,
            "mode": "search", "bind_dn": READER[0], "bind_password": READER[1], "filter": "(objectClass=*)",
            "attributes": {"uid": "uid", "mail": "mail", "name": "givenName"},
        }
        if section == "modules":
            server = module_server(
                {"module": "ldap_auth_provider.LdapAuthProviderModule", "config": config}, engine=engine
            )
        else:
            # Under the name it had when it was a part of Synapse.
            entry = {"module": "synapse.util.ldap_auth_provider.LdapAuthProvider", "config": config}
            server = module_server(engine=engine, password_providers=[entry])
        alice = server.user("alice")
        for _ in range(2):
            lena = User(server.base_url, log_in(server, "lena", password="lena's").ok())
        assert lena.id == "@lena:localhost"
        assert lena.get("profile", lena.id).ok()["displayname"] == "Lena"
        addresses = lena.get("account", "3pid").ok()["threepids"]
        assert [(one["medium"], one["address"]) for one in addresses] == [("email", "lena@example.org")]
        log_in(server, "lena", password="wrong").refused(403, "M_FORBIDDEN")
        # Who is not in the directory has the password they registered with.
        assert server.login(alice).id == alice.id


def token(secret: str, **claims: Any) -> str:
    """A JSON Web Token."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS512", "typ": "JWT"}, claims)]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.new(secret.encode(), signed, hashlib.sha512).digest()
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_synapse_token_authenticator(module_server: MakeModuleServer) -> None:
    # The length that the algorithm asks for.
    secret = "s" * 64
    jwt = {"secret": secret, "algorithm": "HS512", "allow_registration": True, "require_expiry": False}
    server = module_server({"module": "synapse_token_authenticator.TokenAuthenticator", "config": {"jwt": jwt}})
    kind = "com.famedly.login.token"
    assert {"type": kind} in Client(server.base_url).get("login").ok()["flows"]
    for _ in range(2):
        tess = log_in(server, "tess", type=kind, token=token(secret, sub="tess")).ok()
        assert tess["user_id"] == "@tess:localhost"
    assert User(server.base_url, tess).get("account", "whoami").status == 200
    log_in(server, "tess", type=kind, token=token(secret, sub="tim")).refused(403, "M_FORBIDDEN")
    log_in(server, "tess", type=kind, token=token("t" * 64, sub="tess")).refused(403, "M_FORBIDDEN")


@pytest.mark.synapse_differs("the module imports what left Synapse in a later version")
def test_synapse_super_invites(module_server: MakeModuleServer, tmp_path: Path) -> None:
    # Keeps its own database with SQLAlchemy, makes rooms and registration tokens, and serves files.
    database = tmp_path / "invites.db"
    config = {"sql_url": f"sqlite:///{database}", "generate_registration_token": True, "enable_web": True}
    server = module_server({"module": "synapse_super_invites.SynapseSuperInvites", "config": config})
    base = "/_synapse/client/super_invites"
    alice, bob = server.users("alice", "bob")
    Client(server.base_url).get(base + "/tokens").refused(401, "M_MISSING_TOKEN")
    room = alice.create_room()
    made = alice.post(base + "/tokens", body={"rooms": [room], "create_dm": True}).ok()
    invite = made["token"]["token"]
    assert made["registration_token"]["valid"]
    validity = "/_matrix/client/v1/register/m.login.registration_token/validity"
    assert Client(server.base_url).get(validity, token=invite).ok() == {"valid": True}
    assert bob.get(base + "/info", token=invite).ok()["inviter"]["user_id"] == alice.id
    rooms = bob.post(base + "/redeem?token=" + invite).ok()["rooms"]
    assert room in rooms and len(rooms) == 2
    assert set(bob.get("joined_rooms").ok()["joined_rooms"]) == set(rooms)
    assert alice.get(base + "/tokens").ok()["tokens"][0]["accepted_count"] == 1
    page = Client(server.base_url).get(base + "/index.html")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html")
    assert b"Super Invites" in page.body
    with sqlite3.connect(database) as tables:
        assert tables.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the module is published for this processor only")
def test_matrix_http_rendezvous_synapse(module_server: MakeModuleServer) -> None:
    # Written in Rust, on the event loop of asyncio.
    prefix = "/_synapse/client/rendezvous"
    entry = {"module": "matrix_http_rendezvous_synapse.SynapseRendezvousModule", "config": {"prefix": prefix}}
    server = module_server(entry, start=False)
    server.environment["SYNAPSE_ASYNC_IO_REACTOR"] = "1"
    server.start()
    client, plain = Client(server.base_url), {"Content-Type": "text/plain"}
    made = client.request("POST", prefix, b"hello", headers=plain)
    assert made.status == 201
    place = urlsplit(urljoin(f"{server.base_url}{prefix}/", made.headers["Location"])).path
    assert client.request("GET", place).body == b"hello"
    changed = client.request("PUT", place, b"there", headers={**plain, "If-Match": made.headers["ETag"]})
    assert changed.status == 202
    assert client.request("GET", place, headers={"If-None-Match": changed.headers["ETag"]}).status == 304
    assert client.request("PUT", place, b"late", headers={**plain, "If-Match": made.headers["ETag"]}).status == 412
    assert client.request("DELETE", place).status == 204
    assert client.request("GET", place).status == 404
