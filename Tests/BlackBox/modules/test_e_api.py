"""E. What modules may ask of the server, in Python."""

from __future__ import annotations

import secrets

import pytest
from blackbox.client import Client, User
from blackbox.modules import Puppet, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server

puppet_server = shared_puppet({
    "password_auth_provider": ["on_logged_out"],
    "add_extra_fields_to_unsigned_client_event": ["add_field_to_unsigned_callback"],
})


def fresh(name: str) -> str:
    return f"{name}{secrets.token_hex(4)}"


def test_e1_registering(puppet: Puppet, server: LocalServer) -> None:
    name = fresh("bob")
    user, token = puppet.result(server, f'await api.register("{name}", displayname="Bobberino")')
    assert user == f"@{name}:localhost"
    client = Client(server.base_url, token)
    assert client.get("account", "whoami").ok()["user_id"] == user
    assert client.get("profile", user, "displayname").ok() == {"displayname": "Bobberino"}
    told = puppet.run(server, f'await api.register_user("{name}")')
    assert (told["code"], told["errcode"]) == (400, "M_USER_IN_USE")
    plain = fresh("plain")
    assert puppet.result(server, f'await api.register_user("{plain}")') == f"@{plain}:localhost"
    assert client.get("profile", f"@{plain}:localhost", "displayname").ok() == {"displayname": plain}


def test_e1_a_device_for_a_user(puppet: Puppet, server: LocalServer, alice: User) -> None:
    device, token, until, refresh = puppet.result(
        server, f'await api.register_device("{alice.id}", device_id="MINE", initial_display_name="by module")')
    assert (device, until, refresh) == ("MINE", None, None)
    assert Client(server.base_url, token).get("account", "whoami").ok()["device_id"] == "MINE"
    assert alice.get("devices", "MINE").ok()["display_name"] == "by module"


def test_e2_administrators(puppet: Puppet, server: LocalServer, alice: User) -> None:
    info = f'info = await api.get_userinfo_by_id("{alice.id}")\nreturn [info.is_admin, info.user_id.to_string()]'
    assert puppet.result(server, info) == [False, alice.id]
    assert puppet.result(server, f'await api.is_user_admin("{alice.id}")') is False
    puppet.result(server, f'await api.set_user_admin("{alice.id}", True)')
    assert puppet.result(server, info) == [True, alice.id]
    assert puppet.result(server, f'await api.is_user_admin("{alice.id}")') is True
    assert puppet.result(server, 'await api.get_userinfo_by_id("@nobody:localhost")') is None
    assert puppet.result(server, 'await api.is_user_admin("@nobody:localhost")') is False
    assert puppet.run(server, 'await api.set_user_admin("@nobody:localhost", True)')["code"] == 404


@pytest.mark.parametrize("more", ["", ", deactivation=False"])
def test_e3_display_names(puppet: Puppet, server: LocalServer, alice: User, bob: User, room: str, more: str) -> None:
    since = bob.sync()["next_batch"]
    puppet.result(server, f'await api.set_displayname(UserID.from_string("{alice.id}"), "Bob"{more})')
    assert bob.get("profile", alice.id, "displayname").ok() == {"displayname": "Bob"}
    bob.sync_until(lambda answer: '"displayname": "Bob"' in str(answer).replace("'", '"'), since)
    profile = puppet.result(
        server, f'p = await api.get_profile_for_user("{alice.localpart}")\nreturn [p.display_name, p.avatar_url]')
    assert profile == ["Bob", None]
    told = puppet.run(server, 'await api.set_displayname(UserID.from_string("@a:elsewhere"), "x")')
    assert told["code"] == 400
    nobody = puppet.result(server, 'p = await api.get_profile_for_user("nobody")\nreturn [p.display_name, p.avatar_url]')
    assert nobody == [None, None]


