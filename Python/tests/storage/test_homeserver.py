"""What modules reach through `_hs` and `_store`."""

from __future__ import annotations

import pytest
from twisted.internet import defer

from axolemma_host.homeserver import HomeServer
from synapse.api.errors import NotFoundError, SynapseError
from synapse.types import StateFilter, TaskStatus, UserID, create_requester

EVENT = {
    "event_id": "$e:example.org",
    "room_id": "!r:example.org",
    "room_version": "11",
    "pdu": {
        "type": "m.room.member",
        "sender": "@alice:example.org",
        "room_id": "!r:example.org",
        "state_key": "@alice:example.org",
        "content": {"membership": "join", "displayname": "Alice"},
        "origin_server_ts": 1,
        "depth": 1,
        "auth_events": [],
        "prev_events": [],
        "hashes": {},
        "signatures": {},
    },
    "rejected_reason": None,
    "internal_metadata": {},
}


class FakePeer:
    """The server: answers from a table, and remembers what it was asked."""

    def __init__(self):
        self.answers = {}
        self.calls = []

    def call(self, method, params, attachment=b""):
        self.calls.append((method, params))
        answer = self.answers.get(method)
        return defer.fail(answer) if isinstance(answer, Exception) else defer.succeed(answer)

    def note(self, method, params):
        self.calls.append((method, params))


@pytest.fixture
def hs(server, reactor):
    description = {
        "server_name": "example.org",
        "public_baseurl": "https://example.org",
        "version": "1.163.2",
        "custom_template_directory": None,
        "email": None,
        "app_name": "App",
        "default_room_version": "11",
        "config": {
            "server_name": "example.org",
            "max_upload_size": "1M",
            "server_notices": {"system_mxid_localpart": "notices"},
            "password_config": {"pepper": "salt"},
            "bcrypt_rounds": 4,
            "my_own": {"a": 1},
        },
        **server,
    }
    return HomeServer(description, FakePeer(), None, reactor)


def test_the_configuration(hs):
    config = hs.config
    assert config.server.server_name == "example.org"
    assert config.server.public_baseurl == "https://example.org/"
    assert config.server.default_room_version.identifier == "11"
    assert config.email.email_app_name == "App"
    assert config.email.email_smtp_port == 25
    assert config.media.max_upload_size == 1 << 20
    assert config.worker.worker_name is None
    assert config.worker.worker_app is None
    assert config.worker.writers.events == ["master"]
    assert config.registration.enable_registration is False
    assert config.servernotices.server_notices_mxid == "@notices:example.org"
    assert config.database.databases[0].config["name"] in ("sqlite3", "psycopg2")
    assert config.server_name == "example.org"
    # Options of the file, also unknown ones.
    assert config.server.my_own == {"a": 1}
    assert config.experimental.msc9999_enabled is False
    with pytest.raises(AttributeError, match="no_such_key.*public_baseurl"):
        _ = config.server.no_such_key
    with pytest.raises(AttributeError, match="no_such_section.*worker"):
        _ = config.no_such_section
    assert "salt" not in repr(config) + repr(config.auth)


def test_what_is_not_there_is_named_with_what_is(hs):
    with pytest.raises(AttributeError, match="get_federation_transport_client.*get_datastores"):
        hs.get_federation_transport_client()
    store = hs.get_datastores().main
    with pytest.raises(AttributeError, match="no 'write_a_novel'.*get_users_in_room"):
        store.write_a_novel()
    with pytest.raises(AttributeError, match="local_media"):
        _ = hs.get_media_repository().local_media
    assert not hasattr(hs, "nothing")


def test_parts_that_are_not_there_can_be_held_but_not_used(hs):
    handler = hs.get_admin_handler()
    assert handler is hs.get_admin_handler()
    assert handler.store is hs.get_datastores().main
    with pytest.raises(AttributeError, match="The admin handler, a part of Synapse that Axolemma does not have"):
        _ = handler.export_user_data
    with pytest.raises(AttributeError, match="has no 'get_nonsense_handler'"):
        _ = hs.get_nonsense_handler


def test_the_module_api_has_it_under_its_first_name_too(hs):
    assert hs.get_module_api().hs is hs
    assert hs.get_module_api()._hs is hs
    assert hs.get_module_api()._http_client is hs.get_module_api().http_client


def test_addresses_through_the_authentication_handler(hs, reactor):
    hs.peer.answers.update(add_threepid=None, remove_threepid=None)
    handler = hs.get_auth_handler()
    defer.ensureDeferred(handler.add_threepid("@a:example.org", "email", "A@b.org", 5))
    defer.ensureDeferred(handler.delete_local_threepid("@a:example.org", "email", "A@b.org"))
    (added, given), (removed, taken) = hs.peer.calls[-2:]
    assert (added, given["address"], given["validated_at"]) == ("add_threepid", "a@b.org", 5)
    assert (removed, taken["address"]) == ("remove_threepid", "a@b.org")


def test_the_user_of_server_notices_is_known(hs):
    assert hs.get_server_notices_manager().server_notices_mxid == "@notices:example.org"
    assert not hs.get_server_notices_manager().is_enabled()


