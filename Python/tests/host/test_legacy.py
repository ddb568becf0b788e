"""The sections of before ``modules:``."""

from __future__ import annotations

from typing import Any, Dict, List

from tests.host.server import FakeServer, event

DENY = {"deny": {"errcode": "M_FORBIDDEN", "fields": {}}}


def entry(kind: str, name: str, **more: Any) -> Dict[str, Any]:
    path: List[str] = {"presence_router": ["presence", "presence_router"]}.get(kind, [kind])
    return {"kind": kind, "module": f"legacy_modules.{name}", "path": path, "config": {}, "has_config": True, **more}


def test_spam_checkers_may_answer_at_once(server: FakeServer) -> None:
    server.load(entry("spam_checker", "SpamChecker"))
    assert {note["callback"] for note in server.registered()} == {
        "check_event_for_spam",
        "user_may_invite",
        "user_may_create_room",
        "check_username_for_spam",
        "check_registration_for_spam",
    }
    assert server.callback("check_event_for_spam", event(content={"spam": True})) == DENY
    assert server.callback("check_event_for_spam", event(content={})) == "allow"
    assert server.callback("user_may_invite", "@bad:test", "@u:test", "!r:test") == DENY
    assert server.callback("user_may_invite", "@u:test", "@u:test", "!r:test") == "allow"
    assert server.callback("user_may_create_room", "@u:test", {"name": "x"}) == "allow"
    assert server.callback("check_username_for_spam", {"user_id": "@bad:test"}, "@u:test") is True
    assert server.callback("check_registration_for_spam", None, "bad", [["a", "i"]], "saml") == "deny"
    assert server.callback("check_registration_for_spam", None, "good", [["a", "i"]], None) == "allow"


def test_a_spam_checker_without_api_is_built_with_its_configuration_only(server: FakeServer) -> None:
    server.configure(entry("spam_checker", "SpamCheckerWithoutApi", config={"a": 1}))
    assert server.call("construct", {"item": 0})["repr"] == "<without api {'a': 1}>"
    assert server.registered() == []


def test_a_registration_check_of_two_parameters_does_not_load(server: FakeServer) -> None:
    server.configure(entry("spam_checker", "BadSignature"))
    error = server.failure("construct", {"item": 0})
    assert error["type"] == "RuntimeError"
    assert error["message"] == "Bad signature for callback check_registration_for_spam"


def test_third_party_rules(server: FakeServer) -> None:
    server.load(entry("third_party_event_rules", "Rules"))

    def allowed(body: str) -> Any:
        return server.callback("check_event_allowed", event(content={"body": body}), None)

    assert allowed("x") == [True, None]
    assert allowed("deny") == [False, None]
    assert allowed("replace")[1]["content"] == {"body": "replaced"}
    requester = {"user_id": "@u:test"}
    assert server.callback("on_create_room", requester, {}, False) == {"request": {"seen": True}}
    error = server.callback_failure("on_create_room", requester, {"name": "bad"}, False)
    assert (error["kind"], error["status"]) == ("matrix", 403)
    assert error["body"] == {"errcode": "M_UNKNOWN", "error": "Room creation forbidden with these parameters"}
    assert server.callback("check_threepid_can_be_invited", "email", "bad", None) is False
    assert server.callback("check_threepid_can_be_invited", "email", "good", None) is True
    assert server.callback("check_visibility_can_be_modified", "!r:test", None, "public") is False


def test_presence_routers(server: FakeServer) -> None:
    server.load(entry("presence_router", "PresenceRouter"))
    assert server.callback("get_interested_users", "@u:test") == "ALL"
    state = {
        "user_id": "@p:test",
        "state": "online",
        "last_active_ts": 1,
        "last_federation_update_ts": 2,
        "last_user_sync_ts": 3,
        "status_msg": None,
        "currently_active": True,
    }
    assert server.callback("get_users_for_states", [{"$presence": state}]) == {"@x:test": [state]}


