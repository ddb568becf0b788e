"""E. What modules may ask of the server, in Swift."""

from __future__ import annotations

import secrets
import time

import pytest
from blackbox.client import Client, User
from blackbox.modules import SwiftPuppet, logged, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server

puppet_server = shared_puppet({
    "password_auth_provider": ["on_logged_out"],
    "add_extra_fields_to_unsigned_client_event": ["add_field_to_unsigned_callback"],
}, SwiftPuppet)


def fresh(name: str) -> str:
    return f"{name}{secrets.token_hex(4)}"


def test_e1_registering(puppet: SwiftPuppet, server: LocalServer) -> None:
    name = fresh("bob")
    address = f"{name}@bobinator.bob"
    before = time.time() * 1000
    user = puppet.result(server, "users.register", localpart=name, display_name="Bobberino", emails=[address])
    assert user == f"@{name}:localhost"
    assert puppet.result(server, "users.profile", user=user) == {"display_name": "Bobberino", "avatar_url": None}
    (threepid,) = puppet.result(server, "users.threepids", user=user)
    assert (threepid["medium"], threepid["address"]) == ("email", address)
    assert threepid["validated_at"] == threepid["added_at"] >= before - 1
    told = puppet.run(server, "users.register", localpart=name)
    assert (told["code"], told["errcode"]) == (400, "M_USER_IN_USE")
    plain = fresh("plain")
    assert puppet.result(server, "users.register", localpart=plain) == f"@{plain}:localhost"
    assert puppet.result(server, "users.profile", user=f"@{plain}:localhost")["display_name"] == plain


