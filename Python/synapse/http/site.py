"""The requests that modules' web resources get."""

from __future__ import annotations

import contextlib
import inspect
import itertools
from typing import Any, Generator, Optional, Tuple, Union

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web.server import Request

from synapse._missing import missing_names
from synapse.http import redact_uri
from synapse.types import Requester

_numbers = itertools.count(1)

# Recent versions of Twisted parse forms only for those who want it, and modules find their arguments in `args`.
_PARSING = (
    {"parsePOSTFormSubmission": True}
    if "parsePOSTFormSubmission" in inspect.signature(Request.__init__).parameters
    else {}
)


class SynapseRequest(Request):
    """A request. The server has accepted it and passed it on, so addresses are those the server saw."""

    requester: Optional[Union[Requester, str]]

    def __init__(
        self,
        channel: Any,
        site: Any = None,
        *args: Any,
        request_id: Optional[str] = None,
        client_ip: Optional[str] = None,
        secure: Optional[bool] = None,
        **_: Any,
    ):
        super().__init__(channel, **_PARSING)
        self.synapse_site = site
        self.request_id = request_id or "REQ-%d" % (next(_numbers),)
        self.requester = None
        self.authenticated_entity: Optional[str] = None
        self.render_deferred: Any = None
        self.is_render_cancellable: Optional[bool] = None
        self.start_time = 0.0
        self._client_ip = client_ip
        self._secure = secure

    def __repr__(self) -> str:
        return "<%s at 0x%x method=%r uri=%r>" % (
            type(self).__name__,
            id(self),
            self.get_method(),
            self.get_redacted_uri(),
        )

    @property
    def id(self) -> str:
        """The request's number in the log."""
        return self.get_request_id()

    @property
    def reactor(self) -> Any:
        """The reactor on which the request is answered."""
        from twisted.internet import reactor

        return reactor

    def get_request_id(self) -> str:
        """The request's number in the log."""
        return "%s-%s" % (self.get_method(), self.request_id)

    def get_method(self) -> str:
        """The method as text."""
        method = self.method
        return method.decode("ascii", "replace") if isinstance(method, bytes) else method

    def get_redacted_uri(self) -> str:
        """The address without secrets."""
        uri = self.uri
        return redact_uri(uri.decode("ascii", "replace") if isinstance(uri, bytes) else uri)

    def get_authenticated_entity(self) -> Tuple[Optional[str], Optional[str]]:
        """Who makes the request and, if that is somebody else, on whose behalf."""
        if self.requester is None:
            return None, None
        if isinstance(self.requester, str):
            return self.requester, None
        user_id = self.requester.user.to_string()
        entity = self.requester.authenticated_entity
        return (user_id, None) if entity == user_id else (entity, user_id)

    def isSecure(self) -> bool:
        """Whether the client's connection is encrypted."""
        return self._secure if self._secure is not None else bool(super().isSecure())

    def get_client_ip_if_available(self) -> str:
        """The client's address, or something that says there is none."""
        if self._client_ip:
            return self._client_ip
        return getattr(self.getClientAddress(), "host", None) or "unknown"

    def getClientAddress(self) -> IAddress:
        """The client's address."""
        ip = self._client_ip
        if not ip:
            return super().getClientAddress()
        return IPv6Address("TCP", ip, 0) if ":" in ip else IPv4Address("TCP", ip, 0)

    def getClientIP(self) -> Optional[str]:
        """The client's address as text."""
        return self._client_ip or super().getClientIP()

    @contextlib.contextmanager
    def processing(self) -> Generator[None, None, None]:
        """Surrounds the handling of the request."""
        yield

    def connectionLost(self, reason: Union[Failure, Exception]) -> None:
        """The client hung up."""
        super().connectionLost(reason)
        if self.render_deferred is not None and self.is_render_cancellable:
            self.render_deferred.cancel()


__getattr__ = missing_names(__name__)
