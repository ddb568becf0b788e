"""People and rooms that most protocol tests begin with."""

from __future__ import annotations

import pytest
from blackbox.client import User
from blackbox.server import Homeserver


@pytest.fixture
def alice(hs: Homeserver) -> User:
    return hs.user("alice")


@pytest.fixture
def bob(hs: Homeserver) -> User:
    return hs.user("bob")


@pytest.fixture
def charlie(hs: Homeserver) -> User:
    return hs.user("charlie")


@pytest.fixture
def room(alice: User, bob: User) -> str:
    """A public room of Alice's that Bob is in."""
    created = alice.create_room(preset="public_chat")
    bob.join(created)
    return created
