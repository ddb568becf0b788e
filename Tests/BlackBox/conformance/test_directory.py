"""Aliases and the list of public rooms."""

from __future__ import annotations

import secrets

from blackbox.client import User
from blackbox.server import Homeserver


def new_alias(user: User) -> str:
    return f"#alias-{secrets.token_hex(5)}:{user.server_name}"


class TestAliases:
    def test_an_alias_is_made_resolved_used_and_deleted(self, alice: User, bob: User, hs: Homeserver) -> None:
        room, alias = alice.create_room(preset="public_chat"), new_alias(alice)
        assert alice.put("directory", "room", alias, body={"room_id": room}).ok() == {}
        # Resolving needs no account.
        found = hs.client().get("directory", "room", alias).ok()
        assert found["room_id"] == room and alice.server_name in found["servers"]
        assert bob.post("join", alias).ok() == {"room_id": room}
        assert alice.get("rooms", room, "aliases").ok() == {"aliases": [alias]}
        assert alice.delete("directory", "room", alias).ok() == {}
        bob.get("directory", "room", alias).refused(404, "M_NOT_FOUND")

    def test_an_alias_that_is_taken_is_refused(self, alice: User, bob: User) -> None:
        alias = new_alias(alice)
        alice.put("directory", "room", alias, body={"room_id": alice.create_room()}).ok()
        answer = bob.put("directory", "room", alias, body={"room_id": bob.create_room()})
        answer.refused(409, "M_UNKNOWN", "M_ROOM_IN_USE")

    def test_somebody_else_cannot_delete_it(self, alice: User, bob: User, room: str) -> None:
        alias = new_alias(alice)
        alice.put("directory", "room", alias, body={"room_id": room}).ok()
        bob.delete("directory", "room", alias).refused(403, "M_FORBIDDEN")

    def test_a_malformed_alias_is_refused(self, alice: User, room: str) -> None:
        for alias in ("nonsense", "#nothing", "!a:localhost"):
            answer = alice.put("directory", "room", alias, body={"room_id": room})
            answer.refused(400, "M_INVALID_PARAM", "M_UNKNOWN", "M_BAD_JSON")
        answer = alice.put("directory", "room", "#a:elsewhere.example", body={"room_id": room})
        answer.refused((400, 403), "M_INVALID_PARAM", "M_UNKNOWN", "M_FORBIDDEN")

    def test_a_body_without_a_room_is_refused(self, alice: User) -> None:
        answer = alice.put("directory", "room", new_alias(alice), body={})
        answer.refused(400, "M_BAD_JSON", "M_MISSING_PARAM")

    def test_an_unknown_alias_is_not_found(self, alice: User) -> None:
        alice.get("directory", "room", new_alias(alice)).refused(404, "M_NOT_FOUND")
        alice.delete("directory", "room", new_alias(alice)).refused(404, "M_NOT_FOUND")

    def test_aliases_of_a_room_are_for_its_members(self, alice: User, bob: User) -> None:
        bob.get("rooms", alice.create_room(), "aliases").refused(403, "M_FORBIDDEN")


class TestPublicRooms:
    def test_a_room_is_listed_and_unlisted(self, alice: User, hs: Homeserver) -> None:
        topic = secrets.token_hex(6)
        room = alice.create_room(preset="public_chat", name="Listed", topic=topic)
        assert hs.client().get("directory", "list", "room", room).ok() == {"visibility": "private"}
        assert alice.put("directory", "list", "room", room, body={"visibility": "public"}).ok() == {}
        assert hs.client().get("directory", "list", "room", room).ok() == {"visibility": "public"}
        found = alice.post("publicRooms", body={"filter": {"generic_search_term": topic}}).ok()["chunk"]
        assert [r["room_id"] for r in found] == [room]
        entry = found[0]
        assert entry["name"] == "Listed" and entry["topic"] == topic and entry["num_joined_members"] == 1
        assert entry["world_readable"] is False and entry["guest_can_join"] is False and entry["join_rule"] == "public"
        alice.put("directory", "list", "room", room, body={"visibility": "private"}).ok()
        assert alice.post("publicRooms", body={"filter": {"generic_search_term": topic}}).ok()["chunk"] == []

    def test_it_pages_in_both_directions_by_size(self, alice: User, bob: User) -> None:
        topic = secrets.token_hex(6)
        rooms = [alice.create_room(preset="public_chat", visibility="public", topic=topic) for _ in range(5)]
        bob.join(rooms[3])
        search = {"filter": {"generic_search_term": topic}, "limit": 2}
        first = alice.post("publicRooms", body=search).ok()
        assert first["chunk"][0]["room_id"] == rooms[3] and "prev_batch" not in first
        second = alice.post("publicRooms", body={**search, "since": first["next_batch"]}).ok()
        third = alice.post("publicRooms", body={**search, "since": second["next_batch"]}).ok()
        assert "next_batch" not in third and len(third["chunk"]) == 1
        listed = [r["room_id"] for page in (first, second, third) for r in page["chunk"]]
        assert sorted(listed) == sorted(rooms)
        back = alice.post("publicRooms", body={**search, "since": second["prev_batch"]}).ok()
        assert [r["room_id"] for r in back["chunk"]] == [r["room_id"] for r in first["chunk"]]

    def test_types_can_be_chosen(self, alice: User) -> None:
        topic = secrets.token_hex(6)
        plain = alice.create_room(preset="public_chat", visibility="public", topic=topic)
        space = alice.create_room(
            preset="public_chat", visibility="public", topic=topic, creation_content={"type": "m.space"}
        )

        def listed(types: list) -> set[str]:
            body = {"filter": {"generic_search_term": topic, "room_types": types}}
            return {r["room_id"] for r in alice.post("publicRooms", body=body).ok()["chunk"]}

        assert listed(["m.space"]) == {space}
        assert listed([None]) == {plain}
        assert listed([None, "m.space"]) == {plain, space}

    def test_get_lists_too(self, alice: User) -> None:
        room = alice.create_room(preset="public_chat", visibility="public")
        everything: list[str] = []
        since = None
        while True:
            page = alice.get("publicRooms", limit=100, since=since).ok()
            everything += [r["room_id"] for r in page["chunk"]]
            since = page.get("next_batch")
            if not since:
                break
        assert room in everything

    def test_an_empty_token_means_the_first_page(self, alice: User) -> None:
        topic = secrets.token_hex(6)
        room = alice.create_room(preset="public_chat", visibility="public", topic=topic)
        search = {"filter": {"generic_search_term": topic}, "since": ""}
        assert [r["room_id"] for r in alice.post("publicRooms", body=search).ok()["chunk"]] == [room]
        assert alice.get("publicRooms", limit=1, since="").ok()["chunk"]

    def test_only_somebody_with_power_lists_a_room(self, alice: User, bob: User, room: str) -> None:
        bob.put("directory", "list", "room", room, body={"visibility": "public"}).refused(403, "M_FORBIDDEN")

    def test_an_unknown_room_has_no_visibility(self, hs: Homeserver) -> None:
        hs.client().get("directory", "list", "room", "!nothing:localhost").refused(404, "M_NOT_FOUND")
