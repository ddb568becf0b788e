"""The patterns of Synapse's documentation work as they are written."""

from __future__ import annotations

import pytest

from axolemma_host.homeserver import HomeServer
from synapse.api.presence import UserPresenceState
from synapse.events import event_from_wire
from synapse.module_api.errors import ConfigError
from tests.synapse import examples
from tests.synapse.conftest import FakePeer, result_of
from tests.synapse.test_events import MESSAGE
from tests.synapse.test_http import request_to
from tests.synapse.test_module_api_rooms import EVENT

SERVER = {
    "server_name": "test",
    "public_baseurl": "https://test/",
    "version": "1.163.2",
    "custom_template_directory": None,
    "email": None,
    "app_name": "Matrix",
    "config": {"server_name": "test"},
    "default_room_version": "11",
    "compat_views": {},
}


@pytest.fixture
def hs(tmp_path):
    """The real home server, over a server that plays."""
    from twisted.internet import task

    from axolemma_host.registrations import Registrations

    database = {"engine": "sqlite", "modules": str(tmp_path / "modules.db"), "server": str(tmp_path / "server.db")}
    peer = FakePeer()
    return HomeServer({**SERVER, "database": database}, peer, Registrations(peer), task.Clock())


@pytest.fixture
def api(hs):
    """Its module API."""
    return hs.get_module_api()


@pytest.fixture
def callbacks(hs):
    """Finds what was registered."""

    def find(name):
        return next(found.function for found in hs.registrations.callbacks.values() if found.name == name)

    return find


def event(body="x", sender="@u:test"):
    pdu = {**MESSAGE, "sender": sender, "content": {"msgtype": "m.text", "body": body}}
    return event_from_wire({"event_id": "$e", "room_id": "!a:b", "room_version": "11", "pdu": pdu})


def test_the_real_home_server_has_what_the_api_needs(api, hs):
    assert (api.server_name, api.public_baseurl, api.email_app_name) == ("test", "https://test/", "Matrix")
    assert (api.custom_template_dir, api.worker_name, api.worker_app) == (None, None, None)
    assert api is hs.get_module_api()
    assert api.http_client is hs.get_simple_http_client()
    assert api._hs is hs
    assert api._store is hs.get_datastores().main
    assert api._auth is hs.get_auth()
    assert api._auth_handler is hs.get_auth_handler()
    assert api._storage_controllers is hs.get_storage_controllers()
    assert api._clock is hs.get_clock()


def test_templates_are_read(api, tmp_path):
    (tmp_path / "mail.html").write_text("<b>{{ name }}</b>")
    (tmp_path / "mail.txt").write_text("{{ name }}")
    page, text = api.read_templates(["mail.html", "mail.txt"], str(tmp_path))
    assert page.render(name="<x>") == "<b>&lt;x&gt;</b>"
    assert text.render(name="<x>") == "<x>"
    with pytest.raises(ConfigError):
        api.read_templates(["mail.html"], str(tmp_path / "missing"))


def test_mail_to_no_address_is_refused(api):
    with pytest.raises(RuntimeError):
        result_of(api.send_mail("nonsense", "subject", "<b>", "text"))


def test_account_data_audit(api, hs, callbacks):
    with pytest.raises(ConfigError, match="sender"):
        examples.AccountDataAudit.parse_config({"audit_room": "!r:test"})
    config = examples.AccountDataAudit.parse_config({"audit_room": "!r:test", "sender": "@audit:test"})
    examples.AccountDataAudit(config, api)
    hs.peer.answers["create_and_send_event_into_room"] = EVENT
    result_of(callbacks("on_account_data_updated")("@u:test", "!x:test", "t", {"a": 1}))
    sent = hs.peer.calls[-1][1]["event"]
    assert sent["room_id"] == "!r:test"
    assert sent["content"]["body"] == (
        "@u:test has changed their account data for type t (in room !x:test) to: {'a': 1}"
    )


def test_presence_router(api, callbacks):
    examples.Router({"@alice:test": ["@bob:test", "@charlie:test"]}, api)
    states = [UserPresenceState.default(user) for user in ("@bob:test", "@charlie:test", "@dave:test")]
    assert result_of(callbacks("get_users_for_states")(states)) == {"@alice:test": set(states[:2])}
    assert result_of(callbacks("get_interested_users")("@alice:test")) == {"@bob:test", "@charlie:test"}
    assert result_of(callbacks("get_interested_users")("@all:test")) == "ALL"


def test_list_spam_checker(api, hs, callbacks):
    examples.ListSpamChecker({"evil_users": ["@evil:test"]}, api)
    check = callbacks("check_event_for_spam")
    assert result_of(check(event())) == "NOT_SPAM"
    assert result_of(check(event(sender="@evil:test"))) == "M_FORBIDDEN"
    mount = next(iter(hs.registrations.mounts.values()))
    assert mount.path == "/_synapse/client/list_spam_checker/is_evil"
    assert request_to(mount.resource, uri=b"/x?user_id=%40evil%3Atest").json() == {"evil": True}
    assert request_to(examples.IsEvil(set(), as_text=True), uri=b"/x?user_id=a").code == 500


def test_json_resource():
    resource = examples.Hello()
    assert request_to(resource, uri=b"/x?name=y").json() == {"hello": "y"}
    refused = request_to(resource)
    assert (refused.code, refused.json()) == (400, {"errcode": "M_MISSING_PARAM", "error": "Who?"})
    assert request_to(resource, b"POST", body=b'{"a":1}').json() == {"a": 1}


def test_cached_look_up(api, callbacks):
    module = examples.Departments({"@u:test": "rooms"}, api)
    may = callbacks("user_may_create_room")
    assert [result_of(may("@u:test")) for _ in range(2)] == [True, True]
    assert module.look_ups == 1
    module.departments["@u:test"] = "stairs"
    assert result_of(may("@u:test"))
    result_of(module.moved("@u:test"))
    assert not result_of(may("@u:test"))
    assert module.look_ups == 2


def test_censor(api, callbacks):
    examples.Censor({}, api)
    check = callbacks("check_event_allowed")
    assert result_of(check(event("x"), {})) == (True, None)
    shout = event("SHOUT")
    allowed, changed = result_of(check(shout, {}))
    assert allowed
    assert changed["content"]["body"] == "shout"
    assert changed["prev_events"] == MESSAGE["prev_events"]
    assert shout.content["body"] == "SHOUT"