def test_the_servers_of_a_room(hs):
    hs.peer.answers["get_users_in_room"] = ["@a:example.org", "@b:else.where:8448", "@c:example.org"]
    found = []
    defer.ensureDeferred(hs.get_storage_controllers().state.get_current_hosts_in_room("!r:x")).addCallback(found.append)
    assert found == [{"example.org", "else.where:8448"}]


def test_limits_of_the_configuration(hs):
    limit = hs.config.ratelimiting.rc_login_address
    assert (limit.key, limit.burst_count) == ("rc_login.address", 5)


def test_what_is_mine(hs):
    assert hs.is_mine(UserID.from_string("@a:example.org"))
    assert not hs.is_mine_id("@a:other.org")
    assert not hs.is_mine_id("!roomversion12")
    assert hs.is_mine_server_name("example.org")
    assert hs.get_clock().time_msec() > 1_600_000_000_000
    assert hs.get_datastores() is hs.get_datastores()


def test_the_store_asks_the_server(hs, reactor):
    store, answers = hs.get_datastores().main, hs.peer.answers
    answers["get_profile"] = {"display_name": "Alice", "avatar_url": None}
    profile = reactor.wait(store.get_profileinfo(UserID.from_string("@alice:example.org")))
    assert (profile.display_name, profile.avatar_url) == ("Alice", None)
    reactor.wait(store.get_profileinfo("alice"))
    assert hs.peer.calls[-1] == ("get_profile", {"user_id": "@alice:example.org"})
    answers["get_rooms_for_user"] = ["!r:example.org"]
    assert reactor.wait(store.get_rooms_for_user("@alice:example.org")) == frozenset({"!r:example.org"})
    answers["get_users_in_room"] = ["@alice:example.org", "@bob:other.org"]
    assert reactor.wait(store.get_local_users_in_room("!r:example.org")) == ["@alice:example.org"]
    answers["get_room_version"] = "11"
    assert reactor.wait(store.get_room_version("!r:example.org")).identifier == "11"
    answers["get_room_version"] = None
    with pytest.raises(NotFoundError):
        reactor.wait(store.get_room_version("!r:example.org"))
    answers["get_event"] = EVENT
    assert reactor.wait(store.get_event("$e:example.org")).sender == "@alice:example.org"
    assert list(reactor.wait(store.get_events(["$e:example.org"]))) == ["$e:example.org"]
    assert reactor.wait(store.get_event("$e:example.org", allow_none=True, check_room_id="!x:y")) is None
    answers["get_event"] = None
    with pytest.raises(NotFoundError):
        reactor.wait(store.get_event("$e:example.org"))
    answers["get_threepids_for_user"] = [{"medium": "email", "address": "a@b", "validated_at": 1, "added_at": 2}]
    (threepid,) = reactor.wait(store.user_get_threepids("@alice:example.org"))
    assert threepid.address == threepid["address"] == "a@b" and dict(threepid)["added_at"] == 2
    answers["get_external_ids"] = [["oidc", "1"]]
    assert reactor.wait(store.get_external_ids_by_user("@alice:example.org")) == [("oidc", "1")]
    answers["get_ratelimit_override"] = {"messages_per_second": 0, "burst_count": 0}
    assert reactor.wait(store.get_ratelimit_for_user("@alice:example.org")).messages_per_second == 0


def test_state(hs, reactor):
    from synapse.events import event_from_wire

    key = ("m.room.member", "@alice:example.org")
    hs.peer.answers["get_room_state"] = {key: event_from_wire(EVENT)}
    store, state = hs.get_datastores().main, hs.get_storage_controllers().state
    assert reactor.wait(store.get_current_state_ids("!r:example.org")) == {key: "$e:example.org"}
    wanted = StateFilter.from_types([("m.room.member", None)])
    assert reactor.wait(state.get_current_state("!r:example.org", wanted))[key].content["displayname"] == "Alice"
    assert hs.peer.calls[-1][1]["filter"] == [["m.room.member", None]]
    assert reactor.wait(state.get_current_state_ids("!r:example.org", StateFilter.none())) == {}
    assert reactor.wait(state.get_current_state_event("!r:example.org", *key)).type == "m.room.member"
    members = reactor.wait(store.get_users_in_room_with_profiles("!r:example.org"))
    assert members["@alice:example.org"].display_name == "Alice"


def test_the_store_reads_the_views(hs, reactor):
    store = hs.get_datastores().main
    pool = store.db_pool

    def tables(txn):
        # Tables of the module's own take the views' places here.
        txn.execute("CREATE TABLE account_data (user_id TEXT, account_data_type TEXT, content TEXT)")
        txn.execute(
            "INSERT INTO account_data VALUES ('@b:example.org', 'm.ignored_user_list', ?)",
            ('{"ignored_users":{"@a:example.org":{}}}',),
        )
        txn.execute(
            "CREATE TABLE registration_tokens"
            " (token TEXT, uses_allowed INT, pending INT, completed INT, expiry_time BIGINT)"
        )
        rows = [("good", 2, 1, 0, None), ("used", 1, 0, 1, None), ("old", None, 0, 0, 5)]
        pool.simple_insert_many_txn(
            txn, "registration_tokens", ("token", "uses_allowed", "pending", "completed", "expiry_time"), rows
        )

    reactor.wait(pool.runInteraction("tables", tables))
    assert reactor.wait(store.ignored_by("@a:example.org")) == frozenset({"@b:example.org"})
    valid = [reactor.wait(store.registration_token_is_valid(token)) for token in ("good", "used", "old", "none")]
    assert valid == [True, False, False, False]