def test_e5_sending_events(puppet: Puppet, server: LocalServer, alice: User, room: str) -> None:
    told = puppet.result(server, f"""
        event = await api.create_and_send_event_into_room({{
            "room_id": "{room}", "type": "m.room.message", "sender": "{alice.id}",
            "content": {{"body": "by module", "msgtype": "m.text"}},
        }})
        return [hasattr(event, "state_key"), event.content, event.event_id]
    """)
    assert told[:2] == [False, {"body": "by module", "msgtype": "m.text"}]
    assert alice.get("rooms", room, "event", told[2]).ok()["content"]["body"] == "by module"
    levels = alice.state(room, "m.room.power_levels")
    key = puppet.result(server, f"""
        event = await api.create_and_send_event_into_room({{
            "room_id": "{room}", "type": "m.room.power_levels", "sender": "{alice.id}", "state_key": "",
            "content": {dict(levels, marker=1)!r},
        }})
        return event.state_key
    """)
    assert key == ""
    assert alice.state(room, "m.room.power_levels")["marker"] == 1
    told = puppet.run(server, f"""
        await api.create_and_send_event_into_room({{
            "room_id": "{room}", "type": "m.room.member", "sender": "{alice.id}", "state_key": "{alice.id}",
            "content": {{"membership": "leave"}},
        }})
    """)
    assert (told["exception"], told["code"]) == ("SynapseError", 500)
    told = puppet.run(server, f"""
        await api.create_and_send_event_into_room({{
            "room_id": "{room}", "type": "m.room.message", "sender": "@stranger:localhost",
            "content": {{"msgtype": "m.text", "body": "x"}},
        }})
    """)
    assert told["code"] == 403


def test_e6_the_public_room_list(puppet: Puppet, server: LocalServer, alice: User, room: str) -> None:
    listed = f'await api.public_room_list_manager.room_is_in_public_room_list("{room}")'
    assert puppet.result(server, listed) is False
    puppet.result(server, f'await api.public_room_list_manager.add_room_to_public_room_list("{room}")')
    assert puppet.result(server, listed) is True
    assert room in str(alice.get("publicRooms").ok())
    puppet.result(server, f'await api.public_room_list_manager.remove_room_from_public_room_list("{room}")')
    assert puppet.result(server, listed) is False
    assert puppet.result(
        server, 'await api.public_room_list_manager.room_is_in_public_room_list("!none:localhost")') is False


def test_e7_memberships(puppet: Puppet, server: LocalServer, alice: User, bob: User) -> None:
    bob.put("profile", bob.id, "displayname", body={"displayname": "Bob B."}).ok()
    bob.put("profile", bob.id, "avatar_url", body={"avatar_url": "mxc://localhost/bob"}).ok()
    room = alice.create_room()

    def change(sender: str, target: str, membership: str) -> dict:
        return puppet.result(server, f"""
            event = await api.update_room_membership("{sender}", "{target}", "{room}", "{membership}")
            return [event.type, event.state_key, event.content]
        """)

    content = {"membership": "invite", "displayname": "Bob B.", "avatar_url": "mxc://localhost/bob"}
    assert change(alice.id, bob.id, "invite") == ["m.room.member", bob.id, content]
    assert change(bob.id, bob.id, "join")[2] == {**content, "membership": "join"}
    assert change(alice.id, bob.id, "leave")[2]["membership"] == "leave"
    assert bob.id not in alice.get("rooms", room, "joined_members").ok()["joined"]
    assert change(alice.id, bob.id, "ban")[2]["membership"] == "ban"
    assert change(alice.id, bob.id, "unban")[2]["membership"] == "leave"
    told = puppet.run(server, f'await api.update_room_membership("@x:elsewhere", "@x:elsewhere", "{room}", "join")')
    assert told["exception"] == "RuntimeError"
    nobody = f"@{fresh('nobody')}:localhost"
    assert change(alice.id, nobody, "invite")[2] == {
        "membership": "invite", "displayname": nobody[1:].split(":")[0], "avatar_url": None,
    }


def test_e8_the_state_of_a_room(puppet: Puppet, server: LocalServer, alice: User, room: str) -> None:
    alice.set_state(room, "org.example.test", {"a": 1}, "key")
    state = puppet.result(server, f'await api.get_room_state("{room}")')["map"]
    found = {tuple(key): event for key, event in state}
    assert found[("m.room.create", "")]["sender"] == alice.id
    assert found[("m.room.member", alice.id)]["state_key"] == alice.id
    assert found[("org.example.test", "key")]["content"] == {"a": 1}
    some = puppet.result(server, f'await api.get_room_state("{room}", [("m.room.member", None), ("m.room.create", "")])')
    assert {key[0] for key, _ in some["map"]} == {"m.room.member", "m.room.create"} and len(some["map"]) == 3
    assert puppet.result(server, 'dict(await api.get_room_state("!none:localhost"))') == {}


