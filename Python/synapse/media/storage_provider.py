"""Other places to keep files."""

from __future__ import annotations

import abc
from typing import Optional

from synapse._missing import missing_names
from synapse.media._base import FileInfo, Responder


class StorageProvider(abc.ABC):
    """A second place for files, such as an object store."""

    @abc.abstractmethod
    async def store_file(self, path: str, file_info: FileInfo) -> None:
        """Keeps the file that lies at `path` below the media store."""

    @abc.abstractmethod
    async def fetch(self, path: str, file_info: FileInfo) -> Optional[Responder]:
        """The file, or `None` if it is not here."""


__all__ = ["FileInfo", "Responder", "StorageProvider"]

__getattr__ = missing_names(__name__)
