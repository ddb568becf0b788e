"""What a file is, and how it is sent."""

from __future__ import annotations

import abc
from types import TracebackType
from typing import Any, Awaitable, Optional, Type

import attr

from synapse._missing import missing_names


@attr.s(slots=True, frozen=True, auto_attribs=True)
class ThumbnailInfo:
    """Which thumbnail of a file."""

    width: int
    height: int
    method: str
    type: str
    length: int


@attr.s(slots=True, frozen=True, auto_attribs=True)
class FileInfo:
    """Which file. `server_name` is `None` for a local one, `thumbnail` for the file itself."""

    server_name: Optional[str]
    file_id: str
    url_cache: bool = False
    thumbnail: Optional[ThumbnailInfo] = None

    @property
    def thumbnail_width(self) -> Optional[int]:
        """The thumbnail's width."""
        return self.thumbnail.width if self.thumbnail else None

    @property
    def thumbnail_height(self) -> Optional[int]:
        """The thumbnail's height."""
        return self.thumbnail.height if self.thumbnail else None

    @property
    def thumbnail_method(self) -> Optional[str]:
        """How the thumbnail was cut."""
        return self.thumbnail.method if self.thumbnail else None

    @property
    def thumbnail_type(self) -> Optional[str]:
        """The thumbnail's content type."""
        return self.thumbnail.type if self.thumbnail else None

    @property
    def thumbnail_length(self) -> Optional[int]:
        """The thumbnail's size in bytes."""
        return self.thumbnail.length if self.thumbnail else None


class Responder(abc.ABC):
    """Writes a file to somebody, within a `with` block."""

    @abc.abstractmethod
    def write_to_consumer(self, consumer: Any) -> Awaitable[Any]:
        """Writes the file to a Twisted consumer; done when all is written."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_val: Optional[BaseException],
        exc_tb: Optional[TracebackType],
    ) -> Optional[bool]:
        return None


__getattr__ = missing_names(__name__)
