"""A host process per test."""

from __future__ import annotations

from typing import Iterator

import pytest

from tests.host.server import FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """The server's end of a connection to a host process."""
    fake = FakeServer()
    try:
        yield fake
    finally:
        fake.close()
