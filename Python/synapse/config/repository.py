"""Limits of uploads."""

from __future__ import annotations

from typing import Optional

import attr

from synapse._missing import missing_names


@attr.s(slots=True, frozen=True, auto_attribs=True)
class MediaUploadLimit:
    """How many bytes a user may upload within a time.

    `info_uri` tells the user more; `can_upgrade` says that a higher limit can be had.
    """

    max_bytes: int
    time_period_ms: int
    info_uri: Optional[str] = None
    can_upgrade: bool = False


__getattr__ = missing_names(__name__)
