"""Calling modules, and what their answers become."""

from __future__ import annotations

from typing import Any

import pytest

from tests.host.server import FakeServer, event

DENY = {"deny": {"errcode": "M_FORBIDDEN", "fields": {}}}
LIMIT = {"deny": {"errcode": "M_LIMIT_EXCEEDED", "fields": {}}}
PAIR = {
    "deny": {"errcode": "M_SERVER_NOT_TRUSTED", "fields": {"additional_field": "12345", "error": "mine"}},
}
WITH_TEXT = {"deny": {"errcode": "M_FORBIDDEN", "error": "ANY OTHER STRING", "fields": {}}}

#: Rows of the contract's table: event, user_may_*, state event, login.
TABLE = {
    "NOT_SPAM": ("allow", "allow", "allow", "allow"),
    "codes": (LIMIT, LIMIT, LIMIT, LIMIT),
    "pair": (PAIR, PAIR, DENY, PAIR),
    "true": (DENY, "allow", DENY, DENY),
    "false": ("allow", DENY, DENY, DENY),
    "string": (WITH_TEXT, DENY, DENY, DENY),
    "none": (DENY, DENY, DENY, DENY),
    "int": (DENY, DENY, DENY, DENY),
    "bad pair": (DENY, DENY, DENY, DENY),
    "triple": (DENY, DENY, DENY, DENY),
    "list": (DENY, DENY, DENY, DENY),
}


@pytest.fixture(scope="module")
def shared() -> Any:
    """One host for the tests that change nothing in it."""
    server = FakeServer()
    server.load(
        "host_modules.Spam",
        "host_modules.Rules",
        "host_modules.Waiting",
        "host_modules.Validity",
        "host_modules.Passwords",
        "host_modules.Presence",
        "host_modules.Others",
    )
    yield server
    server.close()


def message(body: str, **fields: Any) -> Any:
    return event(content={"body": body}, **fields)


@pytest.mark.parametrize("answer", sorted(TABLE))
def test_answers_of_the_spam_checker(shared: FakeServer, answer: str) -> None:
    expected = TABLE[answer]
    assert shared.callback("check_event_for_spam", message(answer)) == expected[0]
    assert shared.callback("user_may_join_room", "@u:test", answer, True) == expected[1]
    assert shared.callback("user_may_send_state_event", "@u:test", answer, "t", "k", {}) == expected[2]
    assert shared.callback("check_login_for_spam", answer, None, None, [["agent", "1.2.3.4"]], None) == expected[3]


def test_nonsense_is_warned_of(shared: FakeServer) -> None:
    shared.callback("check_event_for_spam", message("none"))
    log = shared.log_containing("Module returned invalid value, rejecting event as spam")
    assert log["level"] == "WARNING"
    assert "Spam.check_event" in log["message"]


def test_the_number_of_parameters_decides_what_is_passed(shared: FakeServer) -> None:
    assert shared.callback("user_may_create_room", "@u:test", {"name": "x"}) == "allow"
    assert shared.callback("check_username_for_spam", {"user_id": "@u:test"}, "@u:test") is True
    assert shared.callback("check_username_for_spam", {"user_id": "@u:test"}, "@v:test") is False


def test_aliases_arrive_as_objects(shared: FakeServer) -> None:
    assert shared.callback("user_may_create_room_alias", "@u:test", {"$alias": "#a:test"}) == "allow"
    assert shared.callback("user_may_create_room_alias", "@u:test", {"$alias": "#b:test"}) == DENY


def test_dropping_is_decided_by_truth(shared: FakeServer) -> None:
    assert shared.callback("should_drop_federated_event", event(content={"drop": "yes"})) is True
    assert shared.callback("should_drop_federated_event", event(content={})) is False


def test_registrations_are_answered_with_an_enum(shared: FakeServer) -> None:
    for behaviour in ("allow", "deny", "shadow_ban"):
        assert shared.callback("check_registration_for_spam", None, behaviour, [["a", "b"]], None) == behaviour
    error = shared.callback_failure("check_registration_for_spam", None, "bool", [], None)
    assert (error["kind"], error["type"]) == ("exception", "AssertionError")


def test_a_synapse_error_keeps_everything(shared: FakeServer) -> None:
    error = shared.callback_failure("check_event_for_spam", message("synapse error"))
    assert error == {
        "kind": "matrix",
        "status": 418,
        "body": {"errcode": "M_TEAPOT", "error": "x", "more": 1},
        "headers": [["Retry-After", "5"]],
    }


def test_an_error_composes_its_own_body(shared: FakeServer) -> None:
    error = shared.callback_failure("check_event_allowed", message("nasty"), {"$state": True})
    assert error == {
        "kind": "matrix",
        "status": 429,
        "body": {"errcode": "M_UNKNOWN", "error": "message", "nasty": "very"},
    }