def test_handlers(hs, reactor):
    peer = hs.peer
    alice, bob = UserID.from_string("@alice:example.org"), UserID.from_string("@bob:example.org")
    requester = create_requester(alice)
    profiles = hs.get_profile_handler()
    reactor.wait(profiles.set_displayname(bob, requester, "Bob", by_admin=True))
    assert peer.calls[-1] == ("set_displayname", {"user_id": "@bob:example.org", "displayname": "Bob"})
    with pytest.raises(SynapseError):
        reactor.wait(profiles.set_displayname(bob, requester, "Bob"))
    peer.answers["get_profile"] = {"display_name": "Bob", "avatar_url": None}
    assert reactor.wait(profiles.get_profile("@bob:example.org")) == {"displayname": "Bob"}
    assert profiles.store is hs.get_datastores().main
    peer.answers["update_room_membership"] = EVENT
    changed = reactor.wait(
        hs.get_room_member_handler().update_membership(requester, alice, "!r:example.org", "join", ratelimit=False)
    )
    assert changed[0] == "$e:example.org"
    peer.answers["create_room"] = {"room_id": "!new:example.org", "room_alias": "#a:example.org"}
    room_id, alias, _ = reactor.wait(hs.get_room_creation_handler().create_room(requester, {"name": "x"}))
    assert (room_id, alias.localpart) == ("!new:example.org", "a")
    peer.answers["create_and_send_event_into_room"] = EVENT
    event, _ = reactor.wait(
        hs.get_event_creation_handler().create_and_send_nonmember_event(
            requester, {"type": "m.room.message", "room_id": "!r:example.org", "content": {}}
        )
    )
    assert event.event_id == "$e:example.org"
    assert peer.calls[-1][1]["event"]["sender"] == "@alice:example.org"


def test_password_hashes_are_the_servers(hs):
    handler = hs.get_auth_handler()
    hashed = handler._hash("pässword", 4)
    assert handler._matches("pässword", hashed.encode())
    assert not handler._matches("password", hashed.encode())
    assert handler._matches("x" * 100, handler._hash("x" * 100, 4).encode())


def test_scheduled_tasks(hs, reactor):
    scheduler = hs.get_task_scheduler()
    done = []

    async def action(task):
        done.append(task.params)
        return TaskStatus.COMPLETE, {"ok": True}, None

    async def failing(task):
        raise ValueError("no")

    scheduler.register_action(action, "good")
    scheduler.register_action(failing, "bad")
    now = hs.get_clock().time_msec()
    good = reactor.wait(scheduler.schedule_task("good", timestamp=now + 5_000, params={"a": 1}))
    bad = reactor.wait(scheduler.schedule_task("bad", resource_id="r"))
    cancelled = reactor.wait(scheduler.schedule_task("good", timestamp=now + 1_000))
    reactor.wait(scheduler.cancel_task(cancelled))
    reactor.advance(0)
    assert reactor.wait(scheduler.get_task(bad)).status == TaskStatus.FAILED
    assert done == []
    reactor.advance(6)
    assert done == [{"a": 1}]
    assert reactor.wait(scheduler.get_task(good)).result == {"ok": True}
    assert [task.id for task in reactor.wait(scheduler.get_tasks(resource_id="r"))] == [bad]
    with pytest.raises(Exception, match="No function"):
        reactor.wait(scheduler.schedule_task("unknown"))


def test_the_module_api_over_it(hs, reactor):
    api = hs.get_module_api()
    assert api._store is hs.get_datastores().main
    assert api.email_app_name == "App"

    def interaction(txn, a, b):
        txn.execute("SELECT ? + ?", (a, b))
        return txn.fetchone()[0]

    assert reactor.wait(api.run_db_interaction("add", interaction, 1, b=2)) == 3
    calls = []
    api.looping_background_call(calls.append, 1_000, "loop", desc="d")
    delayed = api.delayed_background_call(1_500, calls.append, "once", desc="d")
    cancelled = api.delayed_background_call(1_500, calls.append, "never", desc="d")
    cancelled.cancel()
    for _ in range(4):
        reactor.advance(0.5)
    assert calls == ["loop", "once", "loop"]
    assert not delayed.active()
    html, text = api.read_templates(["notice_expiry.html", "notice_expiry.txt"])
    values = {"display_name": "<b>", "expiration_ts": 0, "url": "u"}
    assert "&lt;b&gt;" in html.render(values) and "<b>" in text.render(values)
