"""The old place of `synapse.media.storage_provider`."""

from __future__ import annotations

from synapse._missing import missing_names
from synapse.media.storage_provider import FileInfo, Responder, StorageProvider

__all__ = ["FileInfo", "Responder", "StorageProvider"]

__getattr__ = missing_names(__name__)