def test_half_a_presence_router_does_not_load(server: FakeServer) -> None:
    server.configure(entry("presence_router", "HalfPresenceRouter"))
    assert server.failure("construct", {"item": 0})["type"] == "RuntimeError"


def test_password_providers(server: FakeServer) -> None:
    server.load(entry("password_provider", "PasswordProvider", path=["password_providers", "<item 0>"]))
    checkers = {
        note["extra"]["login_type"]: note for note in server.registered() if note["callback"] == "auth_checkers"
    }
    assert {name: note["extra"]["fields"] for name, note in checkers.items()} == {
        "m.login.password": ["password"],
        "test.login_type": ["test_field"],
    }

    def check(login_type: str, user: str, fields: Any) -> Any:
        number = checkers[login_type]["id"]
        return server.call("callback", {"id": number, "name": "auth_checkers", "args": [user, login_type, fields]})

    found = {"user_id": "@u:test", "callback": None}
    assert check("m.login.password", "u", {"password": "p"}) == found
    assert check("m.login.password", "@u:test", {"password": "p"}) == found
    assert check("m.login.password", "u", {"password": "q"}) is None
    assert check("test.login_type", "u", {"test_field": "y"}) == found
    assert check("test.login_type", "u", {"test_field": "n"}) is None
    assert server.callback("check_3pid_auth", "email", "x", "p") == {"user_id": "@pid:test", "callback": None}
    answer = server.callback("check_3pid_auth", "email", "cb", "p")
    call = {"id": answer["callback"], "name": "login_callback", "args": [{"user_id": "@three:test"}]}
    assert server.call("callback", call) == {"user_id": "@three:test", "seen": True}
    server.callback("on_logged_out", "@u:test", None, "token")
    server.log_containing("logged out @u:test")


def test_a_password_provider_needs_a_configuration(server: FakeServer) -> None:
    results = server.configure(entry("password_provider", "PasswordProvider", config=None, has_config=False))
    assert results[0]["error"]["kind"] == "config"
    assert "'config' is required" in results[0]["error"]["message"]


def test_the_old_name_of_the_ldap_provider(server: FakeServer) -> None:
    moved = {"kind": "password_provider", "module": "synapse.util.ldap_auth_provider.LdapAuthProvider"}
    results = server.configure({**entry("password_provider", "x"), **moved})
    assert "found at its new place" in str(results[0]["error"])


def test_additional_resources_without_a_known_interface(server: FakeServer) -> None:
    server.configure(entry("additional_resource", "NoHandler", web_path="/x"))
    error = server.failure("construct", {"item": 0})
    assert error["kind"] == "config"
    assert "does not implement a known interface" in error["message"]


def test_checkers_of_one_type_with_different_fields_do_not_load(server: FakeServer) -> None:
    server.configure("host_modules.OtherFields", entry("password_provider", "PasswordProvider"))
    server.call("construct", {"item": 0})
    error = server.failure("construct", {"item": 1})
    assert error["type"] == "RuntimeError"
    assert "host_modules.OtherFields" in error["message"]
    assert "legacy_modules.PasswordProvider" in error["message"]


def test_methods_for_account_validity_of_a_module_that_registers_nothing_are_registered(server: FakeServer) -> None:
    server.load(entry("module", "Validity"))
    assert {note["callback"] for note in server.registered()} == {
        "is_user_expired",
        "on_user_registration",
        "on_legacy_renew",
    }
    assert server.callback("is_user_expired", "@old:test") is True
    assert server.callback("is_user_expired", "@new:test") is False
    assert server.callback("is_user_expired", "@unknown:test") is None
    assert list(server.callback("on_legacy_renew", "token")) == [True, False, 1]


def test_a_module_that_registers_callbacks_is_taken_at_its_word(server: FakeServer) -> None:
    server.load(entry("module", "RegisteringValidity"))
    assert [note["callback"] for note in server.registered()] == ["is_user_expired"]
    assert server.callback("is_user_expired", "@new:test") is True
