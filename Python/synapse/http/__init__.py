"""HTTP: requests to modules' resources, and requests that modules make."""

from __future__ import annotations

import re
from typing import Any

from synapse._missing import missing_names
from synapse.api.errors import SynapseError

ACCESS_TOKEN_RE = re.compile(r"(\?.*access(_|%5[Ff])token=)[^&]*(.*)$")
CLIENT_SECRET_RE = re.compile(r"(\?.*client(_|%5[Ff])secret=)[^&]*(.*)$")


class RequestTimedOutError(SynapseError):
    """Another server took too long to answer."""

    def __init__(self, msg: str):
        super().__init__(504, msg)


def redact_uri(uri: str) -> str:
    """The address without the secrets in its query."""
    uri = ACCESS_TOKEN_RE.sub(r"\1<redacted>\3", uri)
    return CLIENT_SECRET_RE.sub(r"\1<redacted>\3", uri)


def get_request_user_agent(request: Any, default: str = "") -> str:
    """The client's name as it gives it."""
    header = request.getHeader(b"User-Agent")
    return header.decode("ascii", "replace") if header else default


def get_request_uri(request: Any) -> bytes:
    """The whole address of a request."""
    scheme = b"https://" if request.isSecure() else b"http://"
    return scheme + (request.requestHeaders.getRawHeaders(b"host") or [b""])[0] + request.uri


__getattr__ = missing_names(__name__)
