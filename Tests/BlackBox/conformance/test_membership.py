"""Joining, inviting, leaving, kicking, banning, knocking; restricted rooms."""

from __future__ import annotations

import pytest
from blackbox.client import User


def membership(user: User, room: str, who: User) -> str:
    return user.state(room, "m.room.member", who.id)["membership"]


def ban(by: User, room: str, who: User, reason: str | None = None) -> None:
    by.post("rooms", room, "ban", body={"user_id": who.id, **({"reason": reason} if reason else {})}).ok()


class TestJoining:
    def test_a_public_room_is_joined_by_id(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="public_chat")
        assert bob.post("rooms", room, "join").ok() == {"room_id": room}
        assert bob.get("joined_rooms").ok() == {"joined_rooms": [room]}

    def test_joining_again_changes_nothing(self, alice: User, bob: User, room: str) -> None:
        before = len(alice.all_messages(room))
        assert bob.post("join", room).ok() == {"room_id": room}
        assert len(alice.all_messages(room)) == before

    def test_a_join_can_give_a_reason(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="public_chat")
        bob.post("join", room, body={"reason": "curious"}).ok()
        assert alice.state(room, "m.room.member", bob.id)["reason"] == "curious"

    def test_a_private_room_is_not_joined_without_an_invitation(self, alice: User, bob: User) -> None:
        bob.post("join", alice.create_room(preset="private_chat")).refused(403, "M_FORBIDDEN")

    def test_an_unknown_room_is_not_found(self, bob: User) -> None:
        bob.post("join", "!nothing:localhost").refused((400, 404), "M_NOT_FOUND", "M_UNKNOWN")

    def test_an_unknown_alias_is_not_found(self, bob: User) -> None:
        bob.post("join", "#nothing-is-called-this:localhost").refused(404, "M_NOT_FOUND")

    def test_what_is_neither_id_nor_alias_is_refused(self, bob: User) -> None:
        bob.post("join", "nonsense").refused(400, "M_INVALID_PARAM", "M_UNKNOWN", "M_BAD_JSON")

    def test_name_and_picture_come_into_the_room(self, alice: User, bob: User) -> None:
        bob.put("profile", bob.id, "displayname", body={"displayname": "Bobby"}).ok()
        bob.put("profile", bob.id, "avatar_url", body={"avatar_url": "mxc://localhost/b"}).ok()
        room = alice.create_room(preset="public_chat")
        bob.join(room)
        member = {"membership": "join", "displayname": "Bobby", "avatar_url": "mxc://localhost/b"}
        assert alice.state(room, "m.room.member", bob.id) == member
        assert alice.get("rooms", room, "joined_members").ok()["joined"][bob.id] == {
            "display_name": "Bobby", "avatar_url": "mxc://localhost/b",
        }