def test_e1_a_device_for_a_user(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    device, token, until = puppet.result(
        server, "users.register_device", user=alice.id, device="MINE", display_name="by module")
    assert (device, until) == ("MINE", None)
    assert Client(server.base_url, token).get("account", "whoami").ok()["device_id"] == "MINE"
    assert alice.get("devices", "MINE").ok()["display_name"] == "by module"
    device, other, _ = puppet.result(server, "users.register_device", user=alice.id)
    assert device != "MINE" and other != token
    puppet.result(server, "users.invalidate", token=token)
    Client(server.base_url, token).get("account", "whoami").refused(401, "M_UNKNOWN_TOKEN")
    assert puppet.run(server, "users.invalidate", token=token)["code"] == 401


def test_e2_administrators(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    info = puppet.result(server, "users.info", user=alice.id)
    assert (info["user"], info["is_admin"], info["is_deactivated"]) == (alice.id, False, False)
    puppet.result(server, "users.set_admin", user=alice.id)
    assert puppet.result(server, "users.info", user=alice.id)["is_admin"] is True
    puppet.result(server, "users.set_admin", user=alice.id, admin=False)
    assert puppet.result(server, "users.info", user=alice.id)["is_admin"] is False
    assert puppet.result(server, "users.info", user="@nobody:localhost") is None
    assert puppet.run(server, "users.set_admin", user="@nobody:localhost")["code"] == 404


def test_e3_display_names_and_avatars(
    puppet: SwiftPuppet, server: LocalServer, alice: User, bob: User, room: str
) -> None:
    since = bob.sync()["next_batch"]
    puppet.result(server, "users.set_display_name", user=alice.id, name="Bob")
    bob.sync_until(lambda answer: "'displayname': 'Bob'" in str(answer), since)
    assert puppet.result(server, "users.profile", user=alice.id) == {"display_name": "Bob", "avatar_url": None}
    puppet.result(server, "users.set_avatar", user=alice.id, url="mxc://localhost/a")
    assert alice.get("profile", alice.id).ok() == {"displayname": "Bob", "avatar_url": "mxc://localhost/a"}
    puppet.result(server, "users.set_display_name", user=alice.id, name="")
    assert puppet.result(server, "users.profile", user=alice.id)["display_name"] is None
    assert puppet.run(server, "users.set_display_name", user="@a:elsewhere", name="x")["code"] == 400
    assert puppet.result(server, "users.profile", user="@nobody:localhost") is None


def test_e4_where_a_user_was_seen(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    assert puppet.result(server, "users.sightings", user="@nobody:elsewhere") == []
    alice.request("GET", "/_matrix/client/v3/account/whoami", headers={"User-Agent": "Looker/1"}).ok()
    seen = puppet.result(server, "users.sightings", user=alice.id)
    assert ["127.0.0.1", "Looker/1"] in [s[:2] for s in seen]
    later = int(time.time() * 1000) + 10_000_000
    assert puppet.result(server, "users.sightings", user=alice.id, since=later) == []


def test_e5_sending_events(puppet: SwiftPuppet, server: LocalServer, alice: User, room: str) -> None:
    def send(**event: object) -> dict:
        return puppet.run(server, "rooms.send", **{"room": room, "sender": alice.id, **event})

    content = {"body": "by module", "msgtype": "m.text"}
    event = send(type="m.room.message", content=content)["result"]
    assert "state_key" not in event and event["content"] == content
    assert alice.get("rooms", room, "event", event["event_id"]).ok()["content"] == content
    assert puppet.result(server, "rooms.event", event=event["event_id"])["content"] == content
    assert puppet.result(server, "rooms.event", event="$none") is None
    levels = dict(alice.state(room, "m.room.power_levels"), marker=1)
    state = send(type="m.room.power_levels", content=levels, state_key="")["result"]
    assert state["state_key"] == ""
    assert alice.state(room, "m.room.power_levels")["marker"] == 1
    # State that changes nothing is not sent again.
    assert send(type="m.room.power_levels", content=levels, state_key="")["result"]["event_id"] == state["event_id"]
    told = send(type="m.room.member", content={"membership": "leave"}, state_key=alice.id)
    assert (told["exception"], told["code"]) == ("MatrixError", 500)
    assert send(type="m.room.message", sender="@stranger:localhost", content=content)["code"] == 403


def test_e6_the_public_room_list(puppet: SwiftPuppet, server: LocalServer, alice: User, room: str) -> None:
    assert puppet.result(server, "public_rooms.contains", room=room) is False
    puppet.result(server, "public_rooms.add", room=room)
    assert puppet.result(server, "public_rooms.contains", room=room) is True
    assert room in str(alice.get("publicRooms").ok())
    puppet.result(server, "public_rooms.remove", room=room)
    assert puppet.result(server, "public_rooms.contains", room=room) is False
    assert puppet.result(server, "public_rooms.contains", room="!none:localhost") is False
    assert puppet.run(server, "public_rooms.add", room="!none:localhost")["code"] == 404


def test_e7_memberships(puppet: SwiftPuppet, server: LocalServer, alice: User, bob: User) -> None:
    bob.put("profile", bob.id, "displayname", body={"displayname": "Bob B."}).ok()
    bob.put("profile", bob.id, "avatar_url", body={"avatar_url": "mxc://localhost/bob"}).ok()
    room = alice.create_room()

    def change(sender: str, target: str, action: str) -> dict:
        event = puppet.result(server, "rooms.change_membership", room=room, sender=sender, target=target, action=action)
        assert (event["type"], event["state_key"]) == ("m.room.member", target)
        return event["content"]

    content = {"membership": "invite", "displayname": "Bob B.", "avatar_url": "mxc://localhost/bob"}
    assert change(alice.id, bob.id, "invite") == content
    assert change(bob.id, bob.id, "join") == {**content, "membership": "join"}
    assert sorted(puppet.result(server, "rooms.users", room=room)) == sorted([alice.id, bob.id])
    assert change(alice.id, bob.id, "leave")["membership"] == "leave"
    assert bob.id not in alice.get("rooms", room, "joined_members").ok()["joined"]
    assert change(alice.id, bob.id, "ban")["membership"] == "ban"
    assert change(alice.id, bob.id, "unban")["membership"] == "leave"
    told = puppet.run(
        server, "rooms.change_membership", room=room, sender="@x:elsewhere", target="@x:elsewhere", action="join")
    assert told["exception"] == "ModuleError" and "notLocal" in told["message"]
    nobody = f"@{fresh('nobody')}:localhost"
    assert change(alice.id, nobody, "invite") == {
        "membership": "invite", "displayname": nobody[1:].split(":")[0], "avatar_url": None,
    }


def test_e8_the_state_of_a_room(puppet: SwiftPuppet, server: LocalServer, alice: User, room: str) -> None:
    alice.set_state(room, "org.example.test", {"a": 1}, "key")
    found = {tuple(key): event for key, event in puppet.result(server, "rooms.state", room=room)["map"]}
    assert found[("m.room.create", "")]["sender"] == alice.id
    assert found[("m.room.member", alice.id)]["state_key"] == alice.id
    assert found[("org.example.test", "key")]["content"] == {"a": 1}
    kinds = [{"type": "m.room.member"}, {"type": "m.room.create", "state_key": ""}]
    some = puppet.result(server, "rooms.state_of", room=room, filter=kinds)["map"]
    assert {key[0] for key, _ in some} == {"m.room.member", "m.room.create"} and len(some) == 3
    assert len(puppet.result(server, "rooms.state_of", room=room)["map"]) == len(found)
    assert puppet.result(server, "rooms.state", room="!none:localhost") == {"map": []}
    assert room in puppet.result(server, "rooms.of", user=alice.id)
    assert puppet.result(server, "rooms.version", room=room)
    assert puppet.result(server, "rooms.version", room="!none:localhost") is None


def test_e11_aliases_and_new_rooms(puppet: SwiftPuppet, server: LocalServer, alice: User, room: str) -> None:
    alias = f"#{fresh('alias')}:localhost"
    alice.put("directory", "room", alias, body={"room_id": room}).ok()
    assert puppet.result(server, "rooms.look_up", alias=alias) == [room, ["localhost"]]
    assert puppet.run(server, "rooms.look_up", alias="#none:localhost")["code"] == 404
    told = puppet.run(server, "rooms.create", user="@a:elsewhere")
    assert told["exception"] == "ModuleError" and "notLocal" in told["message"]
    name = fresh("made")
    made, alias = puppet.result(server, "rooms.create", user=alice.id, request={"room_alias_name": name})
    assert alias == f"#{name}:localhost"
    assert made in alice.get("joined_rooms").ok()["joined_rooms"]
    profile = {"displayname": "Founder"}
    made, alias = puppet.result(
        server, "rooms.create", user=alice.id, request={"name": "x"}, is_rate_limited=False, join_profile=profile)
    assert alias is None
    assert alice.state(made, "m.room.member", alice.id)["displayname"] == "Founder"


def test_e12_logging_out_is_told_of_once_per_token(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    other = server.login(alice)
    other.post("logout").ok()
    assert puppet.wait_for_calls("on_logged_out") == [[alice.id, other.device, other.token]]
    puppet.forget()
    more = [server.login(alice), server.login(alice)]
    alice.post("logout", "all").ok()
    told = puppet.wait_for_calls("on_logged_out", 3)
    assert sorted(call[2] for call in told) == sorted([alice.token, *(m.token for m in more)])


def test_e14_account_data(puppet: SwiftPuppet, server: LocalServer, alice: User, room: str) -> None:
    kind = {"user": alice.id, "type": "test.data"}
    assert puppet.result(server, "account_data.global", **kind) is None
    since = alice.sync()["next_batch"]
    content = {"wombat": True, "list": [1]}
    puppet.result(server, "account_data.set_global", **kind, content=content)
    assert puppet.result(server, "account_data.global", **kind) == content
    answer = alice.sync_until(lambda a: a.get("account_data"), since)
    assert {"type": "test.data", "content": content} in answer["account_data"]["events"]
    alice.put("user", alice.id, "account_data", "test.data", body={"wombat": 2}).ok()
    assert puppet.result(server, "account_data.global", **kind) == {"wombat": 2}
    assert puppet.result(server, "account_data.room", **kind, room=room) is None
    alice.put("user", alice.id, "rooms", room, "account_data", "test.data", body={"in": "room"}).ok()
    assert puppet.result(server, "account_data.room", **kind, room=room) == {"in": "room"}
    for user, error in (("@a:elsewhere", "notLocal"), ("@nobody:localhost", "invalid")):
        told = puppet.run(server, "account_data.set_global", user=user, type="test.data", content={})
        assert told["exception"] == "ModuleError" and error in told["message"]
    assert "notLocal" in puppet.run(server, "account_data.global", user="@a:elsewhere", type="test.data")["message"]


def test_e15_fields_beside_events(
    puppet: SwiftPuppet, server: LocalServer, alice: User, bob: User, room: str
) -> None:
    puppet.answers("add_field_to_unsigned_callback", result={"test_key": "$event_id", "age": "not this"})
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


def test_e17_calls_in_the_background(puppet: SwiftPuppet, server: LocalServer) -> None:
    puppet.result(server, "background.loop", name="loop", ms=50, fails=True)
    puppet.result(server, "background.loop", name="later", ms=60_000)
    puppet.result(server, "background.call", name="kept", ms=50)
    puppet.result(server, "background.call", name="cancelled", ms=300)
    puppet.result(server, "background.cancel", name="cancelled")
    puppet.result(server, "background.run", name="soon")
    puppet.result(server, "sleep", ms=600)
    counts = {
        name: puppet.result(server, "count", name=name) for name in ("loop", "later", "kept", "cancelled", "soon")
    }
    assert counts.pop("loop") >= 3
    assert counts == {"later": 0, "kept": 1, "cancelled": 0, "soon": 1}
    puppet.result(server, "background.cancel", name="loop")
    count = puppet.result(server, "count", name="loop")
    puppet.result(server, "sleep", ms=200)
    assert puppet.result(server, "count", name="loop") <= count + 1


def test_e18_login_tokens(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    client = Client(server.base_url)
    body = {"type": "m.login.token", "token": puppet.result(server, "users.login_token", user=alice.id)}
    assert client.post("login", body=body).ok()["user_id"] == alice.id
    client.post("login", body=body).refused(403, "M_FORBIDDEN")
    token = puppet.result(server, "users.login_token", user=alice.id, ms=1)
    puppet.result(server, "sleep", ms=50)
    client.post("login", body={"type": "m.login.token", "token": token}).refused(403, "M_FORBIDDEN")
    client.close()


def test_e19_names_that_may_be_registered(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    told = puppet.run(server, "users.check_username", localpart=alice.localpart)
    assert (told["code"], told["errcode"], told["message"]) == (400, "M_USER_IN_USE", "User ID already taken.")
    for name in ("Böb", "", "_x", "1234", "a" * 256):
        told = puppet.run(server, "users.check_username", localpart=name)
        assert (told["code"], told["errcode"]) == (400, "M_INVALID_USERNAME"), name
    assert puppet.result(server, "users.check_username", localpart=fresh("free")) is None


def test_e20_requests_to_other_servers(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    base = f"{server.base_url}/_matrix/client/v3"
    told = puppet.result(server, "http.get_json", url=f"{base}/account/whoami", bearer=alice.token)
    assert told["user_id"] == alice.id
    told = puppet.result(server, "http.post_json", url=f"{base}/createRoom", bearer=alice.token, body={"name": "x"})
    assert alice.state(told["room_id"], "m.room.name") == {"name": "x"}
    told = puppet.result(server, "http.post_json", url=f"{base}/nowhere", body={})
    assert told == {"status": 404, "errcode": "M_UNRECOGNIZED"}
    assert puppet.result(server, "http.send", url=f"{base}/nowhere", method="PUT")["status"] == 404
    for url, error in (("nonsense", "invalidURL"), ("ftp://localhost/", "invalidURL"), ("http://localhost:1/", "failed")):
        told = puppet.run(server, "http.send", url=url)
        assert told["exception"] == "HTTPClientError" and error in told["message"]


def test_e21_who_makes_a_request(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    told = puppet.run(server, "users.requester", alice.token)
    assert told["result"] == {"user": alice.id, "device": alice.device}
    for token, code in ((None, "M_MISSING_TOKEN"), ("nonsense", "M_UNKNOWN_TOKEN")):
        told = puppet.run(server, "users.requester", token)
        assert (told["exception"], told["code"], told["errcode"]) == ("MatrixError", 401, code)


def test_e_names_of_the_server_and_of_users(puppet: SwiftPuppet, server: LocalServer, alice: User, bob: User) -> None:
    assert puppet.result(server, "server")["server_name"] == "localhost"
    assert puppet.result(server, "server")["public_baseurl"].endswith("/")
    assert puppet.result(server, "qualified", user="x") == "@x:localhost"
    assert puppet.result(server, "qualified", user="@x:y") == "@x:y"
    assert puppet.result(server, "is_mine", user="@x:localhost") is True
    assert puppet.result(server, "is_mine", user="@x:y") is False
    assert puppet.result(server, "users.existing", user=alice.id) == alice.id
    assert puppet.result(server, "users.existing", user="@nobody:localhost") is None
    known = {"provider": "oidc-x", "id": f"remote-{alice.localpart}"}
    assert puppet.result(server, "users.known", **known) is None
    puppet.result(server, "users.record", **known, user=alice.id)
    assert puppet.result(server, "users.known", **known) == alice.id
    assert puppet.result(server, "users.external_ids", user=alice.id) == [["oidc-x", known["id"]]]
    told = puppet.run(server, "users.record", **known, user=bob.id)
    assert told["exception"] == "ModuleError" and "externalIDInUse" in told["message"]


def test_g7_limits_of_one_user(puppet: SwiftPuppet, server: LocalServer, alice: User) -> None:
    assert puppet.result(server, "users.rate_limit", user=alice.id) is None
    puppet.result(server, "users.set_rate_limit", user=alice.id, per_second=0, burst=0)
    assert puppet.result(server, "users.rate_limit", user=alice.id) == [0, 0]
    puppet.result(server, "users.set_rate_limit", user=alice.id)
    assert puppet.result(server, "users.rate_limit", user=alice.id) is None


def test_what_a_module_logs_carries_its_name(puppet: SwiftPuppet, server: LocalServer) -> None:
    words = fresh("logged")
    puppet.result(server, "log", text=words)
    (line,) = logged(server, words)
    assert "WARNING" in line and "Puppet" in line