def test_redirects_are_for_web_resources_only(shared: FakeServer) -> None:
    error = shared.callback_failure("check_event_for_spam", message("redirect"))
    assert (error["kind"], error["type"]) == ("exception", "RedirectException")


def test_other_exceptions_come_with_their_traceback(shared: FakeServer) -> None:
    error = shared.callback_failure("check_event_for_spam", message("runtime error"))
    assert (error["kind"], error["type"], error["message"]) == ("exception", "RuntimeError", "broken module")
    assert "host_modules.py" in error["traceback"]
    assert "check_event" in error["traceback"]


def test_exit_in_a_callback_ends_only_the_callback(shared: FakeServer) -> None:
    assert shared.callback_failure("check_event_for_spam", message("exit"))["type"] == "SystemExit"
    assert shared.callback("check_event_for_spam", message("NOT_SPAM")) == "allow"


def test_a_callback_that_is_not_registered(shared: FakeServer) -> None:
    error = shared.failure("callback", {"id": 99999, "name": "check_event_for_spam", "args": []})
    assert error == {"kind": "unregistered"}


def test_answers_of_check_event_allowed(shared: FakeServer) -> None:
    def allowed(body: str) -> Any:
        return shared.callback("check_event_allowed", message(body), {"$state": True})

    assert allowed("fine") == [True, None]
    assert allowed("deny") == [False, None]
    assert allowed("none") == [None, None]
    verdict, replacement = allowed("replace")
    assert verdict is True
    assert replacement["content"] == {"body": "censored"}
    assert replacement["sender"] == "@user:test"
    for body in ("bool", "dict"):
        error = shared.callback_failure("check_event_allowed", message(body), {"$state": True})
        assert (error["kind"], error["type"]) == ("exception", "TypeError")


def test_events_cannot_be_changed(shared: FakeServer) -> None:
    error = shared.callback_failure("check_event_allowed", message("assign"), {"$state": True})
    assert (error["kind"], error["type"]) == ("exception", "TypeError")


def test_the_request_of_a_room_is_changed_in_place(shared: FakeServer) -> None:
    requester = {"user_id": "@u:test", "access_token_id": 1, "is_guest": False, "scope": ["x"], "device_id": "D"}
    answer = shared.callback("on_create_room", requester, {"name": "x", "invite": ["@a:test"]}, False)
    state = [{"type": "m.room.topic", "content": {"by": "@u:test"}}]
    assert answer == {"request": {"name": "x", "invite": ["@a:test"], "initial_state": state}}
    assert shared.callback_failure("on_create_room", requester, {}, True)["type"] == "ValueError"


def test_only_false_forbids(shared: FakeServer) -> None:
    def visible(visibility: str) -> Any:
        return shared.callback("check_visibility_can_be_modified", "!r:test", {"$state": True}, visibility)

    assert [visible("public"), visible("private"), visible("other")] == [False, True, True]


def test_profiles_arrive_as_objects(shared: FakeServer) -> None:
    profile = {"$profile": {"display_name": "Bob", "avatar_url": None}}
    assert shared.callback("on_profile_update", "@u:test", profile, False, False) is None
    shared.log_containing("profile Bob None")


def test_account_validity_answers(shared: FakeServer) -> None:
    assert shared.callback("is_user_expired", "expired", item=3) is True
    assert shared.callback("is_user_expired", "fine", item=3) is False
    assert shared.callback("is_user_expired", "other", item=3) is None


def test_a_plain_value_where_an_awaitable_belongs(shared: FakeServer) -> None:
    error = shared.callback_failure("on_user_login", "u", None, None)
    assert error["type"] == "TypeError"
    assert error["message"] == "object str can't be used in 'await' expression"


def test_password_checkers(shared: FakeServer) -> None:
    note = next(note for note in shared.registered() if note["callback"] == "auth_checkers")
    assert note["extra"] == {"login_type": "test.login_type", "fields": ["test_field"]}

    def check(user: str) -> Any:
        return shared.callback("auth_checkers", user, "test.login_type", {"test_field": "y"})

    assert check("good") == {"user_id": "@good:test", "callback": None}
    assert check("nobody") is None
    assert check("string") is None
    assert check("triple") is None
    log = shared.log_containing("Wrong type returned by module API callback host_modules.Passwords.check")
    assert log["level"] == "WARNING"
    assert "@string:test" not in log["message"]

    answer = check("callback")
    call = {"id": answer["callback"], "name": "login_callback", "args": [{"user_id": "@callback:test"}]}
    assert shared.call("callback", call) == {"user_id": "@callback:test", "extra": "@callback:test"}
    assert shared.failure("callback", call) == {"kind": "unregistered"}