class TestInviting:
    def test_an_invited_user_sees_the_room_and_joins(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="private_chat", name="Come in")
        alice.invite(room, bob.id)
        answer = bob.sync_until(lambda s: room in s.get("rooms", {}).get("invite", {}))
        stripped = {(e["type"], e["state_key"]): e for e in answer["rooms"]["invite"][room]["invite_state"]["events"]}
        assert stripped["m.room.name", ""]["content"] == {"name": "Come in"}
        assert stripped["m.room.member", bob.id]["sender"] == alice.id
        assert ("m.room.create", "") in stripped and ("m.room.join_rules", "") in stripped
        for event in stripped.values():
            assert {"type", "state_key", "content", "sender"} <= set(event)
        bob.join(room)
        assert membership(alice, room, bob) == "join"

    def test_an_invitation_can_be_declined(self, alice: User, bob: User) -> None:
        room = alice.create_room(invite=[bob.id])
        since = bob.sync_until(lambda s: room in s.get("rooms", {}).get("invite", {}))["next_batch"]
        bob.leave(room)
        bob.sync_until(lambda s: room in s.get("rooms", {}).get("leave", {}), since)
        assert membership(alice, room, bob) == "leave"

    def test_an_invitation_can_be_withdrawn(self, alice: User, bob: User) -> None:
        room = alice.create_room(invite=[bob.id])
        alice.post("rooms", room, "kick", body={"user_id": bob.id}).ok()
        bob.post("join", room).refused(403, "M_FORBIDDEN")

    def test_somebody_outside_cannot_invite(self, alice: User, bob: User, charlie: User) -> None:
        room = alice.create_room(preset="public_chat")
        bob.post("rooms", room, "invite", body={"user_id": charlie.id}).refused(403, "M_FORBIDDEN")

    def test_somebody_in_the_room_or_banned_cannot_be_invited(self, alice: User, bob: User, room: str) -> None:
        alice.post("rooms", room, "invite", body={"user_id": bob.id}).refused(403, "M_FORBIDDEN")
        ban(alice, room, bob)
        alice.post("rooms", room, "invite", body={"user_id": bob.id}).refused(403, "M_FORBIDDEN", "M_BAD_STATE")

    def test_inviting_can_need_power(self, alice: User, bob: User, charlie: User) -> None:
        room = alice.create_room(preset="public_chat", power_level_content_override={"invite": 50})
        bob.join(room)
        bob.post("rooms", room, "invite", body={"user_id": charlie.id}).refused(403, "M_FORBIDDEN")

    def test_an_invitation_without_a_user_is_refused(self, alice: User, room: str) -> None:
        answer = alice.post("rooms", room, "invite", body={})
        answer.refused(400, "M_MISSING_PARAM", "M_BAD_JSON", "M_INVALID_PARAM", "M_UNKNOWN")
        answer = alice.post("rooms", room, "invite", body={"user_id": "nonsense"})
        answer.refused(400, "M_INVALID_PARAM", "M_UNKNOWN", "M_BAD_JSON")


class TestLeaving:
    def test_somebody_who_left_can_no_longer_send(self, alice: User, bob: User, room: str) -> None:
        bob.leave(room)
        assert membership(alice, room, bob) == "leave"
        bob.try_send(room).refused(403, "M_FORBIDDEN")
        assert bob.get("joined_rooms").ok()["joined_rooms"] == []

    def test_somebody_who_was_never_in_cannot_leave(self, alice: User, bob: User) -> None:
        bob.post("rooms", alice.create_room(), "leave").refused((403, 404), "M_FORBIDDEN", "M_UNKNOWN", "M_NOT_FOUND")

    def test_a_room_is_forgotten_only_after_leaving(self, alice: User, bob: User, room: str) -> None:
        bob.post("rooms", room, "forget").refused(400, "M_UNKNOWN")
        bob.leave(room)
        assert bob.post("rooms", room, "forget").ok() == {}
        bob.get("rooms", room, "messages", dir="b").refused(403, "M_FORBIDDEN")


