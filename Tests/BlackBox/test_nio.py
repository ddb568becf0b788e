"""Two people with matrix-nio, a client library that nobody here wrote, on a server that restarts and is killed."""

from __future__ import annotations

import asyncio
from typing import Any

import nio
import pytest
from blackbox.client import PASSWORD
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server


def good(response: Any, kind: type) -> Any:
    """The response, which must be of this kind and not an error."""
    assert isinstance(response, kind), response
    return response


async def register(server: LocalServer, name: str) -> nio.AsyncClient:
    client = nio.AsyncClient(server.base_url, config=nio.AsyncClientConfig(encryption_enabled=False, store_sync_tokens=False))
    good(await client.register(name, PASSWORD, device_name=f"{name}'s nio"), nio.RegisterResponse)
    assert client.user_id == f"@{name}:localhost" and client.access_token
    return client


async def login(server: LocalServer, name: str) -> nio.AsyncClient:
    client = nio.AsyncClient(
        server.base_url, name, config=nio.AsyncClientConfig(encryption_enabled=False, store_sync_tokens=False)
    )
    good(await client.login(PASSWORD), nio.LoginResponse)
    return client


async def say(client: nio.AsyncClient, room: str, text: str) -> str:
    content = {"msgtype": "m.text", "body": text}
    return good(await client.room_send(room, "m.room.message", content), nio.RoomSendResponse).event_id


async def hears(client: nio.AsyncClient, room: str, event_id: str) -> nio.RoomMessageText:
    """Syncs until an event arrives."""
    for _ in range(20):
        answer = good(await client.sync(timeout=1000), nio.SyncResponse)
        if room in answer.rooms.join:
            for event in answer.rooms.join[room].timeline.events:
                if event.event_id == event_id:
                    return event
    raise AssertionError(f"{client.user_id} never got {event_id}")


async def history(client: nio.AsyncClient, room: str, start: str, page: int) -> list[str]:
    """The texts of all messages before a token, newest first."""
    texts: list[str] = []
    while True:
        answer = good(await client.room_messages(room, start, limit=page), nio.RoomMessagesResponse)
        texts += [event.body for event in answer.chunk if isinstance(event, nio.RoomMessageText)]
        if not answer.end or not answer.chunk:
            return texts
        start = answer.end


class Conversation:
    """Alice and Bob in a room of Alice's."""

    def __init__(self, alice: nio.AsyncClient, bob: nio.AsyncClient, room: str):
        self.alice, self.bob, self.room = alice, bob, room

    @classmethod
    async def begin(cls, server: LocalServer) -> Conversation:
        alice, bob = await register(server, "alice"), await register(server, "bob")
        created = good(await alice.room_create(name="Tea", topic="Only tea", invite=[bob.user_id]), nio.RoomCreateResponse)
        answer = good(await bob.sync(timeout=1000, full_state=True), nio.SyncResponse)
        assert created.room_id in answer.rooms.invite
        good(await bob.join(created.room_id), nio.JoinResponse)
        good(await alice.sync(timeout=1000, full_state=True), nio.SyncResponse)
        return cls(alice, bob, created.room_id)

    async def exchange(self, text: str) -> None:
        """A message each way, which the other must get."""
        for speaker, listener in ((self.alice, self.bob), (self.bob, self.alice)):
            words = f"{text}, says {speaker.user_id}"
            event_id = await say(speaker, self.room, words)
            heard = await hears(listener, self.room, event_id)
            assert heard.body == words and heard.sender == speaker.user_id

    async def end(self) -> None:
        await self.alice.close()
        await self.bob.close()


