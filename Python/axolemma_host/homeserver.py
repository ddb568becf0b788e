"""What stands for upstream's `HomeServer`: the object behind `ModuleApi`, and the parts modules reach through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, TypeVar

from axolemma_host.background import Background
from axolemma_host.config_view import ConfigView
from axolemma_host.missing import Limited
from synapse.events._event import set_own_server

if TYPE_CHECKING:
    from axolemma_host import handlers
    from axolemma_host.mail import SendEmailHandler
    from axolemma_host.stores import MainStore
    from axolemma_host.task_scheduler import TaskScheduler

T = TypeVar("T")

#: Parts of upstream's server that have no counterpart here. Modules keep hold of them in their constructors, often for
#: something that is seldom done: that is then what fails, not the start.
_ABSENT = frozenset(
    "get_%s" % (part,)
    for part in """account_handler account_validity_handler admin_handler appservice_handler device_handler
        e2e_keys_handler event_auth_handler event_builder_factory event_client_serializer event_sources
        federation_client federation_handler federation_sender federation_server identity_handler
        initial_sync_handler keyring macaroon_generator message_handler notifier oidc_handler pagination_handler
        password_auth_provider password_policy_handler presence_handler push_rules_handler pusherpool
        receipts_handler relations_handler replication_streamer room_context_handler room_list_handler
        room_shutdown_handler room_summary_handler search_handler server_notices_sender
        set_password_handler spam_checker sso_handler state_handler state_resolution_handler stats_handler
        sync_handler third_party_event_rules typing_handler ui_auth_handler user_directory_handler""".split()
)


class Databases(Limited):
    """What `get_datastores()` gives."""

    known_as = "set of data stores"

    def __init__(self, hs: "HomeServer") -> None:
        from axolemma_host.database import make_database_pool
        from axolemma_host.stores import MainStore

        pool = make_database_pool(hs.server, hs.get_reactor(), hs)
        self.databases = [pool]
        self.main: MainStore = MainStore(hs, pool)


class HomeServer(Limited):
    """The server, as its modules see it. Parts are made when they are first asked for."""

    known_as = "HomeServer object"

    def __init__(self, server: Dict[str, Any], peer: Any, registrations: Any, reactor: Any) -> None:
        self.server = server
        #: The connection to the server.
        self.peer = peer
        self.registrations = registrations
        self._reactor = reactor
        self.hostname: str = server["server_name"]
        set_own_server(self.hostname)
        self.config = ConfigView(server)
        self.background = Background(reactor)
        self.version_string = "Synapse/%s" % (server.get("version", ""),)
        self._parts: Dict[str, Any] = {}

    def __repr__(self) -> str:
        return "<HomeServer %s>" % (self.hostname,)

    def _part(self, name: str, make: Callable[[], T]) -> T:
        part = self._parts.get(name)
        if part is None:
            part = self._parts[name] = make()
        return part

    def __getattr__(self, name: str) -> Any:
        if name in _ABSENT:
            return lambda: self._absent(name[len("get_") :].replace("_", " "))
        return super().__getattr__(name)

    def _absent(self, part: str) -> Any:
        from axolemma_host.handlers import Handler

        def make() -> Handler:
            handler = Handler(self)
            handler.known_as = "%s, a part of Synapse that Axolemma does not have," % (part,)
            return handler

        return self._part("absent " + part, make)

    # What belongs to this server.

    def is_mine(self, domain_specific_string: Any) -> bool:
        """Whether an identifier object belongs to this server."""
        return getattr(domain_specific_string, "domain", None) == self.hostname

    def is_mine_id(self, user_id: str) -> bool:
        """Whether an identifier belongs to this server."""
        _, colon, domain = user_id.partition(":")
        return bool(colon) and domain == self.hostname

    def is_mine_server_name(self, server_name: str) -> bool:
        """Whether a name is this server's."""
        return server_name == self.hostname

    def get_instance_name(self) -> str:
        """The name of this process: there is one."""
        return "master"

    def get_instance_id(self) -> str:
        """A name of this process, for as long as it runs."""
        return self._part("instance_id", _random_id)

    # Time, data, clients.

    def get_reactor(self) -> Any:
        """Twisted's reactor."""
        return self._reactor

    def get_clock(self) -> Any:
        """The clock."""
        from synapse.util.clock import Clock

        return self._part("clock", lambda: Clock(self._reactor, self.hostname))

    def get_module_api(self) -> Any:
        """The object that every module is given."""
        from synapse.module_api import ModuleApi

        # The second argument is upstream's authentication handler.
        return self._part("module_api", lambda: ModuleApi(self, None))

    def get_datastores(self) -> Databases:
        """The data stores."""
        return self._part("datastores", lambda: Databases(self))

    def get_datastore(self) -> "MainStore":
        """The main store, as it was called before 1.55."""
        return self.get_datastores().main

    def get_storage_controllers(self) -> "handlers.StorageControllers":
        """The stores' fronts."""
        return self._handler("StorageControllers")

    def get_simple_http_client(self) -> Any:
        """An HTTP client."""
        from synapse.http.client import SimpleHttpClient

        return self._part("http_client", lambda: SimpleHttpClient(self))

    def get_proxied_http_client(self) -> Any:
        """An HTTP client; proxies are not used."""
        return self.get_simple_http_client()

    def get_proxied_blocklisted_http_client(self) -> Any:
        """An HTTP client; addresses are not blocked."""
        return self.get_simple_http_client()

    def get_task_scheduler(self) -> "TaskScheduler":
        """The scheduler of tasks."""
        from axolemma_host.task_scheduler import TaskScheduler

        return self._part("task_scheduler", lambda: TaskScheduler(self))

    def get_send_email_handler(self) -> "SendEmailHandler":
        """What sends mail."""
        from axolemma_host.mail import SendEmailHandler

        return self._part("mail", lambda: SendEmailHandler(self))

    # Handlers.

    def _handler(self, name: str) -> Any:
        from axolemma_host import handlers

        return self._part(name, lambda: getattr(handlers, name)(self))

    def get_auth(self) -> "handlers.Auth":
        """Who makes a request."""
        return self._handler("Auth")

    def get_auth_handler(self) -> "handlers.AuthHandler":
        """Passwords and log-ins."""
        return self._handler("AuthHandler")

    def get_room_member_handler(self) -> "handlers.RoomMemberHandler":
        """Memberships."""
        return self._handler("RoomMemberHandler")

    def get_room_creation_handler(self) -> "handlers.RoomCreationHandler":
        """The making of rooms."""
        return self._handler("RoomCreationHandler")

    def get_event_creation_handler(self) -> "handlers.EventCreationHandler":
        """The making of events."""
        return self._handler("EventCreationHandler")

    def get_profile_handler(self) -> "handlers.ProfileHandler":
        """Names and pictures."""
        return self._handler("ProfileHandler")

    def get_deactivate_account_handler(self) -> "handlers.DeactivateAccountHandler":
        """The end of accounts."""
        return self._handler("DeactivateAccountHandler")

    def get_account_data_handler(self) -> "handlers.AccountDataHandler":
        """Account data."""
        return self._handler("AccountDataHandler")

    def get_directory_handler(self) -> "handlers.DirectoryHandler":
        """Aliases."""
        return self._handler("DirectoryHandler")

    def get_registration_handler(self) -> "handlers.RegistrationHandler":
        """The making of accounts."""
        return self._handler("RegistrationHandler")

    def get_server_notices_manager(self) -> "handlers.ServerNoticesManager":
        """Who sends the server's own messages."""
        return self._handler("ServerNoticesManager")

    def get_media_repository(self) -> "handlers.MediaRepository":
        """The media repository, which says that it is not there."""
        return self._handler("MediaRepository")


def _random_id() -> str:
    from synapse.util.stringutils import random_string

    return random_string(5)