class TestKickingAndBanning:
    def test_a_kicked_user_may_come_back(self, alice: User, bob: User, room: str) -> None:
        assert alice.post("rooms", room, "kick", body={"user_id": bob.id, "reason": "enough"}).ok() == {}
        member = alice.state(room, "m.room.member", bob.id)
        assert member["membership"] == "leave" and member["reason"] == "enough"
        bob.join(room)

    def test_a_banned_user_comes_back_only_after_the_ban_is_lifted(self, alice: User, bob: User, room: str) -> None:
        ban(alice, room, bob, "spam")
        assert alice.state(room, "m.room.member", bob.id)["reason"] == "spam"
        bob.post("join", room).refused(403, "M_FORBIDDEN", "M_BAD_STATE")
        assert alice.post("rooms", room, "unban", body={"user_id": bob.id}).ok() == {}
        assert membership(alice, room, bob) == "leave"
        bob.join(room)

    def test_somebody_without_power_cannot_kick_or_ban(self, alice: User, bob: User, charlie: User, room: str) -> None:
        charlie.join(room)
        for action in ("kick", "ban"):
            bob.post("rooms", room, action, body={"user_id": charlie.id}).refused(403, "M_FORBIDDEN")
            bob.post("rooms", room, action, body={"user_id": alice.id}).refused(403, "M_FORBIDDEN")

    def test_somebody_who_is_not_there_can_be_banned_but_not_kicked(self, alice: User, bob: User) -> None:
        room = alice.create_room(preset="public_chat")
        alice.post("rooms", room, "kick", body={"user_id": bob.id}).refused(403, "M_FORBIDDEN", "M_NOT_IN_ROOM")
        ban(alice, room, bob)
        bob.post("join", room).refused(403, "M_FORBIDDEN", "M_BAD_STATE")

    def test_a_moderator_cannot_touch_an_equal(self, alice: User, bob: User, charlie: User, room: str) -> None:
        charlie.join(room)
        levels = alice.state(room, "m.room.power_levels")
        levels.setdefault("users", {}).update({bob.id: 50, charlie.id: 50})
        alice.set_state(room, "m.room.power_levels", levels)
        bob.post("rooms", room, "ban", body={"user_id": charlie.id}).refused(403, "M_FORBIDDEN")


class TestKnocking:
    @pytest.fixture
    def knockable(self, alice: User) -> str:
        rule = {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}
        return alice.create_room(preset="private_chat", name="Knock", initial_state=[rule])

    def test_a_knock_is_seen_and_answered_with_an_invitation(self, alice: User, bob: User, knockable: str) -> None:
        assert bob.post("knock", knockable, body={"reason": "let me in"}).ok() == {"room_id": knockable}
        knocked = bob.sync_until(lambda s: knockable in s.get("rooms", {}).get("knock", {}))["rooms"]["knock"][knockable]
        assert ("m.room.name", "") in {(e["type"], e["state_key"]) for e in knocked["knock_state"]["events"]}
        member = alice.state(knockable, "m.room.member", bob.id)
        assert member["membership"] == "knock" and member["reason"] == "let me in"
        bob.post("join", knockable).refused(403, "M_FORBIDDEN")
        alice.invite(knockable, bob.id)
        bob.join(knockable)

    def test_a_knock_can_be_taken_back(self, alice: User, bob: User, knockable: str) -> None:
        bob.post("knock", knockable).ok()
        bob.leave(knockable)
        assert membership(alice, knockable, bob) == "leave"

    def test_a_room_without_knocking_refuses_it(self, alice: User, bob: User) -> None:
        bob.post("knock", alice.create_room(preset="private_chat")).refused(403, "M_FORBIDDEN")

    def test_a_member_does_not_knock(self, alice: User, knockable: str) -> None:
        alice.post("knock", knockable).refused(403, "M_FORBIDDEN")


class TestRestrictedRooms:
    @pytest.fixture
    def space(self, alice: User) -> str:
        return alice.create_room(preset="public_chat", creation_content={"type": "m.space"})

    @pytest.fixture
    def restricted(self, alice: User, space: str) -> str:
        content = {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": space}]}
        rule = {"type": "m.room.join_rules", "state_key": "", "content": content}
        return alice.create_room(preset="private_chat", initial_state=[rule])

    def test_members_of_the_space_join(self, alice: User, bob: User, space: str, restricted: str) -> None:
        bob.post("join", restricted).refused(403, "M_FORBIDDEN")
        bob.join(space)
        bob.join(restricted)
        assert alice.state(restricted, "m.room.member", bob.id)["join_authorised_via_users_server"] == alice.id

    def test_an_invitation_serves_as_well(self, alice: User, bob: User, restricted: str) -> None:
        alice.invite(restricted, bob.id)
        bob.join(restricted)

    def test_a_ban_is_stronger(self, alice: User, bob: User, space: str, restricted: str) -> None:
        bob.join(space)
        ban(alice, restricted, bob)
        bob.post("join", restricted).refused(403, "M_FORBIDDEN", "M_BAD_STATE")
