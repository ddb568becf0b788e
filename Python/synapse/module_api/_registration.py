"""Registering callbacks."""

from __future__ import annotations

import functools
import inspect
import logging
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, TypeVar

from twisted.web.resource import Resource

from synapse.config._base import ConfigError
from synapse.module_api._types import (
    ADD_EXTRA_FIELDS_TO_UNSIGNED_CLIENT_EVENT_CALLBACK,
    CHECK_3PID_AUTH_CALLBACK,
    CHECK_AUTH_CALLBACK,
    DEFAULT_BATCH_SIZE_CALLBACK,
    GET_DISPLAYNAME_FOR_REGISTRATION_CALLBACK,
    GET_INTERESTED_USERS_CALLBACK,
    GET_USERNAME_FOR_REGISTRATION_CALLBACK,
    GET_USERS_FOR_STATES_CALLBACK,
    IS_3PID_ALLOWED_CALLBACK,
    MIN_BATCH_SIZE_CALLBACK,
    ON_ACCOUNT_DATA_UPDATED_CALLBACK,
    ON_LOGGED_OUT_CALLBACK,
    ON_UPDATE_CALLBACK,
)
from synapse.module_api.callbacks.account_validity_callbacks import (
    IS_USER_EXPIRED_CALLBACK,
    ON_LEGACY_ADMIN_REQUEST,
    ON_LEGACY_RENEW_CALLBACK,
    ON_LEGACY_SEND_MAIL_CALLBACK,
    ON_USER_LOGIN_CALLBACK,
    ON_USER_REGISTRATION_CALLBACK,
)
from synapse.module_api.callbacks.federation import ON_EVENT_DELIVERED_OVER_FEDERATION_CALLBACK
from synapse.module_api.callbacks.media_repository_callbacks import (
    GET_MEDIA_CONFIG_FOR_USER_CALLBACK,
    GET_MEDIA_UPLOAD_LIMITS_FOR_USER_CALLBACK,
    IS_USER_ALLOWED_TO_UPLOAD_MEDIA_OF_SIZE_CALLBACK,
    ON_MEDIA_UPLOAD_LIMIT_EXCEEDED_CALLBACK,
)
from synapse.module_api.callbacks.ratelimit_callbacks import GET_RATELIMIT_OVERRIDE_FOR_USER_CALLBACK
from synapse.module_api.callbacks.spamchecker_callbacks import (
    CHECK_EVENT_FOR_SPAM_CALLBACK,
    CHECK_LOGIN_FOR_SPAM_CALLBACK,
    CHECK_MEDIA_FILE_FOR_SPAM_CALLBACK,
    CHECK_REGISTRATION_FOR_SPAM_CALLBACK,
    CHECK_USERNAME_FOR_SPAM_CALLBACK,
    FEDERATED_USER_MAY_INVITE_CALLBACK,
    SHOULD_DROP_FEDERATED_EVENT_CALLBACK,
    USER_MAY_CREATE_ROOM_ALIAS_CALLBACK,
    USER_MAY_CREATE_ROOM_CALLBACK,
    USER_MAY_INVITE_CALLBACK,
    USER_MAY_JOIN_ROOM_CALLBACK,
    USER_MAY_PUBLISH_ROOM_CALLBACK,
    USER_MAY_SEND_3PID_INVITE_CALLBACK,
    USER_MAY_SEND_STATE_EVENT_CALLBACK,
)
from synapse.module_api.callbacks.third_party_event_rules_callbacks import (
    CHECK_CAN_DEACTIVATE_USER_CALLBACK,
    CHECK_CAN_SHUTDOWN_ROOM_CALLBACK,
    CHECK_EVENT_ALLOWED_CALLBACK,
    CHECK_THREEPID_CAN_BE_INVITED_CALLBACK,
    CHECK_VISIBILITY_CAN_BE_MODIFIED_CALLBACK,
    ON_ADD_USER_THIRD_PARTY_IDENTIFIER_CALLBACK,
    ON_CREATE_ROOM_CALLBACK,
    ON_NEW_EVENT_CALLBACK,
    ON_PROFILE_UPDATE_CALLBACK,
    ON_REMOVE_USER_THIRD_PARTY_IDENTIFIER_CALLBACK,
    ON_THREEPID_BIND_CALLBACK,
    ON_USER_DEACTIVATION_STATUS_CHANGED_CALLBACK,
)

logger = logging.getLogger("synapse.module_api")