def test_two_people_register_meet_and_talk(server: LocalServer) -> None:
    async def story() -> None:
        talk = await Conversation.begin(server)
        await talk.exchange("hello")
        room = talk.alice.rooms[talk.room]
        assert room.name == "Tea" and room.topic == "Only tea"
        assert set(room.users) == {talk.alice.user_id, talk.bob.user_id}
        members = good(await talk.bob.joined_members(talk.room), nio.JoinedMembersResponse).members
        assert {member.user_id for member in members} == {talk.alice.user_id, talk.bob.user_id}
        state = good(await talk.bob.room_get_state(talk.room), nio.RoomGetStateResponse).events
        assert {"m.room.create", "m.room.member", "m.room.power_levels", "m.room.name"} <= {e["type"] for e in state}
        good(await talk.alice.room_put_state(talk.room, "m.room.topic", {"topic": "Coffee too"}), nio.RoomPutStateResponse)
        topic = good(await talk.bob.room_get_state_event(talk.room, "m.room.topic"), nio.RoomGetStateEventResponse)
        assert topic.content["topic"] == "Coffee too"
        await talk.end()

    asyncio.run(story())


def test_messages_are_paged_back_in_order(server: LocalServer) -> None:
    async def story() -> None:
        talk = await Conversation.begin(server)
        sent = []
        for number in range(23):
            sent.append(f"number {number}")
            event_id = await say((talk.alice, talk.bob)[number % 2], talk.room, sent[-1])
        await hears(talk.alice, talk.room, event_id)
        assert await history(talk.alice, talk.room, talk.alice.next_batch, page=5) == sent[::-1]
        context = good(await talk.bob.room_context(talk.room, event_id, limit=4), nio.RoomContextResponse)
        assert context.event.event_id == event_id and context.events_before
        await talk.end()

    asyncio.run(story())


def test_somebody_leaves_and_is_gone(server: LocalServer) -> None:
    async def story() -> None:
        talk = await Conversation.begin(server)
        await talk.exchange("before")
        good(await talk.bob.room_leave(talk.room), nio.RoomLeaveResponse)
        answer = await talk.bob.room_send(talk.room, "m.room.message", {"msgtype": "m.text", "body": "still here?"})
        assert isinstance(answer, nio.RoomSendError) and answer.status_code == "M_FORBIDDEN"
        members = good(await talk.alice.joined_members(talk.room), nio.JoinedMembersResponse).members
        assert [member.user_id for member in members] == [talk.alice.user_id]
        good(await talk.alice.room_invite(talk.room, talk.bob.user_id), nio.RoomInviteResponse)
        good(await talk.bob.join(talk.room), nio.JoinResponse)
        await talk.exchange("back")
        good(await talk.alice.room_kick(talk.room, talk.bob.user_id, "closing"), nio.RoomKickResponse)
        good(await talk.alice.room_ban(talk.room, talk.bob.user_id), nio.RoomBanResponse)
        assert isinstance(await talk.bob.join(talk.room), nio.JoinError)
        await talk.end()

    asyncio.run(story())


@pytest.mark.parametrize("ending", ["restarted", "killed"])
def test_they_keep_talking_when_the_server_is(server: LocalServer, ending: str) -> None:
    async def story() -> None:
        talk = await Conversation.begin(server)
        for turn in range(3):
            await talk.exchange(f"turn {turn}")
            if ending == "restarted":
                server.restart()
            else:
                server.kill()
                server.start()
        # The same sessions and sync tokens go on.
        await talk.exchange("after all that")
        texts = await history(talk.alice, talk.room, talk.alice.next_batch, page=50)
        assert len(texts) == 8 and texts[-1] == f"turn 0, says {talk.alice.user_id}"
        await talk.end()

    asyncio.run(story())


def test_somebody_signs_in_anew_and_finds_everything(server: LocalServer) -> None:
    async def story() -> None:
        talk = await Conversation.begin(server)
        await talk.exchange("first")
        server.restart()
        again = await login(server, "bob")
        answer = good(await again.sync(timeout=0, full_state=True), nio.SyncResponse)
        bodies = [e.body for e in answer.rooms.join[talk.room].timeline.events if isinstance(e, nio.RoomMessageText)]
        assert bodies == [f"first, says {talk.alice.user_id}", f"first, says {talk.bob.user_id}"]
        assert again.rooms[talk.room].display_name == "Tea"
        good(await again.logout(), nio.LogoutResponse)
        await again.close()
        await talk.end()

    asyncio.run(story())
