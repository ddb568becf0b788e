"""Fixtures of the black-box tests.

Environment:
  AXOLEMMA_BINARY         the server to test (default .build/debug/axolemma)
  AXOLEMMA_TEST_POSTGRES  a PostgreSQL server whose user may create databases; without it only SQLite is tested
  AXOLEMMA_TEST_BASE_URL  a server that runs already, to which the protocol tests are put instead; with
                          AXOLEMMA_TEST_SHARED_SECRET, its registration secret, and AXOLEMMA_TEST_REFERENCE=synapse if it
                          is Synapse. Its rate limits must be lifted and its registration open.
  AXOLEMMA_TEST_SYNAPSE   the Python of an environment with Synapse, which is then started in the place of Axolemma
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Iterator

import pytest
from blackbox import postgres
from blackbox.server import SYNAPSE, Axolemma, Homeserver, LocalServer, new_server

BASE_URL = os.environ.get("AXOLEMMA_TEST_BASE_URL")
REFERENCE = os.environ.get("AXOLEMMA_TEST_REFERENCE") or ("synapse" if SYNAPSE else "")
ENGINES = ["sqlite"] + (["postgresql"] if postgres.available() and not BASE_URL else [])


def pytest_configure(config: pytest.Config) -> None:
    if not (BASE_URL or SYNAPSE) and not os.access(Axolemma.binary(), os.X_OK):
        raise pytest.UsageError(f"there is no server at {Axolemma.binary()}; build it (make build) or set AXOLEMMA_BINARY")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if BASE_URL and item.get_closest_marker("own_server"):
            item.add_marker(pytest.mark.skip(reason="needs a server of its own"))
        differs = item.get_closest_marker("synapse_differs")
        if differs and REFERENCE == "synapse":
            item.add_marker(pytest.mark.xfail(reason=differs.args[0], strict=True))


@pytest.fixture(scope="session", params=ENGINES)
def hs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    """A server that all protocol tests share, once on each database engine."""
    if BASE_URL:
        external = Homeserver(BASE_URL)
        external.secret = os.environ.get("AXOLEMMA_TEST_SHARED_SECRET", "")
        yield external
        return
    server = new_server(tmp_path_factory.mktemp(f"hs-{request.param}"), request.param)
    server.start()
    yield server
    errors = server.log_errors()
    try:
        server.stop()
    finally:
        server.discard()
    assert not errors, "the server logged errors during the tests:\n" + "\n".join(errors[:20])


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each database engine in turn."""
    return request.param


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., LocalServer]]:
    """Makes servers that end with the test: `make_server(engine="sqlite", settings=None)`."""
    servers: list[LocalServer] = []

    def make(engine: str = "sqlite", settings: dict | None = None) -> LocalServer:
        server = new_server(tmp_path / f"server{len(servers)}", engine, settings)
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.discard()


@pytest.fixture
def server(make_server: Callable[..., LocalServer], engine: str) -> LocalServer:
    """A server of its own that runs, on each engine; the test may stop and kill it."""
    started = make_server(engine)
    started.start()
    return started
