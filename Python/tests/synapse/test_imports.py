"""Everything that modules import is there, and what is not there says so."""

from __future__ import annotations

import importlib

import packaging.version
import pytest

import synapse
import synapse.module_api

#: Packages and names of the contract.
NAMES = {
    "synapse.types": """UserID RoomAlias RoomID EventID JsonDict JsonMapping Requester StateMap MutableStateMap UserInfo
        create_requester get_domain_from_id get_localpart_from_id map_username_to_mxid_localpart ScheduledTask
        TaskStatus StreamKeyType ReadReceipt MultiWriterStreamToken DomainSpecificString UserProfile""",
    "synapse.types.state": "StateFilter",
    "synapse.types.handlers": "ShutdownRoomParams",
    "synapse.api.constants": """EventTypes Membership JoinRules HistoryVisibility GuestAccess RoomCreationPreset
        EventContentFields AccountDataTypes RoomTypes EduTypes ReceiptTypes Direction LoginType UserTypes PresenceState
        ProfileFields""",
    "synapse.api.errors": """Codes InvalidClientCredentialsError RedirectException SynapseError AuthError NotFoundError
        StoreError LoginError MissingClientTokenError InvalidClientTokenError LimitExceededError HttpResponseException
        RequestSendFailed CodeMessageException ShadowBanError UnrecognizedRequestError RedirectException ConfigError
        InvalidRuleException RuleNotFoundException""",
    "synapse.api.room_versions": "RoomVersion RoomVersions KNOWN_ROOM_VERSIONS",
    "synapse.api.presence": "UserPresenceState",
    "synapse.config": "ConfigError",
    "synapse.config._base": "ConfigError Config",
    "synapse.events": "EventBase make_event_from_dict event_from_wire event_from_parts",
    "synapse.events.utils": """format_event_for_client_v2 prune_event strip_event
        copy_and_fixup_power_levels_contents clone_event""",
    "synapse.events.presence_router": "PresenceRouter",
    "synapse.spam_checker_api": "RegistrationBehaviour",
    "synapse.handlers.presence": "UserPresenceState",
    "synapse.http.server": """DirectServeJsonResource DirectServeHtmlResource JsonResource respond_with_json
        respond_with_json_bytes respond_with_html respond_with_html_bytes finish_request set_cors_headers
        set_clickjacking_protection_headers""",
    "synapse.http.servlet": """parse_json_object_from_request parse_json_value_from_request parse_string parse_integer
        parse_boolean parse_strings_from_args assert_params_in_dict RestServlet ResolveRoomIdMixin""",
    "synapse.http.site": "SynapseRequest",
    "synapse.http.client": "SimpleHttpClient BaseHttpClient",
    "synapse.http": "RequestTimedOutError",
    "synapse.logging.context": """run_in_background make_deferred_yieldable defer_to_thread defer_to_threadpool
        PreserveLoggingContext LoggingContext current_context""",
    "synapse.metrics.background_process_metrics": "run_as_background_process",
    "synapse.storage.database": "DatabasePool LoggingTransaction",
    "synapse.storage.engines": "PostgresEngine Sqlite3Engine",
    "synapse.storage.roommember": "ProfileInfo RoomsForUser",
    "synapse.media._base": "FileInfo Responder",
    "synapse.media.media_storage": "ReadableFileWrapper",
    "synapse.media.storage_provider": "StorageProvider",
    "synapse.rest.media.v1._base": "FileInfo Responder",
    "synapse.rest.media.v1.media_storage": "ReadableFileWrapper",
    "synapse.rest.media.v1.storage_provider": "StorageProvider",
    "synapse.util": "Clock Duration",
    "synapse.util.clock": "Clock",
    "synapse.util.duration": "Duration",
    "synapse.util.frozenutils": "unfreeze freeze",
    "synapse.util.stringutils": "random_string assert_valid_client_secret",
    "synapse.util.threepids": "validate_email check_3pid_allowed",
    "synapse.util.metrics": "measure_func Measure",
    "synapse.util.async_helpers": "maybe_awaitable",
    "synapse.util.caches.descriptors": "cached",
    "synapse.server": "HomeServer",
    "synapse.module_api.errors": """Codes InvalidClientCredentialsError RedirectException SynapseError ConfigError
        InvalidRuleException RuleNotFoundException""",
    "synapse.module_api.callbacks.federation": "FederatedEventDeliveryMethod FederationEventDeliveryEvent",
    "synapse.module_api": """errors make_deferred_yieldable parse_json_object_from_request respond_with_html
        run_in_background run_as_background_process cached CachedFunction NOT_SPAM UserID DomainSpecificString
        DatabasePool LoggingTransaction DirectServeHtmlResource DirectServeJsonResource SimpleHttpClient SynapseRequest
        ModuleApi AccountDataManager PublicRoomListManager PRESENCE_ALL_USERS UserPresenceState LoginResponse JsonDict
        JsonMapping EventBase StateMap ProfileInfo RoomAlias RoomID Requester UserInfo UserIpAndAgent UserProfile Absent
        AbsentType RatelimitOverride MediaUploadLimit""",
}

