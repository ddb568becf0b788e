"""What holds for every request: paths, methods, bodies, tokens, cross-origin headers."""

from __future__ import annotations

import pytest
from blackbox.client import CLIENT, User
from blackbox.server import Homeserver


def test_versions_are_told_to_anyone(hs: Homeserver) -> None:
    answer = hs.client().request("GET", "/_matrix/client/versions")
    versions = answer.ok()["versions"]
    assert "v1.1" in versions and "r0.6.1" in versions
    assert answer.headers["Content-Type"].startswith("application/json")


def test_a_server_says_that_it_is_well(hs: Homeserver) -> None:
    assert hs.client().request("GET", "/health").status == 200


@pytest.mark.parametrize("path", ["/_matrix/client/v3/nonsense", "/_matrix/client/v99/sync", "/_matrix/nonsense"])
def test_an_unknown_path_is_not_recognized(hs: Homeserver, path: str) -> None:
    hs.client().request("GET", path).refused(404, "M_UNRECOGNIZED")


@pytest.mark.parametrize("method, path", [("POST", "/sync"), ("DELETE", "/createRoom"), ("PATCH", "/login"), ("GET", "/createRoom")])
def test_a_known_path_does_not_take_other_methods(hs: Homeserver, method: str, path: str) -> None:
    hs.client().request(method, CLIENT + path, {}).refused(405, "M_UNRECOGNIZED")


@pytest.mark.parametrize("path", ["/_matrix/client/v3/sync", "/_matrix/client/versions", "/_matrix/client/v3/rooms/!a:b/send/t/1"])
def test_a_preflight_request_is_allowed_without_a_token(hs: Homeserver, path: str) -> None:
    answer = hs.client().request("OPTIONS", path, headers={"Origin": "https://example.org"})
    assert answer.status in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    methods = {m.strip() for m in answer.headers["Access-Control-Allow-Methods"].split(",")}
    assert {"GET", "POST", "PUT", "DELETE", "OPTIONS"} <= methods
    headers = {h.strip().lower() for h in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"x-requested-with", "content-type", "authorization"} <= headers


def test_answers_and_errors_may_be_read_by_any_origin(hs: Homeserver) -> None:
    for path in ("/_matrix/client/versions", "/_matrix/client/v3/sync", "/_matrix/client/v3/nonsense"):
        assert hs.client().request("GET", path).headers["Access-Control-Allow-Origin"] == "*"


def test_a_request_without_a_token_is_refused(hs: Homeserver) -> None:
    for segments in (("sync",), ("account", "whoami"), ("joined_rooms",)):
        hs.client().get(*segments).refused(401, "M_MISSING_TOKEN")


def test_a_request_with_an_unknown_token_is_refused(hs: Homeserver) -> None:
    client = hs.client()
    client.token = "nobody-has-this"
    refusal = client.get("account", "whoami").refused(401, "M_UNKNOWN_TOKEN")
    assert refusal.get("soft_logout", False) is False


def test_a_token_may_still_come_in_the_query(alice: User, hs: Homeserver) -> None:
    assert hs.client().get("account", "whoami", access_token=alice.token).ok()["user_id"] == alice.id


@pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"a":1}}', b'"\xff"', b""])
def test_a_body_that_is_not_json_is_refused(alice: User, body: bytes) -> None:
    alice.request("POST", f"{CLIENT}/createRoom", body).refused(400, "M_NOT_JSON", "M_BAD_JSON")


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true"])
def test_a_body_that_is_no_object_is_refused(alice: User, body: bytes) -> None:
    alice.request("POST", f"{CLIENT}/createRoom", body).refused(400, "M_BAD_JSON", "M_NOT_JSON")


@pytest.mark.parametrize("body", [{"preset": 7}, {"room_version": 7}, {"preset": "nonsense"}, {"name": 7}, {"topic": []}])
def test_a_field_of_a_wrong_type_is_refused(alice: User, body: dict) -> None:
    alice.post("createRoom", body=body).refused(400, "M_BAD_JSON", "M_INVALID_PARAM", "M_UNKNOWN")


@pytest.mark.synapse_differs("Synapse answers 500")
@pytest.mark.parametrize(
    "body",
    [
        {"invite": 7}, {"initial_state": 7}, {"initial_state": [7]}, {"initial_state": [{"type": "m.room.name"}]},
        {"creation_content": 7}, {"power_level_content_override": 7}, {"room_alias_name": 7},
    ],
)
def test_other_fields_of_a_wrong_type_are_refused_too(alice: User, body: dict) -> None:
    alice.post("createRoom", body=body).refused(400, "M_BAD_JSON", "M_INVALID_PARAM", "M_UNKNOWN")


def test_deeply_nested_json_does_not_hurt(alice: User) -> None:
    answer = alice.request("POST", f"{CLIENT}/createRoom", b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}")
    assert answer.status in (400, 413), answer
    alice.get("account", "whoami").ok()


def test_path_segments_are_decoded_once(alice: User) -> None:
    room = alice.create_room()
    alice.set_state(room, "org.example.type", {"a": 1}, key="a/b%2Fc d")
    assert alice.state(room, "org.example.type", "a/b%2Fc d") == {"a": 1}
    keys = [e["state_key"] for e in alice.get("rooms", room, "state").ok() if e["type"] == "org.example.type"]
    assert keys == ["a/b%2Fc d"]


def test_the_old_prefix_r0_still_works(alice: User) -> None:
    assert alice.get("/_matrix/client/r0/account/whoami").ok()["user_id"] == alice.id
    assert alice.post("/_matrix/client/r0/createRoom").ok()["room_id"].startswith("!")


def test_a_head_of_requests_on_one_connection_is_answered_in_order(alice: User) -> None:
    for _ in range(20):
        assert alice.get("account", "whoami").ok()["user_id"] == alice.id
        assert alice.get("nonsense").status == 404


def test_capabilities_name_the_default_room_version(alice: User) -> None:
    capabilities = alice.get("capabilities").ok()["capabilities"]
    versions = capabilities["m.room_versions"]
    assert versions["default"] in versions["available"]
    assert versions["available"]["12"] == "stable"
    assert capabilities["m.change_password"]["enabled"] in (True, False)
