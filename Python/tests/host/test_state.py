"""The copies of rooms' states: alone, and through a host."""

from __future__ import annotations

import gc
import random
from typing import Any, Dict, List, Tuple

import pytest

from axolemma_host.state import MOST_VERSIONS, Mirror, StateError, encode_change
from tests.host.server import FakeServer, event


def pdu(event_type: str, state_key: str, **content: Any) -> Dict[str, Any]:
    return event(type=event_type, state_key=state_key, content=content)["pdu"]


def changes(*entries: Tuple[str, str, Any]) -> bytes:
    """Changes of a state; content None says that the entry is gone."""
    return b"".join(
        encode_change(kind, key, f"${kind}{key}", "11", None if content is None else pdu(kind, key, **content))
        for kind, key, content in entries
    )


def read(version: Any) -> Dict[Tuple[str, str], Any]:
    return {key: dict(value.content) for key, value in version.items()}


def test_a_state_from_nothing_and_a_difference() -> None:
    mirror = Mirror()
    attachment = changes(("m.room.create", "", {}), ("m.room.topic", "", {"topic": "a"}))
    first = mirror.resolve({"room": 1, "root": 10, "base": None, "changes": 2}, attachment)
    second = mirror.resolve(
        {"room": 1, "root": 11, "base": 10, "changes": 2},
        changes(("m.room.topic", "", {"topic": "b"}), ("m.room.name", "", {"name": "n"})),
    )
    third = mirror.resolve({"room": 1, "root": 12, "base": 11, "changes": 1}, changes(("m.room.name", "", None)))
    topic, name = ("m.room.topic", ""), ("m.room.name", "")
    assert first[topic].content["topic"] == "a"
    assert second[topic].content["topic"] == third[topic].content["topic"] == "b"
    assert (name in first, name in second, name in third) == (False, True, False)
    assert (len(first), len(second), len(third)) == (2, 3, 2)
    assert [set(version) for version in (first, second, third)] == [
        {("m.room.create", ""), topic},
        {("m.room.create", ""), topic, name},
        {("m.room.create", ""), topic},
    ]
    assert first.get(name) is None
    with pytest.raises(KeyError):
        first[name]
    assert first[topic].event_id == "$m.room.topic"
    assert first[topic].state_key == ""


def test_an_unchanged_state_is_the_same_object() -> None:
    mirror = Mirror()
    first = mirror.resolve({"room": 1, "root": 10, "base": None, "changes": 1}, changes(("a", "", {})))
    assert mirror.resolve({"room": 1, "root": 10, "base": 10, "changes": 0}, b"") is first


def test_events_are_parsed_when_looked_at_and_once() -> None:
    mirror = Mirror()
    attachment = encode_change("a", "", "$a", "11", None)[:-4] + b"\x00\x00\x00\x01{"
    state = mirror.resolve({"room": 1, "root": 10, "base": None, "changes": 1}, attachment)
    assert ("a", "") in state and len(state) == 1 and state.event_ids() == {("a", ""): "$a"}
    with pytest.raises(ValueError):
        assert state[("a", "")].sender
    good = mirror.resolve({"changes": 1}, changes(("a", "", {})))
    assert good[("a", "")] is good[("a", "")]


def test_a_state_cannot_be_changed() -> None:
    state: Any = Mirror().resolve({"changes": 1}, changes(("a", "", {})))
    with pytest.raises(TypeError):
        state[("a", "")] = None
    with pytest.raises(TypeError):
        del state[("a", "")]
    copy = state.copy()
    copy.clear()
    assert len(state) == 1


def test_a_state_without_a_room_is_not_kept() -> None:
    mirror = Mirror()
    mirror.resolve({"changes": 1}, changes(("a", "", {})))
    assert len(mirror) == 0


def test_a_difference_from_an_unknown_state_is_refused() -> None:
    mirror = Mirror()
    with pytest.raises(StateError):
        mirror.resolve({"room": 1, "root": 11, "base": 10, "changes": 0}, b"")
    mirror.resolve({"room": 1, "root": 10, "base": None, "changes": 0}, b"")
    mirror.forget(1)
    with pytest.raises(StateError):
        mirror.resolve({"room": 1, "root": 10, "base": 10, "changes": 0}, b"")


@pytest.mark.parametrize("seed", range(20))
def test_versions_held_keep_what_they_were(seed: int) -> None:
    """Random changes beside a model that copies everything."""
    chance = random.Random(seed)
    mirror = Mirror()
    model: Dict[Tuple[str, str], Any] = {}
    held: List[Tuple[Any, Dict[Tuple[str, str], Any]]] = []
    base = None
    for root in range(120):
        entries = []
        for _ in range(chance.randrange(4)):
            key = chance.choice("abcdefgh")
            content = None if chance.random() < 0.3 else {"root": root, "n": chance.random()}
            entries.append(("t", key, content))
            if content is None:
                model.pop(("t", key), None)
            else:
                model[("t", key)] = content
        state = {"room": 5, "root": root, "base": base, "changes": len(entries)}
        version = mirror.resolve(state, changes(*entries))
        base = root
        held.append((version, dict(model)))
        if chance.random() < 0.3:
            held.pop(chance.randrange(len(held)))
        del version
        for known, expected in chance.sample(held, min(5, len(held))):
            assert read(known) == expected
            assert len(known) == len(expected)
    for known, expected in held:
        assert read(known) == expected
        for key in "abcdefgh":
            assert (("t", key) in known) == (("t", key) in expected)