def test_other_answers_of_password_providers(shared: FakeServer) -> None:
    assert shared.callback("is_3pid_allowed", "email", "yes", True) is True
    assert shared.callback("is_3pid_allowed", "email", "no", True) is False
    assert shared.callback("is_3pid_allowed", "email", "other", True) is True
    assert shared.callback("get_username_for_registration", {}, {"username": "x"}) == "x"
    assert shared.callback("get_username_for_registration", {}, {}) is None
    assert shared.callback("get_username_for_registration", {}, {"username": 5}) is None


def presence(status: Any = None) -> Any:
    return {
        "$presence": {
            "user_id": "@p:test",
            "state": "online",
            "last_active_ts": 1,
            "last_federation_update_ts": 2,
            "last_user_sync_ts": 3,
            "status_msg": status,
            "currently_active": True,
        }
    }


def test_presence_routers(shared: FakeServer) -> None:
    state = presence("here")["$presence"]
    assert shared.callback("get_users_for_states", [presence("here")]) == {"@a:test": [state]}
    assert list(shared.callback("get_users_for_states", [presence("bad")])) == ["@a:test"]
    assert shared.callback("get_interested_users", "all") == "ALL"
    assert shared.callback("get_interested_users", "set") == ["@x:test"]
    assert shared.callback("get_interested_users", "list") == []


def test_the_remaining_families(shared: FakeServer) -> None:
    assert shared.callback("add_field_to_unsigned_callback", event("$e")) == {"test_key": "$e"}
    assert shared.callback("get_ratelimit_override_for_user", "fast", "x") == {"per_second": 2.5, "burst_count": 10}
    assert shared.callback("get_ratelimit_override_for_user", "slow", "x") is None
    assert shared.callback("get_media_config_for_user", "some") == {"m.upload.size": 5}
    assert shared.callback("get_media_config_for_user", "none") is None
    assert shared.callback("is_user_allowed_to_upload_media_of_size", "u", 5) is True
    assert shared.callback("is_user_allowed_to_upload_media_of_size", "u", 50) is False
    assert shared.callback("get_media_upload_limits_for_user", "none") is None
    assert shared.callback("get_media_upload_limits_for_user", "some") == [
        {"max_bytes": 5, "time_period_ms": 1000, "info_uri": None, "can_upgrade": False}
    ]


def test_a_callback_calls_the_server_and_is_called_meanwhile(shared: FakeServer) -> None:
    """``check_event_allowed`` sends an event, on which ``check_event_allowed`` is called in turn."""
    rule = shared.id_of("check_event_allowed")
    outer = shared.begin("callback", {"id": rule, "name": "check_event_allowed", "args": [message("send"), None]})
    number, params = shared.host_call("create_and_send_event_into_room")
    assert params["event"]["content"] == {"body": "x"}
    assert shared.callback("check_event_allowed", message("x"), None) == [True, None]
    assert outer not in shared.answers
    shared.reply(number, event("$sent"))
    assert shared.answer(outer) == [True, {"sent": "$sent"}]


def test_errors_of_the_server_are_exceptions_of_synapse(shared: FakeServer) -> None:
    number = shared.begin("callback", {"id": shared.id_of("is_user_expired", 2), "name": "x", "args": ["refused"]})
    call, _ = shared.host_call("is_user_admin")
    body = {"errcode": "M_NOT_FOUND", "error": "no such user"}
    shared.fail(call, {"kind": "matrix", "status": 404, "body": body, "headers": []})
    assert shared.answer(number) is True


def test_an_error_of_the_server_passes_through_a_module(shared: FakeServer) -> None:
    number = shared.begin("callback", {"id": shared.id_of("is_user_expired", 2), "name": "x", "args": ["plain"]})
    call, _ = shared.host_call("is_user_admin")
    body = {"errcode": "ORG.NEW", "error": "text", "field": [1]}
    shared.fail(call, {"kind": "matrix", "status": 404, "body": body, "headers": [["A", "b"]]})
    with pytest.raises(Exception) as caught:
        shared.answer(number)
    assert caught.value.error == {"kind": "matrix", "status": 404, "body": body, "headers": [["A", "b"]]}


@pytest.mark.parametrize(
    "name", ["RuntimeError", "ValueError", "TypeError", "NotImplementedError", "ShadowBanError", "InvalidRuleException"]
)
def test_other_errors_of_the_server_are_the_exceptions_they_name(shared: FakeServer, name: str) -> None:
    number = shared.begin("callback", {"id": shared.id_of("is_user_expired", 2), "name": "x", "args": ["plain"]})
    call, _ = shared.host_call("is_user_admin")
    shared.fail(call, {"kind": "exception", "type": name, "message": "text"})
    with pytest.raises(Exception) as caught:
        shared.answer(number)
    assert caught.value.error["type"] == name


