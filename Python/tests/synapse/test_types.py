"""Identifiers, requesters, state filters."""

from __future__ import annotations

import copy

import pytest

from synapse.api.errors import Codes, SynapseError
from synapse.api.presence import UserPresenceState
from synapse.types import (
    Absent,
    AbsentType,
    EventID,
    Requester,
    RoomAlias,
    RoomID,
    StreamKeyType,
    TaskStatus,
    UserID,
    create_requester,
    get_domain_from_id,
    get_localpart_from_id,
    map_username_to_mxid_localpart,
)
from synapse.types.state import StateFilter


@pytest.mark.parametrize("kind, text", [(UserID, "@a:b"), (RoomAlias, "#a:b:80"), (RoomID, "!a:b"), (EventID, "$a:b")])
def test_identifiers(kind, text):
    parsed = kind.from_string(text)
    assert parsed.to_string() == str(parsed) == repr(parsed) == text
    assert parsed.domain == text.partition(":")[2]
    assert parsed.localpart == "a"
    assert parsed == kind.from_string(text)
    assert len({parsed, kind.from_string(text), copy.deepcopy(parsed)}) == 1
    assert kind.is_valid(text)
    with pytest.raises(AttributeError):
        parsed.domain = "x"


@pytest.mark.parametrize(
    "kind, text, error",
    [
        (UserID, "zz", "Expected UserID string to start with '@'"),
        (UserID, "", "Expected UserID string to start with '@'"),
        (UserID, "@abc", "Expected UserID of the form '@localname:domain'"),
        (RoomAlias, "@a:b", "Expected RoomAlias string to start with '#'"),
        (RoomID, "a", "Expected RoomID string to start with '!'"),
        (RoomID, "!abc", "Expected RoomID string to be valid urlsafe unpadded base64 'abc'"),
        (EventID, "$abc", "Expected EventID of the form '$localname:domain'"),
    ],
)
def test_malformed_identifiers(kind, text, error):
    with pytest.raises(SynapseError) as caught:
        kind.from_string(text)
    assert (caught.value.code, caught.value.errcode, caught.value.msg) == (400, Codes.INVALID_PARAM, error)
    assert not kind.is_valid(text)


def test_validity_looks_at_the_servers_name_too():
    assert UserID.from_string("@a:b/c").domain == "b/c"
    assert not UserID.is_valid("@a:b/c")
    assert not UserID.is_valid("@a:")
    assert UserID.is_valid("@:b")
    assert UserID.is_valid("@a:[::1]:80")


def test_rooms_without_a_servers_name():
    room = RoomID.from_string("!" + "a" * 43)
    assert str(room) == "!" + "a" * 43
    assert room.domain is None
    assert RoomID.is_valid("!" + "A-_" + "a" * 40)
    assert not RoomID.is_valid("!" + "a" * 42)


def test_parts_of_identifiers():
    assert get_domain_from_id("@a:b:80") == "b:80"
    assert get_localpart_from_id("@a:b") == "a"
    for function in (get_domain_from_id, get_localpart_from_id):
        with pytest.raises(SynapseError, match="400: Invalid ID: 'abc'"):
            function("abc")


@pytest.mark.parametrize(
    "name, lowered, kept",
    [
        ("Foo", "foo", "=5ffoo"),
        ("foo bar", "foo=20bar", "foo=20bar"),
        ("_x", "=5fx", "=5f_x"),
        ("@y", "=40y", "=40y"),
        ("Ünï", "=c3=9cn=c3=af", "=c3=9cn=c3=af"),
        ("a=b", "a=3db", "a=3db"),
        ("A_b!", "a_b=21", "=5fa__b=21"),
        (b"abc", "abc", "abc"),
    ],
)
def test_local_parts_of_any_name(name, lowered, kept):
    assert map_username_to_mxid_localpart(name) == lowered
    assert map_username_to_mxid_localpart(name, case_sensitive=True) == kept


def test_requesters():
    requester = create_requester("@a:b", access_token_id=3, device_id="D", scope=["x"])
    assert requester.user == UserID("a", "b")
    assert requester.user_id == requester.authenticated_entity == "@a:b"
    assert requester.serialize() == {
        "user_id": "@a:b",
        "access_token_id": 3,
        "is_guest": False,
        "scope": ["x"],
        "shadow_banned": False,
        "device_id": "D",
        "app_server_id": None,
        "authenticated_entity": "@a:b",
    }
    assert Requester.deserialize(requester.serialize()) == requester
    assert Requester.deserialize(object(), requester.serialize()) == requester
    other = create_requester(UserID("a", "b"), app_service="irc", authenticated_entity="irc:b")
    assert (other.app_service_id, other.authenticated_entity) == ("irc", "irc:b")


def test_state_filters():
    state = {("a", "1"): 1, ("b", "y"): 2, ("b", "z"): 3, ("m.room.member", "@u:x"): 4}
    some = StateFilter.from_types([("a", None), ("a", "x"), ("b", "y"), ("m.room.member", "@u:x")])
    assert some.filter_state(state) == {("a", "1"): 1, ("b", "y"): 2, ("m.room.member", "@u:x"): 4}
    assert some.has_wildcards()
    assert not some.is_full()
    assert some.concrete_types() == [("b", "y"), ("m.room.member", "@u:x")]
    assert some.wildcard_types() == ["a"]
    members, others = some.get_member_split()
    assert members.filter_state(state) == {("m.room.member", "@u:x"): 4}
    assert others.filter_state(state) == {("a", "1"): 1, ("b", "y"): 2}
    assert StateFilter.all().is_full()
    assert StateFilter.all().filter_state(state) == state
    assert StateFilter.none().filter_state(state) == {}
    lazy = StateFilter.from_lazy_load_member_list(["@v:x"])
    assert lazy.filter_state(state) == {key: value for key, value in state.items() if key[0] != "m.room.member"}
    assert StateFilter.freeze({"a": None}, include_others=True).is_full()
    assert hash(some) is not None


def test_presence():
    state = UserPresenceState.default("@a:b")
    assert state.as_dict() == {
        "user_id": "@a:b",
        "state": "offline",
        "last_active_ts": 0,
        "last_federation_update_ts": 0,
        "last_user_sync_ts": 0,
        "status_msg": None,
        "currently_active": False,
    }
    online = state.copy_and_replace(state="online", status_msg="boop")
    assert (online.state, online.status_msg, state.state) == ("online", "boop", "offline")
    assert len({state, UserPresenceState.default("@a:b"), online}) == 2
    with pytest.raises(AttributeError):
        state.state = "online"


def test_small_things():
    assert repr(Absent) == "Absent"
    assert isinstance(Absent, AbsentType)
    assert [status.value for status in TaskStatus] == ["scheduled", "active", "complete", "failed", "cancelled"]
    assert StreamKeyType.PRESENCE.value == "presence_key"