F = TypeVar("F", bound=Callable[..., None])


def _registers(function: F) -> F:
    """Makes a registration method name the module and the keyword when it is called wrongly."""
    known = frozenset(inspect.signature(function).parameters) - {"self"}

    @functools.wraps(function)
    def register(self: "Registering", *args: Any, **callbacks: Any) -> None:
        if args:
            raise TypeError(
                "%s%s() takes callbacks by keyword only" % (_for_module(self._module_name()), function.__name__)
            )
        for name in callbacks:
            if name not in known:
                raise TypeError(
                    "%s%s() got an unexpected keyword argument %r: there is no such callback"
                    % (_for_module(self._module_name()), function.__name__, name)
                )
        function(self, **callbacks)

    return register  # type: ignore[return-value]


def _for_module(name: Optional[str]) -> str:
    return "module %s: " % (name,) if name else ""


class Registering:
    """The part of the module API that registers callbacks and web resources."""

    _hs: Any

    def _start_registering(self) -> None:
        self._legacy_callbacks: Dict[str, str] = {}
        self._checker_fields: Dict[str, Tuple[Tuple[str, ...], str]] = {}
        self._update_controller: Optional[str] = None

    def _module_name(self) -> Optional[str]:
        """What the configuration calls the module that is being constructed."""
        registrations = self._hs.registrations
        item = registrations.current_item
        return getattr(registrations, "_modules", {}).get(item) if item is not None else None

    def _register_all(self, callbacks: Mapping[str, Optional[Callable[..., Any]]]) -> None:
        for name, function in callbacks.items():
            if function is not None:
                self._hs.registrations.register(name, function)

    @_registers
    def register_spam_checker_callbacks(
        self,
        *,
        check_event_for_spam: Optional[CHECK_EVENT_FOR_SPAM_CALLBACK] = None,
        should_drop_federated_event: Optional[SHOULD_DROP_FEDERATED_EVENT_CALLBACK] = None,
        user_may_join_room: Optional[USER_MAY_JOIN_ROOM_CALLBACK] = None,
        user_may_invite: Optional[USER_MAY_INVITE_CALLBACK] = None,
        federated_user_may_invite: Optional[FEDERATED_USER_MAY_INVITE_CALLBACK] = None,
        user_may_send_3pid_invite: Optional[USER_MAY_SEND_3PID_INVITE_CALLBACK] = None,
        user_may_create_room: Optional[USER_MAY_CREATE_ROOM_CALLBACK] = None,
        user_may_create_room_alias: Optional[USER_MAY_CREATE_ROOM_ALIAS_CALLBACK] = None,
        user_may_publish_room: Optional[USER_MAY_PUBLISH_ROOM_CALLBACK] = None,
        user_may_send_state_event: Optional[USER_MAY_SEND_STATE_EVENT_CALLBACK] = None,
        check_username_for_spam: Optional[CHECK_USERNAME_FOR_SPAM_CALLBACK] = None,
        check_registration_for_spam: Optional[CHECK_REGISTRATION_FOR_SPAM_CALLBACK] = None,
        check_media_file_for_spam: Optional[CHECK_MEDIA_FILE_FOR_SPAM_CALLBACK] = None,
        check_login_for_spam: Optional[CHECK_LOGIN_FOR_SPAM_CALLBACK] = None,
    ) -> None:
        """Registers callbacks that find spam."""
        callbacks = dict(locals())
        del callbacks["self"]
        self._register_all(callbacks)

    @_registers
    def register_account_validity_callbacks(
        self,
        *,
        is_user_expired: Optional[IS_USER_EXPIRED_CALLBACK] = None,
        on_user_registration: Optional[ON_USER_REGISTRATION_CALLBACK] = None,
        on_user_login: Optional[ON_USER_LOGIN_CALLBACK] = None,
        on_legacy_send_mail: Optional[ON_LEGACY_SEND_MAIL_CALLBACK] = None,
        on_legacy_renew: Optional[ON_LEGACY_RENEW_CALLBACK] = None,
        on_legacy_admin_request: Optional[ON_LEGACY_ADMIN_REQUEST] = None,
    ) -> None:
        """Registers callbacks about accounts that expire. Of each `on_legacy_…` there can only be one."""
        callbacks = dict(locals())
        del callbacks["self"]
        for name, function in callbacks.items():
            if function is not None and name.startswith("on_legacy_"):
                if name in self._legacy_callbacks:
                    raise RuntimeError("Tried to register %s twice" % (name,))
                self._legacy_callbacks[name] = self._module_name() or ""
        self._register_all(callbacks)

    @_registers
    def register_third_party_rules_callbacks(
        self,
        *,
        check_event_allowed: Optional[CHECK_EVENT_ALLOWED_CALLBACK] = None,
        on_create_room: Optional[ON_CREATE_ROOM_CALLBACK] = None,
        check_threepid_can_be_invited: Optional[CHECK_THREEPID_CAN_BE_INVITED_CALLBACK] = None,
        check_visibility_can_be_modified: Optional[CHECK_VISIBILITY_CAN_BE_MODIFIED_CALLBACK] = None,
        on_new_event: Optional[ON_NEW_EVENT_CALLBACK] = None,
        check_can_shutdown_room: Optional[CHECK_CAN_SHUTDOWN_ROOM_CALLBACK] = None,
        check_can_deactivate_user: Optional[CHECK_CAN_DEACTIVATE_USER_CALLBACK] = None,
        on_profile_update: Optional[ON_PROFILE_UPDATE_CALLBACK] = None,
        on_user_deactivation_status_changed: Optional[ON_USER_DEACTIVATION_STATUS_CHANGED_CALLBACK] = None,
        on_threepid_bind: Optional[ON_THREEPID_BIND_CALLBACK] = None,
        on_add_user_third_party_identifier: Optional[ON_ADD_USER_THIRD_PARTY_IDENTIFIER_CALLBACK] = None,
        on_remove_user_third_party_identifier: Optional[ON_REMOVE_USER_THIRD_PARTY_IDENTIFIER_CALLBACK] = None,
    ) -> None:
        """Registers callbacks that judge and follow events, rooms and users."""
        callbacks = dict(locals())
        del callbacks["self"]
        self._register_all(callbacks)

    @_registers
    def register_presence_router_callbacks(
        self,
        *,
        get_users_for_states: Optional[GET_USERS_FOR_STATES_CALLBACK] = None,
        get_interested_users: Optional[GET_INTERESTED_USERS_CALLBACK] = None,
    ) -> None:
        """Registers callbacks that route presence; both or neither."""
        if (get_users_for_states is None) != (get_interested_users is None):
            raise RuntimeError(
                "%sPresenceRouter modules must register neither or both of the paired callbacks:"
                " [get_users_for_states, get_interested_users]" % (_for_module(self._module_name()),)
            )
        self._register_all(
            {"get_users_for_states": get_users_for_states, "get_interested_users": get_interested_users}
        )

    @_registers
    def register_password_auth_provider_callbacks(
        self,
        *,
        check_3pid_auth: Optional[CHECK_3PID_AUTH_CALLBACK] = None,
        on_logged_out: Optional[ON_LOGGED_OUT_CALLBACK] = None,
        auth_checkers: Optional[Mapping[Tuple[str, Tuple[str, ...]], CHECK_AUTH_CALLBACK]] = None,
        is_3pid_allowed: Optional[IS_3PID_ALLOWED_CALLBACK] = None,
        get_username_for_registration: Optional[GET_USERNAME_FOR_REGISTRATION_CALLBACK] = None,
        get_displayname_for_registration: Optional[GET_DISPLAYNAME_FOR_REGISTRATION_CALLBACK] = None,
    ) -> None:
        """Registers callbacks that check credentials and take part in registration."""
        if self._delegates_authentication():
            raise ConfigError(
                "%spassword auth provider callbacks cannot be used when authentication is delegated to another service"
                % (_for_module(self._module_name()),)
            )
        callbacks = dict(locals())
        del callbacks["self"], callbacks["auth_checkers"]
        checkers = self._valid_checkers(auth_checkers or {})
        for (login_type, fields), checker in checkers.items():
            extra = {"login_type": login_type, "fields": list(fields)}
            self._hs.registrations.register("auth_checkers", checker, extra)
        self._register_all(callbacks)

    def _valid_checkers(
        self, checkers: Mapping[Tuple[str, Tuple[str, ...]], CHECK_AUTH_CALLBACK]
    ) -> Dict[Tuple[str, Tuple[str, ...]], CHECK_AUTH_CALLBACK]:
        """The checkers, if no other module wants other fields for one of their login types."""
        module = self._module_name() or "(unknown)"
        valid: Dict[Tuple[str, Tuple[str, ...]], CHECK_AUTH_CALLBACK] = {}
        for (login_type, given), checker in checkers.items():
            if isinstance(given, str) or not all(isinstance(field, str) for field in given):
                raise RuntimeError(
                    "%sa module tried to register support for login type: %s with parameters %s but all parameter"
                    " names must be strings" % (_for_module(self._module_name()), login_type, given)
                )
            fields = tuple(given)
            known = self._checker_fields.get(login_type)
            if known is not None and known[0] != fields:
                raise RuntimeError(
                    "two auth checkers for login type %r want different fields: module %s wants %r, module %s wants %r"
                    % (login_type, known[1], known[0], module, fields)
                )
            self._checker_fields[login_type] = (fields, module)
            valid[(login_type, fields)] = checker
        return valid

    def _delegates_authentication(self) -> bool:
        """Whether another service authenticates this server's users."""
        settings = self._hs.server.get("config") or {}
        service = settings.get("matrix_authentication_service") or {}
        older = (settings.get("experimental_features") or {}).get("msc3861") or {}
        return bool(service.get("enabled") or older.get("enabled"))

    @_registers
    def register_background_update_controller_callbacks(
        self,
        *,
        on_update: Optional[ON_UPDATE_CALLBACK] = None,
        default_batch_size: Optional[DEFAULT_BATCH_SIZE_CALLBACK] = None,
        min_batch_size: Optional[MIN_BATCH_SIZE_CALLBACK] = None,
    ) -> None:
        """Registers callbacks that pace background updates; the first module to do so is the only one."""
        module = self._module_name() or "(unknown)"
        if on_update is None:
            raise TypeError(
                "%sregister_background_update_controller_callbacks() needs on_update"
                % (_for_module(self._module_name()),)
            )
        if self._update_controller is not None:
            logger.warning(
                "Module %s cannot control background updates: module %s does already", module, self._update_controller
            )
            return
        self._update_controller = module
        self._register_all(
            {"on_update": on_update, "default_batch_size": default_batch_size, "min_batch_size": min_batch_size}
        )

    @_registers
    def register_account_data_callbacks(
        self, *, on_account_data_updated: Optional[ON_ACCOUNT_DATA_UPDATED_CALLBACK] = None
    ) -> None:
        """Registers a callback that follows account data."""
        self._register_all({"on_account_data_updated": on_account_data_updated})

    @_registers
    def register_media_repository_callbacks(
        self,
        *,
        get_media_config_for_user: Optional[GET_MEDIA_CONFIG_FOR_USER_CALLBACK] = None,
        is_user_allowed_to_upload_media_of_size: Optional[IS_USER_ALLOWED_TO_UPLOAD_MEDIA_OF_SIZE_CALLBACK] = None,
        get_media_upload_limits_for_user: Optional[GET_MEDIA_UPLOAD_LIMITS_FOR_USER_CALLBACK] = None,
        on_media_upload_limit_exceeded: Optional[ON_MEDIA_UPLOAD_LIMIT_EXCEEDED_CALLBACK] = None,
    ) -> None:
        """Registers callbacks about uploads."""
        callbacks = dict(locals())
        del callbacks["self"]
        self._register_all(callbacks)

    @_registers
    def register_ratelimit_callbacks(
        self, *, get_ratelimit_override_for_user: Optional[GET_RATELIMIT_OVERRIDE_FOR_USER_CALLBACK] = None
    ) -> None:
        """Registers a callback that gives users their own rate limits."""
        self._register_all({"get_ratelimit_override_for_user": get_ratelimit_override_for_user})

    @_registers
    def register_add_extra_fields_to_unsigned_client_event_callbacks(
        self,
        *,
        add_field_to_unsigned_callback: Optional[ADD_EXTRA_FIELDS_TO_UNSIGNED_CLIENT_EVENT_CALLBACK] = None,
    ) -> None:
        """Registers a callback that adds to the `unsigned` that clients see."""
        self._register_all({"add_field_to_unsigned_callback": add_field_to_unsigned_callback})

    @_registers
    def register_federation_callbacks(
        self,
        *,
        on_event_delivered_over_federation: Optional[ON_EVENT_DELIVERED_OVER_FEDERATION_CALLBACK] = None,
    ) -> None:
        """Registers a callback that learns which events reached other servers."""
        self._register_all({"on_event_delivered_over_federation": on_event_delivered_over_federation})

    def register_web_resource(self, path: str, resource: Resource) -> None:
        """Answers requests at a path, which starts with a slash. Only while modules are constructed."""
        self._hs.registrations.register_web_resource(path, resource)
