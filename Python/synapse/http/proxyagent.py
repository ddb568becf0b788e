"""The agent that Synapse makes requests with; here Twisted's own, which asks no proxy."""

from __future__ import annotations

from typing import Any, Optional

from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.iweb import IAgent, IBodyProducer, IPolicyForHTTPS
from zope.interface import implementer

from synapse._missing import missing_names


@implementer(IAgent)
class ProxyAgent:
    """Makes requests. What Synapse's takes about proxies is accepted and changes nothing."""

    def __init__(
        self,
        reactor: Any = None,
        proxy_reactor: Any = None,
        contextFactory: Optional[IPolicyForHTTPS] = None,
        connectTimeout: Optional[float] = None,
        bindAddress: Optional[bytes] = None,
        pool: Optional[HTTPConnectionPool] = None,
        **proxies: Any,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor as global_reactor

            reactor = global_reactor
        policy = contextFactory or BrowserLikePolicyForHTTPS()
        self._agent = Agent(reactor, policy, connectTimeout, bindAddress, pool)

    def request(
        self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Optional[IBodyProducer] = None
    ) -> Any:
        """Makes a request; gives a Deferred of the response."""
        return self._agent.request(method, uri, headers, bodyProducer)


__getattr__ = missing_names(__name__)
