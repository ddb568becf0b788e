"""Reading files."""

from __future__ import annotations

import inspect
from typing import IO, Any, Callable

from twisted.internet import defer
from twisted.protocols.basic import FileSender

from synapse._missing import missing_names
from synapse.api.errors import SynapseError
from synapse.media._base import FileInfo, Responder

_CHUNK = 16 * 1024


class SpamMediaException(SynapseError):
    """A module refused a file."""


class FileResponder(Responder):
    """Sends an open file."""

    def __init__(self, *args: Any):
        self.open_file: IO = args[-1]

    def write_to_consumer(self, consumer: Any) -> "defer.Deferred[Any]":
        """Writes the file to a Twisted consumer; done when all is written."""
        return FileSender().beginFileTransfer(self.open_file, consumer)

    def __exit__(self, *_: Any) -> None:
        self.open_file.close()


class ReadableFileWrapper:
    """A file that a module is to check. `path` is where it lies."""

    CHUNK_SIZE = _CHUNK

    def __init__(self, clock: Any, path: str):
        self.clock = clock
        self.path = path

    async def write_chunks_to(self, callback: Callable[[bytes], object]) -> None:
        """Calls `callback` with one piece of the file after the other."""
        with open(self.path, "rb") as file:
            while True:
                chunk = file.read(self.CHUNK_SIZE)
                if not chunk:
                    break
                result = callback(chunk)
                if inspect.isawaitable(result):
                    await result
                await _let_others_run(self.clock)


def _let_others_run(clock: Any) -> "defer.Deferred[None]":
    """Waits for the reactor's next turn, if `clock` is a reactor or has one."""
    reactor = clock if hasattr(clock, "callLater") else getattr(clock, "_reactor", None)
    done: "defer.Deferred[None]" = defer.Deferred()
    if reactor is None:
        done.callback(None)
    else:
        reactor.callLater(0, done.callback, None)
    return done


__all__ = ["FileInfo", "FileResponder", "ReadableFileWrapper", "Responder", "SpamMediaException"]

__getattr__ = missing_names(__name__)
