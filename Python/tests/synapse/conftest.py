"""A module API over a server that answers what a test says, and a network."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from twisted.internet import defer, task
from twisted.python.failure import Failure

from axolemma_host.registrations import Registrations
from synapse.util.clock import Clock


class FakePeer:
    """The server: answers calls with what a test put into `answers`, and remembers them."""

    def __init__(self) -> None:
        self.answers: Dict[str, Any] = {}
        self.calls: List[Tuple[str, Dict[str, Any]]] = []
        self.notes: List[Tuple[str, Dict[str, Any]]] = []

    def call(self, method: str, params: Dict[str, Any], attachment: bytes = b"") -> "defer.Deferred[Any]":
        """Answers at once."""
        self.calls.append((method, params))
        answer = self.answers.get(method)
        if isinstance(answer, Exception):
            return defer.fail(answer)
        return defer.succeed(answer(params) if callable(answer) else answer)

    def note(self, method: str, params: Dict[str, Any]) -> None:
        """Remembers the note."""
        self.notes.append((method, params))

    def registered(self) -> List[Tuple[str, str]]:
        """Which callbacks of which modules the server was told of."""
        return [(params["module"], params["callback"]) for method, params in self.notes if method == "register"]


class _Section:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class FakeHomeServer:
    """What `ModuleApi` needs of the home server."""

    hostname = "test"

    def __init__(self) -> None:
        self.peer = FakePeer()
        self.registrations = Registrations(self.peer)
        self.clock = task.Clock()
        self.server: Dict[str, Any] = {"config": {}}
        self.config = _Section(
            server=_Section(public_baseurl="https://test/", custom_template_directory=None, server_name="test"),
            email=_Section(email_app_name="Matrix"),
            registration=_Section(allowed_local_3pids=[]),
        )

    def get_reactor(self) -> Any:
        """Time that a test moves."""
        return self.clock

    def get_clock(self) -> Clock:
        """A clock of that time."""
        return Clock(self.clock)


@pytest.fixture
def hs() -> FakeHomeServer:
    """A home server."""
    return FakeHomeServer()


@pytest.fixture
def peer(hs: FakeHomeServer) -> FakePeer:
    """The server behind it."""
    return hs.peer


@pytest.fixture
def api(hs: FakeHomeServer) -> Any:
    """The module API of it."""
    from synapse.module_api import ModuleApi

    return ModuleApi(hs)


def result_of(awaitable: Any) -> Any:
    """The result of something that needs no waiting, or its exception."""
    deferred = awaitable if isinstance(awaitable, defer.Deferred) else defer.ensureDeferred(awaitable)
    results: List[Any] = []
    deferred.addBoth(results.append)
    assert results, "it waits for something"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


@pytest.fixture(scope="session")
def on_reactor() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Calls a function in the reactor's thread and gives the result of what it returns."""
    from twisted.internet import reactor, threads

    running = threading.Event()
    reactor.callWhenRunning(running.set)  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: reactor.run(installSignalHandlers=False), daemon=True)  # type: ignore
    thread.start()
    assert running.wait(10)

    def call(function: Callable[[], Any]) -> Any:
        def start() -> "defer.Deferred[Any]":
            result = function()
            return defer.ensureDeferred(result) if hasattr(result, "__await__") else defer.succeed(result)

        return threads.blockingCallFromThread(reactor, start)

    yield call
    reactor.callFromThread(reactor.stop)  # type: ignore[attr-defined]
    thread.join(10)
