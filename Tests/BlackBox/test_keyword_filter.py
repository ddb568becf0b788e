"""The example module, built as a plug-in by scripts/example and loaded by the server, refuses spam."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest
from blackbox.client import User
from blackbox.server import Axolemma, LocalServer

pytestmark = pytest.mark.own_server
DEFAULT = Path(__file__).resolve().parents[2] / ".build/examples/KeywordFilter/debug/libKeywordFilter.so"
PLUG_IN = Path(os.environ.get("AXOLEMMA_KEYWORD_FILTER", str(DEFAULT)))
MakeServer = Callable[..., LocalServer]


def modules(**config: object) -> dict:
    assert PLUG_IN.exists(), f"{PLUG_IN} is not built; run scripts/example"
    return {"modules": [{"module": str(PLUG_IN), "config": config}]}


@pytest.fixture
def server(make_server: MakeServer, engine: str) -> LocalServer:
    started = make_server(engine, modules(words=["casino", "lottery"]))
    started.start()
    return started


@pytest.fixture
def alice(server: LocalServer) -> User:
    return server.user("alice")


def bodies(user: User, room: str) -> list[str]:
    return [e["content"].get("body") for e in user.all_messages(room, "f") if e["type"] == "m.room.message"]


def test_a_spam_message_is_refused_and_others_pass(server: LocalServer, alice: User) -> None:
    bob = server.user("bob")
    room = alice.create_room(preset="public_chat")
    bob.join(room)
    since = bob.sync()["next_batch"]
    alice.send(room, "tea at five?")
    alice.try_send(room, "visit my CASINO now").refused(403, "M_FORBIDDEN")
    alice.try_send(room, "hello", formatted_body="<b>lottery</b>", format="org.matrix.custom.html").refused(403, "M_FORBIDDEN")
    last = alice.send(room, "see you")
    answer = bob.sync_until(lambda s: last in str(s), since)
    shown = [e["content"]["body"] for e in answer["rooms"]["join"][room]["timeline"]["events"] if e["type"] == "m.room.message"]
    assert shown == ["tea at five?", "see you"] or shown == ["see you"]
    assert bodies(bob, room) == ["tea at five?", "see you"]


def test_a_word_inside_another_passes(alice: User) -> None:
    room = alice.create_room()
    alice.send(room, "occasinoally")


def test_an_edit_cannot_bring_it_in(alice: User) -> None:
    room = alice.create_room()
    event = alice.send(room, "harmless")
    answer = alice.try_send(
        room, "* better", **{
            "m.new_content": {"msgtype": "m.text", "body": "the casino"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event},
        },
    )
    answer.refused(403, "M_FORBIDDEN")


def test_a_refused_message_may_be_sent_again_with_other_words(alice: User) -> None:
    room = alice.create_room()
    for body, status in (("casino", 403), ("tea", 200)):
        answer = alice.put("rooms", room, "send", "m.room.message", "same", body={"msgtype": "m.text", "body": body})
        assert answer.status == status, answer
    assert bodies(alice, room) == ["tea"]


def test_it_still_works_after_a_kill(server: LocalServer, alice: User) -> None:
    room = alice.create_room()
    server.kill()
    server.start()
    alice.try_send(room, "casino").refused(403, "M_FORBIDDEN")
    alice.send(room, "tea")


@pytest.mark.parametrize("config, hint", [({}, "words"), ({"words": []}, "words"), ({"words": ["a"], "wrods": 1}, "wrods")])
def test_a_faulty_configuration_of_a_module_stops_the_start(make_server: MakeServer, config: dict, hint: str) -> None:
    server = make_server("sqlite", modules(**config))
    with pytest.raises(AssertionError, match="ended with status"):
        server.start()
    assert hint in server.log_text()


def test_a_missing_plug_in_stops_the_start(make_server: MakeServer) -> None:
    server = make_server("sqlite", {"modules": [{"module": "/nowhere/libNothing.so", "config": {}}]})
    assert isinstance(server, Axolemma)
    with pytest.raises(AssertionError, match="ended with status"):
        server.start()
    assert "/nowhere/libNothing.so" in server.log_text()