def test_versions_nobody_holds_are_forgotten() -> None:
    mirror = Mirror()
    mirror.resolve({"room": 1, "root": 0, "base": None, "changes": 1}, changes(("t", "", {"n": 0})))
    for root in range(1, 2000):
        state = {"room": 1, "root": root, "base": root - 1, "changes": 1}
        mirror.resolve(state, changes(("t", "", {"n": root})))
    gc.collect()
    assert len(mirror._rooms[1].older) <= 1


def test_a_module_that_hoards_states() -> None:
    mirror = Mirror()
    hoard = [mirror.resolve({"room": 1, "root": 0, "base": None, "changes": 1}, changes(("t", "", {"n": 0})))]
    for root in range(1, MOST_VERSIONS + 100):
        state = {"room": 1, "root": root, "base": root - 1, "changes": 1}
        hoard.append(mirror.resolve(state, changes(("t", "", {"n": root}))))
    assert len(mirror._rooms[1].older) == MOST_VERSIONS
    assert [version[("t", "")].content["n"] for version in hoard] == list(range(MOST_VERSIONS + 100))


# Through a host.


def ask(server: FakeServer, body: str, state: Any, attachment: bytes = b"") -> int:
    args = [event(content={"body": body}), {"$state": True}]
    call = {"id": server.id_of("check_event_allowed"), "name": "check_event_allowed", "args": args, "state": state}
    return server.begin("callback", call, attachment)


def test_callbacks_see_the_state_by_differences(server: FakeServer) -> None:
    server.load("host_modules.Rules")
    attachment = changes(("m.room.create", "", {}), ("m.room.topic", "", {"topic": "a"}))
    first = {"room": 1, "root": 10, "base": None, "changes": 2}
    assert server.answer(ask(server, "state", first, attachment))[1] == {
        "keys": [["m.room.create", ""], ["m.room.topic", ""]],
        "senders": {"m.room.create/": "@user:test", "m.room.topic/": "@user:test"},
        "count": 2,
    }
    # A module that keeps the state it was given; then the room goes on.
    assert server.answer(ask(server, "keep", {"room": 1, "root": 10, "base": 10, "changes": 0})) == [True, None]
    second = {"room": 1, "root": 11, "base": 10, "changes": 1}
    answer = server.answer(ask(server, "keep", second, changes(("m.room.topic", "", {"topic": "b"}))))
    assert answer == [True, None]
    third = {"room": 1, "root": 12, "base": 11, "changes": 1}
    answer = server.answer(ask(server, "kept", third, changes(("m.room.topic", "", {"topic": "c"}))))
    assert answer == [True, {"topics": ["a", "b"]}]


def test_a_state_counts_even_where_the_callback_is_gone(server: FakeServer) -> None:
    server.load("host_modules.Rules")
    state = {"room": 1, "root": 10, "base": None, "changes": 1}
    call = {"id": 12345, "name": "check_event_allowed", "args": [], "state": state}
    assert server.failure("callback", call, changes(("t", "", {}))) == {"kind": "unregistered"}
    answer = server.answer(ask(server, "state", {"room": 1, "root": 10, "base": 10, "changes": 0}))
    assert answer[1]["count"] == 1


def test_a_forgotten_room_has_to_be_sent_anew(server: FakeServer) -> None:
    server.load("host_modules.Rules")
    state = {"room": 1, "root": 10, "base": None, "changes": 1}
    server.answer(ask(server, "state", state, changes(("t", "", {}))))
    server.note("forget_state", {"room": 1})
    with pytest.raises(Exception) as caught:
        server.answer(ask(server, "state", {"room": 1, "root": 10, "base": 10, "changes": 0}))
    assert caught.value.error["type"] == "StateError"
    assert server.answer(ask(server, "state", state, changes(("t", "", {}))))[1]["count"] == 1


def test_the_state_a_module_asks_for_is_mirrored_too(server: FakeServer) -> None:
    server.load("host_modules.Rules")
    outer = ask(server, "room state", {"room": 1, "root": 10, "base": None, "changes": 1}, changes(("a", "", {})))
    number, params = server.host_call("get_room_state")
    assert params["room_id"] == "!room:test"
    server.reply(number, {"room": 1, "root": 11, "base": 10, "changes": 1}, changes(("b", "", {})))
    assert server.answer(outer) == [True, {"found": ["a", "b"]}]
    answer = server.answer(ask(server, "state", {"room": 1, "root": 11, "base": 11, "changes": 0}))
    assert answer[1]["count"] == 2


def test_a_large_state_arrives_in_many_pieces(server: FakeServer) -> None:
    server.load("host_modules.Rules")
    count = 20_000
    attachment = changes(*(("m.room.member", f"@u{n}:test", {"membership": "join"}) for n in range(count)))
    state = {"room": 1, "root": 10, "base": None, "changes": count}
    assert server.answer(ask(server, "none", state, attachment)) == [None, None]
    same = {"room": 1, "root": 10, "base": 10, "changes": 0}
    assert server.answer(ask(server, "count", same)) == [True, {"count": count}]
