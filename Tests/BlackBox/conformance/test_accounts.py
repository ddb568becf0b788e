"""Registering, signing in and out, sessions, devices, profiles."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import pytest
from blackbox.client import PASSWORD, User, register_by_secret
from blackbox.server import Homeserver


def name() -> str:
    return f"name-{secrets.token_hex(5)}"


class TestRegistration:
    def test_the_first_answer_shows_the_flows_and_a_session(self, hs: Homeserver) -> None:
        answer = hs.client().post("register", body={"username": name(), "password": PASSWORD})
        assert answer.status == 401
        assert {"stages": ["m.login.dummy"]} in answer.json["flows"]
        assert isinstance(answer.json["session"], str) and isinstance(answer.json["params"], dict)

    def test_the_dummy_stage_with_the_session_completes_it(self, hs: Homeserver) -> None:
        body = {"username": name(), "password": PASSWORD, "device_id": "PHONE", "initial_device_display_name": "My phone"}
        session = hs.client().post("register", body=body).json["session"]
        done = hs.client().post("register", body={**body, "auth": {"type": "m.login.dummy", "session": session}}).ok()
        assert done["user_id"] == f"@{body['username']}:localhost" and done["device_id"] == "PHONE"
        user = User(hs.base_url, done)
        assert user.get("devices", "PHONE").ok()["display_name"] == "My phone"

    def test_the_body_may_be_left_out_of_the_last_request(self, hs: Homeserver) -> None:
        username = name()
        session = hs.client().post("register", body={"username": username, "password": PASSWORD}).json["session"]
        done = hs.client().post("register", body={"auth": {"type": "m.login.dummy", "session": session}}).ok()
        assert done["user_id"] == f"@{username}:localhost"

    def test_an_unknown_stage_shows_the_flows_again(self, hs: Homeserver) -> None:
        body = {"username": name(), "password": PASSWORD}
        session = hs.client().post("register", body=body).json["session"]
        answer = hs.client().post("register", body={**body, "auth": {"type": "org.example.none", "session": session}})
        assert answer.status in (400, 401), answer

    def test_it_can_be_without_a_login(self, hs: Homeserver) -> None:
        body = {"username": name(), "password": PASSWORD, "inhibit_login": True, "auth": {"type": "m.login.dummy"}}
        done = hs.client().post("register", body=body).ok()
        assert done["user_id"] and "access_token" not in done and "device_id" not in done

    def test_a_name_is_invented_if_none_is_given(self, hs: Homeserver) -> None:
        done = hs.client().post("register", body={"password": PASSWORD, "auth": {"type": "m.login.dummy"}}).ok()
        assert done["user_id"].startswith("@") and done["user_id"].endswith(":localhost")

    def test_a_name_that_is_taken_is_refused_at_once(self, hs: Homeserver, alice: User) -> None:
        body = {"username": alice.localpart, "password": PASSWORD}
        hs.client().post("register", body=body).refused(400, "M_USER_IN_USE")

    @pytest.mark.parametrize("username", ["UPPER", "sp ace", "co:lon", "ümlaut", "@at", "_underscore", "1234567", "x" * 255])
    def test_a_name_outside_the_grammar_is_refused(self, hs: Homeserver, username: str) -> None:
        body = {"username": username, "password": PASSWORD}
        answer = hs.client().post("register", body=body)
        # A server may fold upper case, and reserve names that begin with an underscore or are numbers.
        if username in ("UPPER", "_underscore", "1234567") and answer.status == 401:
            return
        answer.refused(400, "M_INVALID_USERNAME")

    def test_availability_of_names(self, hs: Homeserver, alice: User) -> None:
        client = hs.client()
        assert client.get("register", "available", username=name()).ok() == {"available": True}
        client.get("register", "available", username=alice.localpart).refused(400, "M_USER_IN_USE")
        client.get("register", "available", username="sp ace").refused(400, "M_INVALID_USERNAME")

    def test_guests_are_refused_unless_enabled(self, hs: Homeserver) -> None:
        hs.client().post("register", body={}, kind="guest").refused(
            403, "M_FORBIDDEN", "M_GUEST_ACCESS_FORBIDDEN", "M_UNKNOWN")

    def test_an_unknown_kind_is_refused(self, hs: Homeserver) -> None:
        answer = hs.client().post("register", body={"username": name(), "password": PASSWORD}, kind="king")
        answer.refused(400, "M_UNKNOWN", "M_INVALID_PARAM", "M_UNRECOGNIZED")

    def test_a_password_that_is_no_string_is_refused(self, hs: Homeserver) -> None:
        answer = hs.client().post("register", body={"username": name(), "password": 12345678})
        answer.refused(400, "M_BAD_JSON", "M_INVALID_PARAM", "M_UNKNOWN")


class TestSharedSecretRegistration:
    def test_it_makes_users_and_administrators(self, hs: Homeserver) -> None:
        username = name()
        done = register_by_secret(hs.client(), hs.secret, username, admin=True).ok()
        assert done["user_id"] == f"@{username}:localhost"
        assert User(hs.base_url, done).get("account", "whoami").ok()["user_id"] == done["user_id"]
        register_by_secret(hs.client(), hs.secret, name()).ok()

    def test_a_wrong_mac_is_refused(self, hs: Homeserver) -> None:
        register_by_secret(hs.client(), "wrong", name()).refused(403, "M_UNKNOWN", "M_FORBIDDEN")

    def test_a_nonce_serves_once(self, hs: Homeserver) -> None:
        path, username, client = "/_synapse/admin/v1/register", name(), hs.client()
        nonce = client.get(path).ok()["nonce"]
        text = "\0".join([nonce, username, PASSWORD, "notadmin"])
        mac = hmac.new(hs.secret.encode(), text.encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": username, "password": PASSWORD, "admin": False, "mac": mac}
        client.post(path, body=body).ok()
        client.post(path, body=body).refused(400, "M_UNKNOWN")

    def test_a_name_that_is_taken_is_refused(self, hs: Homeserver, alice: User) -> None:
        register_by_secret(hs.client(), hs.secret, alice.localpart).refused(400, "M_USER_IN_USE")


class TestLogin:
    def test_the_flows_offer_a_password(self, hs: Homeserver) -> None:
        assert "m.login.password" in [flow["type"] for flow in hs.client().get("login").ok()["flows"]]

    def test_by_localpart_user_id_and_old_field(self, hs: Homeserver, alice: User) -> None:
        who = {"type": "m.login.password", "password": PASSWORD}
        for body in (
            {**who, "identifier": {"type": "m.id.user", "user": alice.localpart}},
            {**who, "identifier": {"type": "m.id.user", "user": alice.id}},
            {**who, "user": alice.localpart},
        ):
            done = hs.client().post("login", body=body).ok()
            assert done["user_id"] == alice.id and done["device_id"] and done["access_token"]

    def test_each_login_is_a_device_of_its_own(self, hs: Homeserver, alice: User) -> None:
        first, second = hs.login(alice), hs.login(alice)
        assert len({alice.device, first.device, second.device}) == 3
        assert {d["device_id"] for d in alice.get("devices").ok()["devices"]} == {alice.device, first.device, second.device}

    @pytest.mark.synapse_differs("Synapse lets the old token on")
    def test_a_login_on_the_same_device_ends_its_old_token(self, hs: Homeserver, alice: User) -> None:
        again = hs.login(alice, device_id=alice.device)
        assert again.device == alice.device
        again.get("account", "whoami").ok()
        alice.get("account", "whoami").refused(401, "M_UNKNOWN_TOKEN")

    @pytest.mark.parametrize("user", ["nobody-is-called-this", "@nobody-is-called-this:localhost", "@a:elsewhere.example"])
    def test_an_unknown_user_is_forbidden(self, hs: Homeserver, user: str) -> None:
        body = {"type": "m.login.password", "password": PASSWORD, "identifier": {"type": "m.id.user", "user": user}}
        hs.client().post("login", body=body).refused(403, "M_FORBIDDEN")

    def test_a_wrong_password_is_forbidden(self, hs: Homeserver, alice: User) -> None:
        body = {"type": "m.login.password", "password": "wrong", "identifier": {"type": "m.id.user", "user": alice.localpart}}
        hs.client().post("login", body=body).refused(403, "M_FORBIDDEN")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"type": "org.example.none"},
            {"type": "m.login.password"},
            {"type": "m.login.password", "identifier": {"type": "org.example"}, "password": "p"},
        ],
    )
    def test_a_malformed_login_is_refused(self, hs: Homeserver, body: dict) -> None:
        answer = hs.client().post("login", body=body)
        # The specification says only 400 here.
        answer.refused(400, "M_MISSING_PARAM", "M_BAD_JSON", "M_INVALID_PARAM", "M_UNKNOWN")


class TestSessions:
    def test_whoami_tells_user_and_device(self, alice: User) -> None:
        answer = alice.get("account", "whoami").ok()
        assert answer["user_id"] == alice.id and answer["device_id"] == alice.device
        assert answer.get("is_guest", False) is False

    def test_logout_ends_one_session(self, hs: Homeserver, alice: User) -> None:
        other = hs.login(alice)
        assert other.post("logout").ok() == {}
        other.get("account", "whoami").refused(401, "M_UNKNOWN_TOKEN")
        assert [d["device_id"] for d in alice.get("devices").ok()["devices"]] == [alice.device]

    def test_logout_all_ends_every_session(self, hs: Homeserver, alice: User) -> None:
        other = hs.login(alice)
        assert other.post("logout", "all").ok() == {}
        for session in (alice, other):
            session.get("account", "whoami").refused(401, "M_UNKNOWN_TOKEN")

    def test_a_device_can_be_named(self, alice: User) -> None:
        assert alice.put("devices", alice.device or "", body={"display_name": "Laptop"}).ok() == {}
        device = alice.get("devices", alice.device or "").ok()
        assert device["device_id"] == alice.device and device["display_name"] == "Laptop"

    def test_an_unknown_device_is_not_found(self, alice: User) -> None:
        alice.get("devices", "NOTHERE").refused(404, "M_NOT_FOUND")
        alice.put("devices", "NOTHERE", body={"display_name": "x"}).refused(404, "M_NOT_FOUND")

    def test_the_sight_of_a_session_is_noted(self, alice: User) -> None:
        alice.sync()
        device = alice.get("devices", alice.device or "").ok()
        assert device.get("last_seen_ip") in (None, "127.0.0.1", "::1")


class TestProfile:
    def test_a_new_user_has_a_profile_with_its_name(self, alice: User, bob: User) -> None:
        assert bob.get("profile", alice.id).ok()["displayname"] == alice.localpart

    def test_name_and_picture_can_be_set_and_read(self, alice: User, bob: User) -> None:
        assert alice.put("profile", alice.id, "displayname", body={"displayname": "Alice ✨"}).ok() == {}
        assert alice.put("profile", alice.id, "avatar_url", body={"avatar_url": "mxc://localhost/a"}).ok() == {}
        assert bob.get("profile", alice.id).ok() == {"displayname": "Alice ✨", "avatar_url": "mxc://localhost/a"}
        assert bob.get("profile", alice.id, "displayname").ok() == {"displayname": "Alice ✨"}
        assert bob.get("profile", alice.id, "avatar_url").ok() == {"avatar_url": "mxc://localhost/a"}

    def test_nobody_sets_the_profile_of_another(self, alice: User, bob: User) -> None:
        bob.put("profile", alice.id, "displayname", body={"displayname": "x"}).refused((400, 403), "M_FORBIDDEN", "M_UNKNOWN")

    @pytest.mark.synapse_differs("Synapse answers 404 M_UNKNOWN")
    def test_an_unknown_user_has_no_profile(self, alice: User) -> None:
        alice.get("profile", "@nobody-is-called-this:localhost").refused(404, "M_NOT_FOUND")

    def test_a_new_name_shows_in_the_rooms(self, alice: User, bob: User, room: str) -> None:
        since = bob.sync()["next_batch"]
        alice.put("profile", alice.id, "displayname", body={"displayname": "Alicia"}).ok()

        def renamed(answer: dict) -> bool:
            events = answer.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {}).get("events", [])
            return any(e["type"] == "m.room.member" and e["content"].get("displayname") == "Alicia" for e in events)

        bob.sync_until(renamed, since)
        assert bob.state(room, "m.room.member", alice.id) == {"membership": "join", "displayname": "Alicia"}