GLOBALS = """defer_to_thread defer_to_threadpool freeze StateFilter create_requester HttpPusher Duration
    CHECK_EVENT_FOR_SPAM_CALLBACK USER_MAY_JOIN_ROOM_CALLBACK CHECK_EVENT_ALLOWED_CALLBACK ON_NEW_EVENT_CALLBACK
    IS_USER_EXPIRED_CALLBACK ON_USER_REGISTRATION_CALLBACK ON_LEGACY_RENEW_CALLBACK CHECK_AUTH_CALLBACK
    CHECK_3PID_AUTH_CALLBACK ON_LOGGED_OUT_CALLBACK GET_USERS_FOR_STATES_CALLBACK GET_INTERESTED_USERS_CALLBACK
    ON_ACCOUNT_DATA_UPDATED_CALLBACK ON_UPDATE_CALLBACK DEFAULT_BATCH_SIZE_CALLBACK MIN_BATCH_SIZE_CALLBACK
    GET_MEDIA_CONFIG_FOR_USER_CALLBACK GET_RATELIMIT_OVERRIDE_FOR_USER_CALLBACK
    ON_EVENT_DELIVERED_OVER_FEDERATION_CALLBACK ADD_EXTRA_FIELDS_TO_UNSIGNED_CLIENT_EVENT_CALLBACK
    SHOULD_DROP_FEDERATED_EVENT_CALLBACK IS_3PID_ALLOWED_CALLBACK ON_LEGACY_ADMIN_REQUEST SynapseError""".split()


@pytest.mark.parametrize("module, names", [(module, names.split()) for module, names in NAMES.items()])
def test_what_modules_import(module, names):
    imported = importlib.import_module(module)
    for name in names:
        assert getattr(imported, name) is not None


def test_the_whole_interface_is_exported():
    assert set(synapse.module_api.__all__) == set(NAMES["synapse.module_api"].split())


@pytest.mark.parametrize("name", GLOBALS)
def test_other_globals_of_the_interface(name):
    if name == "SynapseError":
        assert synapse.module_api.errors.SynapseError is not None
    else:
        assert getattr(synapse.module_api, name) is not None


def test_old_places_have_the_same_classes():
    from synapse.api import presence
    from synapse.handlers.presence import UserPresenceState
    from synapse.media._base import FileInfo
    from synapse.rest.media.v1._base import FileInfo as Old

    assert Old is FileInfo
    assert UserPresenceState is presence.UserPresenceState


def test_the_version_is_that_of_the_interface():
    assert synapse.__version__ == "1.163.2"
    assert packaging.version.parse(synapse.__version__) >= packaging.version.parse("1.46")


def test_a_missing_name_is_named():
    with pytest.raises(ImportError, match=r"module 'synapse.types' has no 'Nonsense': Axolemma offers"):
        from synapse.types import Nonsense  # noqa: F401
    with pytest.raises(AttributeError, match=r"module 'synapse.types' has no 'Nonsense'"):
        _ = importlib.import_module("synapse.types").Nonsense
    with pytest.raises(ImportError, match=r"module 'synapse.util' has no 'nonsense'"):
        from synapse.util import nonsense  # noqa: F401
    assert not hasattr(synapse.types, "Nonsense")
    assert getattr(synapse.module_api, "nonsense", 3) == 3


def test_values_of_the_interface():
    from synapse.events.presence_router import PresenceRouter
    from synapse.module_api.callbacks.federation import FederatedEventDeliveryMethod
    from synapse.spam_checker_api import RegistrationBehaviour

    assert synapse.module_api.NOT_SPAM == "NOT_SPAM"
    assert synapse.module_api.PRESENCE_ALL_USERS == PresenceRouter.ALL_USERS == "ALL"
    assert {one.name: one.value for one in RegistrationBehaviour} == {
        "ALLOW": "allow",
        "SHADOW_BAN": "shadow_ban",
        "DENY": "deny",
    }
    assert [method.value for method in FederatedEventDeliveryMethod] == [
        "/send",
        "/backfill",
        "/get_missing_events",
        "/event",
        "/event_auth",
        "/state",
        "/send_join",
    ]
    limit = synapse.module_api.MediaUploadLimit(5000, 86400000)
    assert (limit.info_uri, limit.can_upgrade) == (None, False)
    with pytest.raises(AttributeError):
        limit.max_bytes = 1
    assert synapse.module_api.RatelimitOverride(0.0, 5).burst_count == 5
    profile = synapse.module_api.ProfileInfo("mxc://a/b", "Alice")
    assert (profile.avatar_url, profile.display_name) == ("mxc://a/b", "Alice")


def test_parts_that_are_not_here_can_be_held_but_not_used():
    from axolemma_host.handlers import RoomMemberHandler as Ours
    from synapse.handlers.admin import ExfiltrationWriter
    from synapse.handlers.pagination import SHUTDOWN_AND_PURGE_ROOM_ACTION_NAME
    from synapse.handlers.room_member import RoomMemberHandler
    from synapse.storage.databases.main.room import RoomStore

    assert RoomMemberHandler is Ours
    assert SHUTDOWN_AND_PURGE_ROOM_ACTION_NAME == "shutdown_and_purge_room"

    class Writer(ExfiltrationWriter):
        def mine(self):
            return 1

    assert Writer("path", user="x").mine() == 1
    with pytest.raises(AttributeError, match="synapse.handlers.admin.ExfiltrationWriter is .* 'write_events'"):
        _ = Writer().write_events
    with pytest.raises(AttributeError, match="RoomStore"):
        _ = RoomStore().get_room
    with pytest.raises(ImportError, match="has no 'Nonsense'"):
        from synapse.storage.databases.main.room import Nonsense  # noqa: F401
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("synapse.handlers.nonsense")


def test_tracing_changes_nothing():
    from synapse.logging.opentracing import log_kv, set_tag, start_active_span, tag_args, trace, trace_with_opname

    @trace_with_opname("name")
    @trace
    @tag_args
    def add(a, b):
        set_tag("a", a)
        log_kv({"b": b})
        with start_active_span("adding") as span:
            assert span is None
            return a + b

    assert add(1, b=2) == 3
