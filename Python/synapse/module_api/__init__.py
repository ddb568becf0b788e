"""What modules may import and call."""

from __future__ import annotations

import logging
from typing import Any, Callable, Collection, Dict, Optional, Protocol, TypeVar

from twisted.internet import defer

import synapse
from synapse._missing import missing_names
from synapse.api.presence import UserPresenceState
from synapse.config._base import ConfigError
from synapse.config.repository import MediaUploadLimit
from synapse.events import EventBase
from synapse.events.presence_router import PresenceRouter
from synapse.http.client import SimpleHttpClient
from synapse.http.server import DirectServeHtmlResource, DirectServeJsonResource, respond_with_html
from synapse.http.servlet import parse_json_object_from_request
from synapse.http.site import SynapseRequest
from synapse.logging.context import (
    defer_to_thread,
    defer_to_threadpool,
    make_deferred_yieldable,
    run_in_background,
)
from synapse.metrics.background_process_metrics import run_as_background_process as _run_as_background_process
from synapse.module_api import errors
from synapse.module_api._messaging import Messaging, check_actions
from synapse.module_api._registration import Registering
from synapse.module_api._rooms import AccountDataManager, PublicRoomListManager, Rooms
from synapse.module_api._tasks import Tasks
from synapse.module_api._types import *  # noqa: F403
from synapse.module_api._types import PRESENCE_ALL_USERS, LoginResponse, UserIpAndAgent
from synapse.module_api._users import Users
from synapse.module_api.callbacks.account_validity_callbacks import *  # noqa: F403
from synapse.module_api.callbacks.federation import ON_EVENT_DELIVERED_OVER_FEDERATION_CALLBACK
from synapse.module_api.callbacks.media_repository_callbacks import *  # noqa: F403
from synapse.module_api.callbacks.ratelimit_callbacks import (
    GET_RATELIMIT_OVERRIDE_FOR_USER_CALLBACK,
    RatelimitOverride,
)
from synapse.module_api.callbacks.spamchecker_callbacks import *  # noqa: F403
from synapse.module_api.callbacks.spamchecker_callbacks import NOT_SPAM, SpamCheckerModuleApiCallbacks
from synapse.module_api.callbacks.third_party_event_rules_callbacks import *  # noqa: F403
from synapse.push.httppusher import HttpPusher
from synapse.storage.database import DatabasePool, LoggingTransaction
from synapse.storage.roommember import ProfileInfo
from synapse.types import (
    Absent,
    AbsentType,
    DomainSpecificString,
    JsonDict,
    JsonMapping,
    Requester,
    RoomAlias,
    RoomID,
    StateFilter,
    StateMap,
    UserID,
    UserInfo,
    UserProfile,
    create_requester,
)
from synapse.util.caches.descriptors import cached as _cached
from synapse.util.clock import Clock
from synapse.util.duration import Duration
from synapse.util.frozenutils import freeze

__all__ = [
    "errors",
    "make_deferred_yieldable",
    "parse_json_object_from_request",
    "respond_with_html",
    "run_in_background",
    "run_as_background_process",
    "cached",
    "CachedFunction",
    "NOT_SPAM",
    "UserID",
    "DomainSpecificString",
    "DatabasePool",
    "LoggingTransaction",
    "DirectServeHtmlResource",
    "DirectServeJsonResource",
    "SimpleHttpClient",
    "SynapseRequest",
    "ModuleApi",
    "AccountDataManager",
    "PublicRoomListManager",
    "PRESENCE_ALL_USERS",
    "UserPresenceState",
    "LoginResponse",
    "JsonDict",
    "JsonMapping",
    "EventBase",
    "StateMap",
    "ProfileInfo",
    "RoomAlias",
    "RoomID",
    "Requester",
    "UserInfo",
    "UserIpAndAgent",
    "UserProfile",
    "Absent",
    "AbsentType",
    "RatelimitOverride",
    "MediaUploadLimit",
]