def test_e10_actions_of_push_rules(puppet: Puppet, server: LocalServer) -> None:
    for bad in ('["foo"]', '[{"foo": "bar"}]', '{}'):
        told = puppet.run(server, f"api.check_push_rule_actions({bad})")
        assert told["exception"] == "InvalidRuleException", bad
    for fine in ('["notify"]', '[{"set_tweak": "sound", "value": "default"}]', "[]"):
        assert puppet.result(server, f"api.check_push_rule_actions({fine})") is None


def test_e11_aliases_and_new_rooms(puppet: Puppet, server: LocalServer, alice: User, room: str) -> None:
    alias = f"#{fresh('alias')}:localhost"
    alice.put("directory", "room", alias, body={"room_id": room}).ok()
    assert puppet.result(server, f'await api.lookup_room_alias("{alias}")') == [room, ["localhost"]]
    assert puppet.run(server, 'await api.lookup_room_alias("#none:localhost")')["code"] == 404
    assert puppet.run(server, 'await api.lookup_room_alias("nonsense")')["code"] == 400
    told = puppet.run(server, 'await api.create_room("@a:elsewhere", {})')
    assert told["exception"] == "RuntimeError"
    name = fresh("made")
    made, alias = puppet.result(server, f'await api.create_room("{alice.id}", {{"room_alias_name": "{name}"}})')
    assert alias == f"#{name}:localhost"
    assert made in alice.get("joined_rooms").ok()["joined_rooms"]
    made, alias = puppet.result(server, f'await api.create_room("{alice.id}", {{"name": "x"}}, ratelimit=False)')
    assert alias is None
    alice.set_state(room, "m.room.canonical_alias", {})
    found = puppet.result(server, f'await api.get_canonical_room_alias(RoomID.from_string("{room}"))')
    assert found is None


def test_e12_logging_out_is_told_of_once_per_token(puppet: Puppet, server: LocalServer, alice: User) -> None:
    other = server.login(alice)
    other.post("logout").ok()
    assert puppet.wait_for_calls("on_logged_out") == [[alice.id, other.device, other.token]]
    puppet.forget()
    more = [server.login(alice), server.login(alice)]
    alice.post("logout", "all").ok()
    told = puppet.wait_for_calls("on_logged_out", 3)
    assert sorted(call[2] for call in told) == sorted([alice.token, *(m.token for m in more)])


def test_e13_old_ways_to_read_an_event(puppet: Puppet, server: LocalServer, alice: User, room: str) -> None:
    told = puppet.result(server, f"""
        state = await api.get_room_state("{room}")
        event = state[("m.room.member", "{alice.id}")]
        return [event.user_id, event["room_id"], event.get("event_id"), event.membership, "type" in event]
    """)
    assert told == [alice.id, room, None, "join", True]


def test_e14_account_data(puppet: Puppet, server: LocalServer, alice: User) -> None:
    get = f'await api.account_data_manager.get_global("{alice.id}", "test.data")'
    assert puppet.result(server, get) is None
    put = f'await api.account_data_manager.put_global("{alice.id}", "test.data", {{"wombat": True, "list": [1]}})'
    since = alice.sync()["next_batch"]
    puppet.result(server, put)
    assert puppet.result(server, get) == {"wombat": True, "list": [1]}
    answer = alice.sync_until(lambda a: a.get("account_data"), since)
    assert {"type": "test.data", "content": {"wombat": True, "list": [1]}} in answer["account_data"]["events"]
    assert alice.get("user", alice.id, "account_data", "test.data").ok() == {"wombat": True, "list": [1]}
    alice.put("user", alice.id, "account_data", "test.data", body={"wombat": 2}).ok()
    assert puppet.result(server, get) == {"wombat": 2}
    frozen = puppet.run(server, f'data = {get}\ndata["wombat"] = False')
    assert frozen["exception"] == "TypeError"

    def fails(body: str) -> str:
        return puppet.run(server, f"await api.account_data_manager.{body}")["exception"]

    assert fails('get_global("alice", "test.data")') == "SynapseError"
    assert fails('get_global("@a:elsewhere", "test.data")') == "ValueError"
    assert fails('put_global("@a:elsewhere", "test.data", {})') == "ValueError"
    assert fails('put_global("@nobody:localhost", "test.data", {})') == "ValueError"
    assert fails(f'put_global("{alice.id}", 42, {{}})') == "TypeError"
    assert fails(f'put_global("{alice.id}", "test.data", 42)') == "TypeError"


