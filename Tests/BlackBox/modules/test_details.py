"""Details that modules written for Synapse may have come to rely on; each was compared with Synapse itself."""

from __future__ import annotations

import pytest
from blackbox.client import User
from blackbox.modules import Puppet, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server

puppet_server = shared_puppet({
    "spam_checker": ["check_event_for_spam", "check_registration_for_spam", "user_may_join_room"],
    "third_party_rules": ["check_event_allowed", "on_new_event"],
    "password_auth_provider": ["check_3pid_auth"],
})


def test_an_event_of_this_server_says_when_it_was_made(puppet: Puppet, alice: User, room: str) -> None:
    alice.send(room)
    (event, _) = puppet.calls("check_event_allowed")[-1]
    assert event["unsigned"]["age_ts"] == event["origin_server_ts"]


def test_a_state_can_be_merged_with_a_dictionary(puppet: Puppet, alice: User, room: str) -> None:
    puppet.answers("check_event_allowed", """
        merged = args[1] | {("a", "b"): args[0]}
        assert type(merged) is dict and merged[("a", "b")] is args[0] and ("a", "b") not in args[1]
        return (len(merged) == len(args[1]) + 1, None)
    """)
    alice.send(room)


def test_modules_hear_of_a_new_room_as_a_whole(puppet: Puppet, alice: User) -> None:
    encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room = alice.create_room(initial_state=[encryption])
    told = [call for call in puppet.wait_for_calls("on_new_event", 7) if call[0]["type"] == "m.room.power_levels"]
    states = [[key for key, _ in state["map"]] for event, state in told if event["room_id"] == room]
    assert [["m.room.encryption", ""] in state for state in states] == [True]


def test_a_redirect_is_no_answer_to_a_question(puppet: Puppet, alice: User, room: str) -> None:
    puppet.answers("check_event_for_spam", 'raise module_api.errors.RedirectException(b"https://elsewhere.example")')
    answer = alice.try_send(room)
    assert answer.refused(500, "M_UNKNOWN")["error"] == "Internal server error"
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    "change", ['told["type"] = "other"', 'told["room_id"] = "!a:b"', 'told["sender"] = "@eve:elsewhere"']
)
def test_why_a_replacement_is_refused_is_not_for_clients(puppet: Puppet, alice: User, room: str, change: str) -> None:
    puppet.answers("check_event_allowed", f"told = args[0].get_dict()\n{change}\nreturn (True, told)")
    assert alice.try_send(room).refused(500, "M_UNKNOWN")["error"] == "Internal server error"


def test_a_registration_without_a_user_agent_has_an_empty_one(puppet: Puppet, server: LocalServer) -> None:
    server.user("carol")
    assert puppet.calls("check_registration_for_spam")[-1][2] == [["", "127.0.0.1"]]


def test_whom_a_module_recognizes_must_have_an_account(puppet: Puppet, alice: User) -> None:
    puppet.answers("check_3pid_auth", '("@nobody-at-all:localhost", None)')
    identifier = {"type": "m.id.thirdparty", "medium": "email", "address": "a@b.c"}
    body = {"type": "m.login.password", "identifier": identifier, "password": "x"}
    assert alice.post("login", body=body).refused(404, "M_UNKNOWN")["error"] == "No row found (users)"


@pytest.mark.parametrize(
    ("call", "exception", "message"),
    [
        ('api.set_user_admin("@nobody:localhost", True)', "StoreError", "No row found (users)"),
        (
            'api.public_room_list_manager.add_room_to_public_room_list("!nope:localhost")', "StoreError",
            "No row found (rooms)",
        ),
        ('api.set_displayname("@a:localhost", "x")', "AttributeError", "'str' object has no attribute 'domain'"),
        ('api.send_mail("", "s", "h", "t")', "RuntimeError", "Invalid 'to' address"),
        (
            'api.account_data_manager.get_global("@a:elsewhere", "t")', "ValueError",
            "@a:elsewhere is not local to this homeserver; can't access account data for remote users.",
        ),
    ],
)
def test_errors_of_the_api(
    puppet: Puppet, server: LocalServer, call: str, exception: str, message: str
) -> None:
    told = puppet.run(server, f"await {call}")
    assert (told["exception"], told["message"]) == (exception, message)


def test_an_external_id_stands_for_one_user(puppet: Puppet, server: LocalServer, alice: User, bob: User) -> None:
    puppet.result(server, f'await api.record_user_external_id("p", "{alice.id}", "{alice.id}")')
    told = puppet.run(server, f'await api.record_user_external_id("p", "{alice.id}", "{bob.id}")')
    assert told["exception"] == "ExternalIDReuseException"


def test_work_in_threads_is_a_coroutine(puppet: Puppet, server: LocalServer) -> None:
    told = puppet.result(server, """
        import inspect
        work = api.defer_to_thread(lambda: 6 * 7)
        return [inspect.iscoroutine(work), await work]
    """)
    assert told == [True, 42]


def test_a_transaction_runs_five_times_at_most(puppet: Puppet, server: LocalServer) -> None:
    told = puppet.result(server, """
        runs = []
        def fail(txn):
            runs.append(1)
            raise txn.database_engine.module.OperationalError("again")
        try:
            await api.run_db_interaction("fail", fail)
        except Exception as error:
            return [type(error).__name__, len(runs)]
    """)
    assert told == ["OperationalError", 5]


def test_every_request_says_what_sends_it(puppet: Puppet, server: LocalServer) -> None:
    told = puppet.result(server, """
        from twisted.internet import reactor
        from twisted.web.client import readBody
        from twisted.web.resource import Resource
        from twisted.web.server import Site
        class Echo(Resource):
            isLeaf = True
            def render_GET(self, request):
                return request.getHeader(b"user-agent") or b"none"
        port = reactor.listenTCP(0, Site(Echo()), interface="127.0.0.1")
        try:
            answer = await api.http_client.request("GET", "http://127.0.0.1:%d/" % port.getHost().port)
            return (await readBody(answer)).decode()
        finally:
            port.stopListening()
    """)
    assert told.startswith("Synapse/")


def test_modules_are_not_shown_what_people_say_in_rooms_they_are_not_in(
    puppet: Puppet, alice: User, bob: User
) -> None:
    room = alice.create_room(preset="public_chat")
    puppet.forget()
    bob.try_send(room).refused(403, "M_FORBIDDEN")
    bob.try_set_state(room, "m.room.topic", {"topic": "x"}).refused(403, "M_FORBIDDEN")
    assert puppet.calls("check_event_allowed") == [] and puppet.calls("check_event_for_spam") == []


def test_a_member_who_appears_anew_is_asked_about_like_one_who_joins(puppet: Puppet, alice: User, bob: User) -> None:
    room = alice.create_room(preset="public_chat")
    bob.join(room)
    puppet.forget()
    bob.put("rooms", room, "state", "m.room.member", bob.id, body={"membership": "join", "displayname": "B"}).ok()
    bob.put("profile", bob.id, "displayname", body={"displayname": "Bob"}).ok()
    assert puppet.wait_for_calls("user_may_join_room", 2) == [[bob.id, room, False]] * 2
