"""The type of pushers; the server runs them."""

from __future__ import annotations

from typing import Any

from synapse._missing import missing_names


class HttpPusher:
    """Only a type: pushers live in the server, and `send_http_push_notification` reaches them."""

    def __init__(self, *_: Any, **__: Any):
        raise RuntimeError("Pushers live in the server; use ModuleApi.send_http_push_notification")


__getattr__ = missing_names(__name__)
