"""Types of the callbacks of the media repository."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Dict, List, Optional

from synapse._missing import missing_names
from synapse.config.repository import MediaUploadLimit

GET_MEDIA_CONFIG_FOR_USER_CALLBACK = Callable[[str], Awaitable[Optional[Dict[str, Any]]]]
IS_USER_ALLOWED_TO_UPLOAD_MEDIA_OF_SIZE_CALLBACK = Callable[[str, int], Awaitable[bool]]
GET_MEDIA_UPLOAD_LIMITS_FOR_USER_CALLBACK = Callable[[str], Awaitable[Optional[List[MediaUploadLimit]]]]
ON_MEDIA_UPLOAD_LIMIT_EXCEEDED_CALLBACK = Callable[[str, MediaUploadLimit, int, int], Awaitable[None]]

__getattr__ = missing_names(__name__)
