"""Modules that do what they should not: every call is answered, and the host goes on."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from axolemma_host import frames
from tests.host.server import FakeServer, event


@pytest.fixture(scope="module")
def hostile() -> Any:
    """One host for all tests: each shows too that the one before has left it whole."""
    server = FakeServer()
    server.load("hostile_modules.Hostile")
    yield server
    server.close()


def message(body: str) -> Any:
    return event(content={"body": body})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("unspeakable", "Unspeakable"),
        ("exiting error", "SystemExit"),
        ("cancelled", "CancelledError"),
        ("cancels itself", "CancelledError"),
        ("recursion", "RecursionError"),
        ("deep error", "RecursionError"),
    ],
)
def test_exceptions_of_every_kind_reach_the_server(hostile: FakeServer, body: str, expected: str) -> None:
    assert hostile.callback_failure("check_event_for_spam", message(body))["type"] == expected
    assert hostile.callback("check_event_for_spam", message("fine")) == "allow"


@pytest.mark.parametrize("body", ["now", "later"])
def test_a_value_that_cannot_be_judged_fails_its_call(hostile: FakeServer, body: str) -> None:
    assert hostile.callback_failure("should_drop_federated_event", message(body))["type"] == "SystemExit"


@pytest.mark.parametrize(("body", "expected"), [("nan", "ValueError"), ("deep", "RecursionError")])
def test_a_replacement_that_is_no_json_fails_its_call(hostile: FakeServer, body: str, expected: str) -> None:
    state = {"$state": True}
    failure = hostile.callback_failure("check_event_allowed", message(body), state)
    assert failure["type"] == expected


def test_a_lone_surrogate_in_an_error_is_escaped(hostile: FakeServer) -> None:
    failure = hostile.callback_failure("check_event_for_spam", message("surrogate"))
    assert failure["body"]["error"] == "half \ud800"


def test_arguments_that_are_no_json_fail_in_the_module(hostile: FakeServer) -> None:
    assert hostile.callback("check_event_for_spam", message("deep call")) == "allow"


def test_a_forked_process_does_not_answer_and_ends_when_the_callback_does(hostile: FakeServer) -> None:
    answer = hostile.callback("check_event_for_spam", message("fork"))
    assert answer["deny"]["error"] == "parent"
    assert hostile.callback("check_event_for_spam", message("fine")) == "allow"


def test_an_iterator_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="more than"):
        frames.encode_json({"items": itertools.count()})
