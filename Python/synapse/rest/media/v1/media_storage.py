"""The old place of `synapse.media.media_storage`."""

from __future__ import annotations

from synapse._missing import missing_names
from synapse.media.media_storage import FileResponder, ReadableFileWrapper, SpamMediaException

__all__ = ["FileResponder", "ReadableFileWrapper", "SpamMediaException"]

__getattr__ = missing_names(__name__)