_ALSO_IMPORTED = (
    Clock,
    ConfigError,
    Duration,
    GET_RATELIMIT_OVERRIDE_FOR_USER_CALLBACK,
    HttpPusher,
    ON_EVENT_DELIVERED_OVER_FEDERATION_CALLBACK,
    PresenceRouter,
    SpamCheckerModuleApiCallbacks,
    StateFilter,
    check_actions,
    create_requester,
    defer_to_thread,
    defer_to_threadpool,
    freeze,
)
"""Names that `__all__` does not have and modules import all the same."""

logger = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])


class CachedFunction(Protocol):
    """A function whose results are kept."""

    cache: Any
    num_args: Any

    __name__: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result, of the cache if it is there."""

    def invalidate(self, key: Any) -> None:
        """Forgets one result."""

    def invalidate_all(self) -> None:
        """Forgets all results."""

    def prefill(self, key: Any, value: Any) -> None:
        """Says what a result is."""


def cached(
    *, max_entries: int = 1000, num_args: Optional[int] = None, uncached_args: Optional[Collection[str]] = None
) -> Callable[[F], CachedFunction]:
    """A decorator for methods whose results are kept, by their arguments."""
    return _cached(max_entries=max_entries, num_args=num_args, uncached_args=uncached_args)


def run_as_background_process(desc: str, *args: Any, **kwargs: Any) -> "defer.Deferred[Any]":
    """Calls a function beside whatever runs; deprecated, `ModuleApi` has a method of that name."""
    logger.warning("run_as_background_process of synapse.module_api is deprecated: use ModuleApi's method")
    return _run_as_background_process(desc, *args, **kwargs)


class ModuleApi(Registering, Users, Rooms, Messaging, Tasks):
    """What modules may ask of the server. All modules share one object."""

    def __init__(self, hs: Any, *_: Any):
        self._hs = hs
        self._start_registering()
        self.custom_template_dir: Optional[str] = hs.config.server.custom_template_directory
        self._account_data_manager = AccountDataManager(hs)
        self._public_room_list_manager = PublicRoomListManager(hs)

    @property
    def http_client(self) -> SimpleHttpClient:
        """Makes requests to other servers."""
        client: SimpleHttpClient = self._http_client
        return client

    @property
    def public_room_list_manager(self) -> PublicRoomListManager:
        """The server's room directory."""
        return self._public_room_list_manager

    @property
    def account_data_manager(self) -> AccountDataManager:
        """Local users' global account data."""
        return self._account_data_manager

    @property
    def public_baseurl(self) -> str:
        """The address under which clients reach the server; ends with a slash."""
        return self._hs.config.server.public_baseurl

    @property
    def email_app_name(self) -> str:
        """The name under which the server writes mails."""
        return self._hs.config.email.email_app_name

    @property
    def server_name(self) -> str:
        """The server's name."""
        return self._hs.hostname

    @property
    def worker_name(self) -> Optional[str]:
        """`None`: there is one process."""
        return None

    @property
    def worker_app(self) -> Optional[str]:
        """`None`: there is one process."""
        return None

    def __getattr__(self, name: str) -> Any:
        # Not part of the interface, but modules reach for them.
        make = _PRIVATE.get(name)
        if make is None:
            raise AttributeError(
                "ModuleApi has no %r: Axolemma offers the module interface of Synapse %s and the private attributes"
                " that published modules use" % (name, synapse.__version__)
            )
        value = self.__dict__[name] = make(self._hs)
        return value


_PRIVATE: Dict[str, Callable[[Any], Any]] = {
    "_auth": lambda hs: hs.get_auth(),
    "_auth_handler": lambda hs: hs.get_auth_handler(),
    "_clock": lambda hs: hs.get_clock(),
    "_http_client": lambda hs: hs.get_simple_http_client(),
    "_server_name": lambda hs: hs.hostname,
    # Until Synapse 1.9 it was called so, and modules of that age fall back on it.
    "hs": lambda hs: hs,
    "_storage_controllers": lambda hs: hs.get_storage_controllers(),
    "_store": lambda hs: hs.get_datastores().main,
}


__getattr__ = missing_names(__name__)