def test_deferreds_are_awaited_too(shared: FakeServer) -> None:
    number = shared.begin(
        "callback",
        {"id": shared.id_of("on_account_data_updated"), "name": "x", "args": ["@u:test", None, "t", {"a": 1}]},
    )
    call, params = shared.host_call("check_user_exists")
    shared.reply(call, "@u:test")
    assert shared.answer(number) is None
    shared.log_containing("inline @u:test {'a': 1}")


def test_a_cancelled_call_of_a_module_is_cancelled_at_the_server(shared: FakeServer) -> None:
    before = len(shared.cancelled)
    assert shared.callback("is_user_expired", "cancel", item=2) is True
    assert len(shared.cancelled) == before + 1
    shared.calls.clear()


def test_the_server_losing_interest_does_not_interrupt_a_module(shared: FakeServer) -> None:
    from axolemma_host import frames

    number = shared.begin("callback", {"id": shared.id_of("is_user_expired", 2), "name": "x", "args": ["later"]})
    shared.send(frames.plain(frames.CANCEL, number))
    shared.log_containing("finished 1")


def test_at_most_256_calls_are_under_way(shared: FakeServer) -> None:
    number = shared.begin("callback", {"id": shared.id_of("is_user_expired", 2), "name": "x", "args": ["many"]})
    shared.until(lambda: len(shared.calls) == 256)
    shared.call("ping", {})
    assert len(shared.calls) == 256
    for call, _, params in shared.calls:
        shared.reply(call, params["user_id"])
    shared.calls.clear()
    shared.until(lambda: len(shared.calls) == 44)
    for call, _, params in shared.calls:
        shared.reply(call, params["user_id"])
    shared.calls.clear()
    assert shared.answer(number) is True


def test_many_calls_in_one_write_are_all_answered(shared: FakeServer) -> None:
    from axolemma_host import frames
    from axolemma_host.frames import encode_json

    rule = shared.id_of("check_event_for_spam")
    numbers = list(range(500_000, 501_000))
    text = encode_json({"method": "callback", "params": {"id": rule, "name": "x", "args": [message("NOT_SPAM")]}})
    data = b"".join(frames.message(frames.CALL, number, text) for number in numbers)
    for start in range(0, len(data), 100_003):  # Never at the end of a frame.
        shared.send(data[start : start + 100_003])
    assert {shared.answer(number) for number in numbers} == {"allow"}


def test_text_that_utf8_cannot_carry(shared: FakeServer) -> None:
    verdict = shared.callback("check_event_allowed", event(content={"body": "replace"}, sender="\ud800"), None)
    assert verdict[1]["sender"] == "\ud800"


def test_background_update_controllers(server: FakeServer) -> None:
    server.load("host_modules.Updates")
    answer = server.callback("on_update", "update", "master", False)
    assert answer["duration_ms"] == 250
    call = {"id": answer["exit"], "name": "background_update_exit", "args": []}
    assert server.call("callback", call) is None
    assert server.failure("callback", call) == {"kind": "unregistered"}
    assert [log["message"] for log in server.logs()] == ["entered", "left"]
    assert server.callback("default_batch_size", "update", "master") == 42


def test_older_endpoints_of_account_validity(server: FakeServer) -> None:
    server.load("host_modules.Legacy")
    assert server.callback("on_legacy_renew", "token") == [True, False, 5]
    request = {
        "method": "POST",
        "uri": "/_synapse/admin/v1/account_validity/validity?a=1",
        "headers": [["Authorization", "Bearer x"]],
        "client_ip": "1.2.3.4",
        "secure": True,
        "body": '{"expiration_ts": 10}',
        "requester": {"user_id": "@admin:test"},
    }
    assert server.callback("on_legacy_admin_request", {"$request": request}) == 11


def test_media_files(server: FakeServer, tmp_path: Any) -> None:
    server.load("host_modules.Media")
    info = {"$file_info": {"server_name": None, "file_id": "abc", "url_cache": False, "thumbnail": None}}
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100_000 + b"evil")
    assert server.callback("check_media_file_for_spam", {"$file": {"path": str(file)}}, info) == DENY
    file.write_bytes(b"x" * 100_000)
    assert server.callback("check_media_file_for_spam", {"$file": {"path": str(file)}}, info) == "allow"


def test_deliveries_over_federation(server: FakeServer) -> None:
    server.load("host_modules.Deliveries")
    delivery = {"server_name": "other", "method": "/send", "events": [event("$1"), event("$2")]}
    assert server.callback("on_event_delivered_over_federation", delivery) is None
    server.log_containing("other /send ['$1', '$2']")