def test_e15_fields_beside_events(puppet: Puppet, server: LocalServer, alice: User, bob: User, room: str) -> None:
    puppet.answers("add_field_to_unsigned_callback", '{"test_key": args[0].event_id, "age": "not this"}')
    since = bob.sync()["next_batch"]
    event = alice.send(room, "look")
    got = alice.get("rooms", room, "event", event).ok()["unsigned"]
    assert got["test_key"] == event and isinstance(got["age"], int)
    for events in (
        alice.messages(room)["chunk"],
        bob.sync_until(lambda a: event in str(a), since)["rooms"]["join"][room]["timeline"]["events"],
        alice.get("rooms", room, "state").ok(),
    ):
        assert events
        assert all(e["unsigned"]["test_key"] == e["event_id"] for e in events)


def test_e16_tables_of_a_module(puppet: Puppet, server: LocalServer) -> None:
    puppet.result(server, """
        def make(txn):
            txn.execute("CREATE TABLE IF NOT EXISTS puppet_things (name TEXT, number BIGINT)")
        await api.run_db_interaction("make", make)
    """)
    told = puppet.result(server, """
        def add(txn, name, number=0):
            txn.execute("INSERT INTO puppet_things VALUES (?, ?)", (name, number))
            return txn.rowcount
        return await api.run_db_interaction("add", add, "one", number=1)
    """)
    assert told == 1
    told = puppet.run(server, """
        def fail(txn):
            txn.execute("INSERT INTO puppet_things VALUES (?, ?)", ("two", 2))
            raise KeyError("out")
        await api.run_db_interaction("fail", fail)
    """)
    assert told["exception"] == "KeyError"
    rows = """
        def get(txn):
            txn.execute("SELECT name, number FROM puppet_things ORDER BY number")
            return txn.fetchall()
        return await api.run_db_interaction("get", get)
    """
    assert puppet.result(server, rows) == [["one", 1]]
    server.kill()
    server.start()
    assert puppet.result(server, rows) == [["one", 1]]


def test_e16_the_servers_own_tables_can_be_read(puppet: Puppet, server: LocalServer, alice: User, room: str) -> None:
    told = puppet.result(server, f"""
        def get(txn):
            txn.execute("SELECT name, admin, deactivated FROM users WHERE name = ?", ("{alice.id}",))
            user = txn.fetchone()
            txn.execute("SELECT displayname FROM profiles WHERE user_id = ?", ("{alice.localpart}",))
            profile = txn.fetchone()
            txn.execute(
                "SELECT type, state_key, membership FROM current_state_events WHERE room_id = ? AND state_key = ?",
                ("{room}", "{alice.id}"))
            state = txn.fetchall()
            txn.execute("SELECT count(*) FROM events WHERE room_id = ?", ("{room}",))
            return [user, profile, state, txn.fetchone()[0] > 5]
        return await api.run_db_interaction("get", get)
    """)
    assert told[0][0] == alice.id and not told[0][1] and not told[0][2]
    assert told[1:] == [[alice.localpart], [["m.room.member", alice.id, "join"]], True]


def test_e17_calls_in_the_background(puppet: Puppet, server: LocalServer) -> None:
    puppet.result(server, """
        memory["loops"] = 0
        async def loop():
            memory["loops"] += 1
            if memory["loops"] == 1:
                raise RuntimeError("the first time")
        api.looping_background_call(loop, 50)
        assert memory["loops"] == 0
        memory["late"] = []
        api.delayed_background_call(50, memory["late"].append, "kept", desc="kept")
        api.delayed_background_call(50, memory["late"].append, "cancelled", desc="cancelled").cancel()
        await api.sleep(0.6)
    """)
    assert puppet.result(server, 'memory["loops"]') >= 3
    assert puppet.result(server, 'memory["late"]') == ["kept"]


def test_e18_login_tokens(puppet: Puppet, server: LocalServer, alice: User) -> None:
    client = Client(server.base_url)
    token = puppet.result(server, f'await api.create_login_token("{alice.id}")')
    body = {"type": "m.login.token", "token": token}
    assert client.post("login", body=body).ok()["user_id"] == alice.id
    client.post("login", body=body).refused(403, "M_FORBIDDEN")
    token = puppet.result(server, f'await api.create_login_token("{alice.id}", duration_in_ms=1)')
    puppet.result(server, "await api.sleep(0.05)")
    client.post("login", body={"type": "m.login.token", "token": token}).refused(403, "M_FORBIDDEN")
    client.close()


