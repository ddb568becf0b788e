"""createRoom: presets, options, and what they make of the room."""

from __future__ import annotations

import secrets

import pytest
from blackbox.client import User

VERSIONS = [str(number) for number in range(1, 13)]


def rules(user: User, room: str) -> tuple[str, str, str]:
    """Join rule, history visibility and guest access, as they apply."""
    guests = user.get("rooms", room, "state", "m.room.guest_access", "")
    return (
        user.state(room, "m.room.join_rules")["join_rule"],
        user.state(room, "m.room.history_visibility")["history_visibility"],
        guests.json["guest_access"] if guests.status == 200 else "forbidden",
    )


class TestPresets:
    @pytest.mark.parametrize(
        "preset, expected",
        [
            ("private_chat", ("invite", "shared", "can_join")),
            ("trusted_private_chat", ("invite", "shared", "can_join")),
            ("public_chat", ("public", "shared", "forbidden")),
        ],
    )
    def test_a_preset_sets_the_rules_of_the_room(self, alice: User, preset: str, expected: tuple) -> None:
        assert rules(alice, alice.create_room(preset=preset)) == expected

    def test_visibility_chooses_the_preset_if_none_is_given(self, alice: User) -> None:
        assert rules(alice, alice.create_room(visibility="public"))[0] == "public"
        assert rules(alice, alice.create_room(visibility="private"))[0] == "invite"
        assert rules(alice, alice.create_room())[0] == "invite"

    def test_trusted_private_chat_gives_invited_people_the_same_power_before_version_12(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="trusted_private_chat", invite=[bob.id], room_version="11")
        users = alice.state(room, "m.room.power_levels")["users"]
        assert users == {alice.id: 100, bob.id: 100}

    def test_trusted_private_chat_makes_invited_people_creators_in_version_12(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="trusted_private_chat", invite=[bob.id], room_version="12")
        assert alice.state(room, "m.room.create")["additional_creators"] == [bob.id]
        assert not {alice.id, bob.id} & set(alice.state(room, "m.room.power_levels").get("users", {}))


class TestOptions:
    def test_events_come_in_the_order_of_the_specification(self, alice: User, bob: User) -> None:
        room = alice.create_room(
            preset="private_chat", name="Name", topic="Topic", invite=[bob.id],
            initial_state=[{"type": "org.example.first", "state_key": "", "content": {"a": 1}}],
        )
        types = [e["type"] for e in alice.all_messages(room, "f")]
        assert types[:3] == ["m.room.create", "m.room.member", "m.room.power_levels"]
        order = [
            "m.room.join_rules", "m.room.history_visibility", "m.room.guest_access", "org.example.first", "m.room.name",
            "m.room.topic", "m.room.member",
        ]
        assert [t for t in types[3:] if t in order] == order

    def test_name_and_topic_are_set(self, alice: User) -> None:
        room = alice.create_room(name="A name", topic="A topic")
        assert alice.state(room, "m.room.name") == {"name": "A name"}
        assert alice.state(room, "m.room.topic")["topic"] == "A topic"

    def test_initial_state_comes_over_the_preset(self, alice: User) -> None:
        room = alice.create_room(
            preset="public_chat",
            initial_state=[
                {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": "joined"}},
                {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
            ],
        )
        assert alice.state(room, "m.room.history_visibility") == {"history_visibility": "joined"}
        assert alice.state(room, "m.room.encryption") == {"algorithm": "m.megolm.v1.aes-sha2"}

    def test_power_levels_can_be_overridden(self, alice: User) -> None:
        override = {"events_default": 50, "events": {"m.room.name": 75}}
        levels = alice.state(alice.create_room(power_level_content_override=override), "m.room.power_levels")
        assert levels["events_default"] == 50 and levels["events"]["m.room.name"] == 75

    def test_creation_content_is_kept_but_for_what_the_server_says(self, alice: User) -> None:
        content = {"m.federate": False, "type": "m.space", "org.example": "kept", "room_version": "1", "creator": "@x:y"}
        room = alice.create_room(creation_content=content, room_version="10")
        create = alice.state(room, "m.room.create")
        assert create["m.federate"] is False and create["type"] == "m.space" and create["org.example"] == "kept"
        assert create["room_version"] == "10" and create["creator"] == alice.id

    def test_an_alias_can_be_made_with_it(self, alice: User) -> None:
        name = f"alias-{secrets.token_hex(4)}"
        room = alice.create_room(room_alias_name=name)
        alias = f"#{name}:{alice.server_name}"
        assert alice.get("directory", "room", alias).ok()["room_id"] == room
        assert alice.state(room, "m.room.canonical_alias")["alias"] == alias

    def test_an_alias_that_is_taken_is_refused(self, alice: User) -> None:
        name = f"alias-{secrets.token_hex(4)}"
        alice.create_room(room_alias_name=name)
        alice.post("createRoom", body={"room_alias_name": name}).refused(400, "M_ROOM_IN_USE")

    def test_invited_people_see_it_as_direct(self, alice: User, bob: User) -> None:
        room = alice.create_room(is_direct=True, invite=[bob.id])
        invite = bob.sync_until(lambda s: room in s.get("rooms", {}).get("invite", {}))["rooms"]["invite"][room]
        mine = [e for e in invite["invite_state"]["events"] if e.get("state_key") == bob.id]
        assert mine[0]["content"]["membership"] == "invite" and mine[0]["content"]["is_direct"] is True

    def test_an_unknown_user_id_in_the_invitations_is_refused(self, alice: User) -> None:
        alice.post("createRoom", body={"invite": ["not-a-user-id"]}).refused(400, "M_INVALID_PARAM", "M_UNKNOWN", "M_BAD_JSON")


class TestVersions:
    def test_an_unknown_version_is_refused(self, alice: User) -> None:
        alice.post("createRoom", body={"room_version": "99"}).refused(400, "M_UNSUPPORTED_ROOM_VERSION")

    @pytest.mark.parametrize("version", VERSIONS)
    def test_a_room_of_every_version_works(self, alice: User, bob: User, version: str) -> None:
        room = alice.create_room(room_version=version, preset="public_chat", name=f"Version {version}")
        create = alice.state(room, "m.room.create")
        assert create.get("room_version", "1") == version
        assert ("creator" in create) == (int(version) < 11)
        assert (":" in room) == (int(version) < 12)
        bob.join(room)
        event = bob.send(room, "hello")
        assert alice.get("rooms", room, "event", event).ok()["sender"] == bob.id
        if int(version) < 3:
            assert event.endswith(":" + alice.server_name)
        else:
            assert event.startswith("$") and ":" not in event
        alice.put("rooms", room, "redact", event, alice.transaction()).ok()
        assert "body" not in alice.get("rooms", room, "event", event).ok()["content"]
        alice.post("rooms", room, "kick", body={"user_id": bob.id}).ok()
        bob.try_send(room).refused(403, "M_FORBIDDEN")

    def test_in_version_12_the_room_is_named_after_its_create_event(self, alice: User) -> None:
        room = alice.create_room(room_version="12")
        first = alice.all_messages(room, "f")[0]
        assert first["type"] == "m.room.create" and first["event_id"][1:] == room[1:]

    def test_the_creator_of_a_version_12_room_cannot_be_given_a_level(self, alice: User) -> None:
        room = alice.create_room(room_version="12")
        levels = alice.state(room, "m.room.power_levels")
        levels.setdefault("users", {})[alice.id] = 100
        alice.try_set_state(room, "m.room.power_levels", levels).refused((400, 403), "M_FORBIDDEN", "M_BAD_JSON", "M_UNKNOWN")
