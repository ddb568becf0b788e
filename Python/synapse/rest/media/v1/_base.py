"""The old place of `synapse.media._base`."""

from __future__ import annotations

from synapse._missing import missing_names
from synapse.media._base import FileInfo, Responder, ThumbnailInfo

__all__ = ["FileInfo", "Responder", "ThumbnailInfo"]

__getattr__ = missing_names(__name__)
