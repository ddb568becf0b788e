"""Fixtures for tests of modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
from blackbox.client import User
from blackbox.modules import Puppet, python_path, settings_for_python
from blackbox.server import LocalServer

MakeModuleServer = Callable[..., LocalServer]


@pytest.fixture
def module_server(make_server: Callable[..., LocalServer]) -> MakeModuleServer:
    """Makes a server with modules: `module_server(*entries, engine="sqlite", start=True, path=(), **settings)`."""

    def make(
        *entries: dict, engine: str = "sqlite", start: bool = True, path: tuple[Path, ...] = (), **settings: Any
    ) -> LocalServer:
        server = make_server(engine, settings_for_python(modules=list(entries), **settings))
        server.environment.update(python_path(*path))
        if start:
            server.start()
        return server

    return make


@pytest.fixture
def server(puppet_server: tuple[LocalServer, Puppet]) -> LocalServer:
    """The server that the tests of a file share."""
    return puppet_server[0]


@pytest.fixture
def puppet(puppet_server: tuple[LocalServer, Puppet]) -> Puppet:
    """The module in it, which answers what changes nothing until told otherwise."""
    puppet_server[1].forget()
    return puppet_server[1]


@pytest.fixture
def alice(server: LocalServer) -> User:
    return server.user("alice")


@pytest.fixture
def bob(server: LocalServer) -> User:
    return server.user("bob")


@pytest.fixture
def admin(server: LocalServer) -> User:
    return server.user("admin", admin=True)


@pytest.fixture
def room(alice: User, bob: User) -> str:
    """A public room of Alice's that Bob is in."""
    created = alice.create_room(preset="public_chat")
    bob.join(created)
    return created
