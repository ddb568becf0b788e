"""Work beside requests."""

from __future__ import annotations

import logging

import pytest
from twisted.internet import defer, task

from axolemma_host.background import Background


@pytest.fixture
def clock():
    return task.Clock()


@pytest.fixture
def background(clock):
    return Background(clock)


def test_a_loop_first_runs_after_its_interval_and_goes_on_after_an_error(clock, background, caplog):
    calls = []

    def body(argument, *, keyword):
        calls.append((argument, keyword))
        raise ValueError("no")

    background.looping_call(body, 1_000, 1, keyword=2)
    clock.advance(0.9)
    assert calls == []
    with caplog.at_level(logging.ERROR):
        clock.pump([0.1, 1, 1])
    assert calls == [(1, 2)] * 3
    assert "Looping call body failed" in caplog.text
    background.stop()
    clock.advance(5)
    assert len(calls) == 3


def test_a_loop_never_overlaps(clock, background):
    calls = []
    done = defer.Deferred()

    async def body():
        calls.append(clock.seconds())
        if len(calls) == 1:
            await done

    background.looping_call(body, 1_000)
    clock.pump([1, 1, 1, 0.5])
    assert calls == [1]
    done.callback(None)
    clock.advance(0.5)
    assert calls == [1, 4]


def test_a_delayed_call(clock, background, caplog):
    calls = []

    async def body():
        calls.append(1)
        raise ValueError("no")

    first = background.delayed_call(1_500, body)
    second = background.delayed_call(1_500, body)
    second.cancel()
    assert first.active() and not second.active()
    first.delay(1)
    clock.advance(2)
    assert calls == []
    with caplog.at_level(logging.ERROR):
        clock.advance(1)
    assert calls == [1]
    assert "no" in caplog.text


def test_a_background_process_gives_its_result_or_none(background):
    async def good(value):
        return value

    async def bad():
        raise ValueError()

    results = []
    background.run_as_background_process("good", good, 7, bg_start_span=False).addCallback(results.append)
    background.run_as_background_process("bad", bad).addCallback(results.append)
    assert results == [7, None]
