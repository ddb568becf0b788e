"""Changing a password, ending an account, ways to log in."""

from __future__ import annotations

import pytest
from blackbox.client import PASSWORD, Answer, Client, User
from blackbox.server import Homeserver

NEW = "a new battery staple"


def proof(user: User, session: str | None = None, password: str = PASSWORD) -> dict:
    auth = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user.localpart}, "password": password}
    return {**auth, "session": session} if session else auth


def password_login(hs: Homeserver, user: User, password: str = PASSWORD, **body: str) -> Answer:
    return hs.client().post("login", body={**proof(user, password=password), **body})


class TestLoginFlows:
    def test_passwords_come_first_and_application_services_last(self, hs: Homeserver) -> None:
        flows = hs.client().get("login").ok()["flows"]
        assert flows == [{"type": "m.login.password"}, {"type": "m.login.application_service"}]

    def test_an_unknown_type_is_refused(self, hs: Homeserver) -> None:
        answer = hs.client().post("login", body={"type": "org.example.none", "identifier": {"type": "m.id.user", "user": "u"}})
        answer.refused(400, "M_UNKNOWN")

    def test_an_application_service_needs_its_token(self, hs: Homeserver, alice: User) -> None:
        body = {"type": "m.login.application_service", "identifier": {"type": "m.id.user", "user": alice.localpart}}
        hs.client().post("login", body=body).refused(401, "M_MISSING_TOKEN")
        Client(hs.base_url, token="nonsense").post("login", body=body).refused(401, "M_UNKNOWN_TOKEN")

    def test_a_login_token_that_is_none_is_forbidden(self, hs: Homeserver) -> None:
        hs.client().post("login", body={"type": "m.login.token", "token": "nonsense"}).refused(403, "M_FORBIDDEN")


class TestPasswordChange:
    def test_it_takes_the_old_password_and_ends_the_other_sessions(self, hs: Homeserver, alice: User) -> None:
        other = hs.login(alice)
        first = alice.post("account", "password", body={"new_password": NEW})
        assert first.status == 401 and {"stages": ["m.login.password"]} in first.json["flows"]
        body = {"new_password": NEW, "auth": proof(alice, first.json["session"])}
        assert alice.post("account", "password", body=body).ok() == {}
        other.get("account", "whoami").refused(401, "M_UNKNOWN_TOKEN")
        alice.get("account", "whoami").ok()
        assert [d["device_id"] for d in alice.get("devices").ok()["devices"]] == [alice.device]
        password_login(hs, alice).refused(403, "M_FORBIDDEN")
        password_login(hs, alice, NEW).ok()

    def test_the_other_sessions_stay_if_asked(self, hs: Homeserver, alice: User) -> None:
        other = hs.login(alice)
        body = {"new_password": NEW, "logout_devices": False, "auth": proof(alice)}
        alice.post("account", "password", body=body).ok()
        other.get("account", "whoami").ok()

    def test_a_wrong_password_is_refused_and_may_be_tried_again(self, hs: Homeserver, alice: User) -> None:
        session = alice.post("account", "password", body={"new_password": NEW}).json["session"]
        body = {"new_password": NEW, "auth": proof(alice, session, "wrong")}
        answer = alice.post("account", "password", body=body)
        assert answer.refused(401, "M_FORBIDDEN")["session"] == session
        alice.post("account", "password", body={"new_password": NEW, "auth": proof(alice, session)}).ok()
        password_login(hs, alice, NEW).ok()

    def test_the_password_of_another_is_refused(self, alice: User, bob: User) -> None:
        body = {"new_password": NEW, "auth": proof(bob)}
        alice.post("account", "password", body=body).refused(403, "M_FORBIDDEN")

    def test_a_password_that_is_no_string_is_refused(self, alice: User) -> None:
        answer = alice.post("account", "password", body={"new_password": 12345678})
        answer.refused(400, "M_BAD_JSON", "M_INVALID_PARAM", "M_UNKNOWN")

    def test_the_capability_says_that_it_can_be_changed(self, alice: User) -> None:
        assert alice.get("capabilities").ok()["capabilities"]["m.change_password"] == {"enabled": True}


class TestDeactivation:
    def test_the_account_is_gone_for_good(self, hs: Homeserver, alice: User, bob: User, room: str) -> None:
        other = hs.login(alice)
        first = alice.post("account", "deactivate", body={})
        assert first.status == 401 and {"stages": ["m.login.password"]} in first.json["flows"]
        done = alice.post("account", "deactivate", body={"auth": proof(alice, first.json["session"])}).ok()
        assert done == {"id_server_unbind_result": "success"}
        for session in (alice, other):
            session.get("account", "whoami").refused(401, "M_UNKNOWN_TOKEN")
        # Synapse only tells those who log in without a password.
        password_login(hs, alice).refused(403, "M_USER_DEACTIVATED", "M_FORBIDDEN")
        hs.client().get("register", "available", username=alice.localpart).refused(400, "M_USER_IN_USE")

        def left(answer: dict) -> bool:
            events = answer.get("rooms", {}).get("join", {}).get(room, {})
            events = events.get("timeline", {}).get("events", []) + events.get("state", {}).get("events", [])
            return any(e.get("state_key") == alice.id and e["content"].get("membership") == "leave" for e in events)

        bob.sync_until(left)

    def test_without_erasure_the_profile_stays(self, alice: User, bob: User) -> None:
        alice.post("account", "deactivate", body={"auth": proof(alice)}).ok()
        assert bob.get("profile", alice.id).ok()["displayname"] == alice.localpart

    def test_with_erasure_the_profile_goes(self, alice: User, bob: User) -> None:
        alice.post("account", "deactivate", body={"auth": proof(alice), "erase": True}).ok()
        answer = bob.get("profile", alice.id, "displayname")
        assert answer.status == 404 or answer.json.get("displayname") is None, answer

    def test_erase_is_a_boolean(self, alice: User) -> None:
        answer = alice.post("account", "deactivate", body={"auth": proof(alice), "erase": "yes"})
        answer.refused(400, "M_BAD_JSON", "M_UNKNOWN", "M_INVALID_PARAM")

    @pytest.mark.parametrize("path", ["password", "deactivate"])
    def test_somebody_must_ask(self, hs: Homeserver, path: str) -> None:
        assert hs.client().post("account", path, body={"new_password": NEW}).status in (400, 401)


class TestAddresses:
    def test_there_are_none_at_first(self, alice: User) -> None:
        assert alice.get("account", "3pid").ok() == {"threepids": []}