def test_e19_names_that_may_be_registered(puppet: Puppet, server: LocalServer, alice: User) -> None:
    told = puppet.run(server, f'await api.check_username("{alice.localpart}")')
    assert (told["code"], told["errcode"], told["message"]) == (400, "M_USER_IN_USE", "User ID already taken.")
    for name in ("Böb", "", "_x", "1234", "a" * 256):
        told = puppet.run(server, f'await api.check_username("{name}")')
        assert (told["code"], told["errcode"]) == (400, "M_INVALID_USERNAME"), name
    assert puppet.result(server, f'await api.check_username("{fresh("free")}")') is None


def test_e20_requests_to_other_servers(puppet: Puppet, server: LocalServer, alice: User) -> None:
    whoami = f"{server.base_url}/_matrix/client/v3/account/whoami"
    told = puppet.result(
        server, f'await api.http_client.get_json("{whoami}", headers={{"Authorization": ["Bearer {alice.token}"]}})')
    assert told["user_id"] == alice.id
    told = puppet.result(server, f"""
        from synapse.api.errors import HttpResponseException
        try:
            await api.http_client.post_json_get_json("{server.base_url}/_matrix/client/v3/nowhere", {{}})
        except HttpResponseException as error:
            return [error.code, type(error.response).__name__, b"M_UNRECOGNIZED" in error.response]
    """)
    assert told == [404, "bytes", True]


def test_e21_who_makes_a_request(puppet: Puppet, server: LocalServer, alice: User) -> None:
    path = "/_synapse/client/puppet/puppet"
    body = b"return (await api.get_user_by_req(args[0])).user.to_string()"
    assert alice.request("POST", path, body).ok() == {"result": alice.id}
    told = alice.request("POST", path, body, token=None).ok()
    assert (told["exception"], told["code"], told["errcode"]) == ("MissingClientTokenError", 401, "M_MISSING_TOKEN")
    told = alice.request("POST", path, body, token="nonsense").ok()
    assert (told["exception"], told["code"], told["errcode"]) == ("InvalidClientTokenError", 401, "M_UNKNOWN_TOKEN")


def test_e_small_things(puppet: Puppet, server: LocalServer, alice: User) -> None:
    assert puppet.result(server, 'api.get_qualified_user_id("x")') == "@x:localhost"
    assert puppet.result(server, 'api.get_qualified_user_id("@x:y")') == "@x:y"
    assert puppet.result(server, '[api.is_mine("@x:localhost"), api.is_mine("@x:y"), api.is_mine("nothing")]') == [
        True, False, False,
    ]
    assert puppet.result(server, "[api.worker_name, api.worker_app, api.should_run_background_tasks()]") == [
        None, None, True,
    ]
    assert puppet.result(server, "api.server_name") == "localhost"
    assert puppet.result(server, f'await api.check_user_exists("{alice.id.upper().replace("LOCALHOST", "localhost")}")') in (
        alice.id, None,
    )
    assert puppet.result(server, f'await api.check_user_exists("{alice.id}")') == alice.id
    assert puppet.result(server, 'await api.check_user_exists("@nobody:localhost")') is None
    assert puppet.result(server, f'await api.get_threepids_for_user("{alice.id}")') == []
    assert puppet.result(server, 'await api.defer_to_thread(lambda a: a + 1, 2)') == 3
    token = server.login(alice).token
    puppet.result(server, f"""
        await api.record_user_external_id("oidc-x", "remote-1-{alice.localpart}", "{alice.id}")
    """)
    assert Client(server.base_url, token).get("account", "whoami").ok()["user_id"] == alice.id


def test_e4_where_a_user_was_seen(puppet: Puppet, server: LocalServer, alice: User) -> None:
    assert puppet.result(server, 'await api.get_user_ip_and_agents("@nobody:elsewhere")') == []
    alice.request("GET", "/_matrix/client/v3/account/whoami", headers={"User-Agent": "Looker/1"}).ok()
    seen = puppet.result(server, f"""
        found = await api.get_user_ip_and_agents("{alice.id}")
        return [[s.ip, s.user_agent] for s in found]
    """)
    assert ["127.0.0.1", "Looker/1"] in seen
    later = puppet.result(server, f"""
        import time
        return await api.get_user_ip_and_agents("{alice.id}", since_ts=int(time.time() * 1000) + 10_000_000)
    """)
    assert later == []
