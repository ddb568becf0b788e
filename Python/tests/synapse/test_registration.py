"""Registering callbacks."""

from __future__ import annotations

import pytest
from twisted.web.resource import Resource

from synapse.module_api.errors import ConfigError


async def callback(*args):
    """Does nothing."""


FAMILIES = {
    "register_spam_checker_callbacks": """check_event_for_spam should_drop_federated_event user_may_join_room
        user_may_invite federated_user_may_invite user_may_send_3pid_invite user_may_create_room
        user_may_create_room_alias user_may_publish_room user_may_send_state_event check_username_for_spam
        check_registration_for_spam check_media_file_for_spam check_login_for_spam""",
    "register_account_validity_callbacks": """is_user_expired on_user_registration on_user_login on_legacy_send_mail
        on_legacy_renew on_legacy_admin_request""",
    "register_third_party_rules_callbacks": """check_event_allowed on_create_room check_threepid_can_be_invited
        check_visibility_can_be_modified on_new_event check_can_shutdown_room check_can_deactivate_user
        on_profile_update on_user_deactivation_status_changed on_threepid_bind on_add_user_third_party_identifier
        on_remove_user_third_party_identifier""",
    "register_presence_router_callbacks": "get_users_for_states get_interested_users",
    "register_password_auth_provider_callbacks": """check_3pid_auth on_logged_out is_3pid_allowed
        get_username_for_registration get_displayname_for_registration""",
    "register_background_update_controller_callbacks": "on_update default_batch_size min_batch_size",
    "register_account_data_callbacks": "on_account_data_updated",
    "register_media_repository_callbacks": """get_media_config_for_user is_user_allowed_to_upload_media_of_size
        get_media_upload_limits_for_user on_media_upload_limit_exceeded""",
    "register_ratelimit_callbacks": "get_ratelimit_override_for_user",
    "register_add_extra_fields_to_unsigned_client_event_callbacks": "add_field_to_unsigned_callback",
    "register_federation_callbacks": "on_event_delivered_over_federation",
}


@pytest.fixture
def module(hs):
    """Makes a module the one that is being constructed."""

    def construct(item, name):
        hs.registrations.name_item(item, name)
        hs.registrations.current_item = item

    construct(0, "spam.Module")
    return construct


@pytest.mark.parametrize("method, names", [(method, names.split()) for method, names in FAMILIES.items()])
def test_every_callback_can_be_registered(api, peer, module, method, names):
    getattr(api, method)(**dict.fromkeys(names, callback))
    assert peer.registered() == [("spam.Module", name) for name in names]


@pytest.mark.parametrize("method", sorted(FAMILIES))
def test_an_unknown_callback_is_named_with_its_module(api, peer, module, method):
    with pytest.raises(TypeError, match=rf"module spam.Module: {method}\(\) .* 'check_nonsense'"):
        getattr(api, method)(check_nonsense=callback)
    with pytest.raises(TypeError, match="by keyword only"):
        getattr(api, method)(callback)
    assert peer.notes == []


def test_none_means_not_implemented(api, peer, module):
    api.register_spam_checker_callbacks(check_event_for_spam=None, user_may_invite=callback)
    api.register_third_party_rules_callbacks()
    assert peer.registered() == [("spam.Module", "user_may_invite")]


def test_registering_again_appends(api, peer, module):
    api.register_spam_checker_callbacks(user_may_invite=callback)
    api.register_spam_checker_callbacks(user_may_invite=callback)
    assert peer.registered() == [("spam.Module", "user_may_invite")] * 2


@pytest.mark.parametrize("name", ["get_users_for_states", "get_interested_users"])
def test_presence_routers_have_both_callbacks_or_neither(api, peer, module, name):
    with pytest.raises(RuntimeError, match="both"):
        api.register_presence_router_callbacks(**{name: callback})
    api.register_presence_router_callbacks()
    assert peer.notes == []


@pytest.mark.parametrize("name", ["on_legacy_send_mail", "on_legacy_renew", "on_legacy_admin_request"])
def test_legacy_account_validity_callbacks_are_there_once(api, module, name):
    api.register_account_validity_callbacks(**{name: callback})
    with pytest.raises(RuntimeError, match=f"Tried to register {name} twice"):
        api.register_account_validity_callbacks(**{name: callback})


def test_the_first_background_update_controller_wins(api, peer, module, caplog):
    api.register_background_update_controller_callbacks(on_update=callback)
    module(1, "other.Module")
    api.register_background_update_controller_callbacks(on_update=callback, min_batch_size=callback)
    assert peer.registered() == [("spam.Module", "on_update")]
    assert "other.Module" in caplog.text
    assert caplog.records[0].levelname == "WARNING"
    with pytest.raises(TypeError, match="on_update"):
        api.register_background_update_controller_callbacks(min_batch_size=callback)


def test_auth_checkers_go_with_their_fields(api, peer, module):
    checkers = {("m.login.password", ("password",)): callback, ("x.none", ()): callback}
    api.register_password_auth_provider_callbacks(auth_checkers=checkers)
    assert [params["extra"] for _, params in peer.notes] == [
        {"login_type": "m.login.password", "fields": ["password"]},
        {"login_type": "x.none", "fields": []},
    ]
    module(1, "other.Module")
    api.register_password_auth_provider_callbacks(auth_checkers={("m.login.password", ("password",)): callback})


@pytest.mark.parametrize("fields", [(1,), ("a", None), "password"])
def test_fields_of_auth_checkers_are_strings(api, peer, module, fields):
    with pytest.raises(RuntimeError, match="x.type"):
        api.register_password_auth_provider_callbacks(auth_checkers={("x.type", fields): callback})
    assert peer.notes == []


def test_two_checkers_of_one_type_agree_on_fields(api, peer, module):
    api.register_password_auth_provider_callbacks(auth_checkers={("x.type", ("a",)): callback})
    module(1, "other.Module")
    with pytest.raises(RuntimeError, match=r"'x.type'.*spam.Module.*\('a',\).*other.Module.*\('b',\)"):
        api.register_password_auth_provider_callbacks(auth_checkers={("x.type", ("b",)): callback})


@pytest.mark.parametrize(
    "settings",
    [{"matrix_authentication_service": {"enabled": True}}, {"experimental_features": {"msc3861": {"enabled": True}}}],
)
def test_password_providers_need_password_authentication(api, hs, module, settings):
    hs.server["config"].update(settings)
    with pytest.raises(ConfigError):
        api.register_password_auth_provider_callbacks(check_3pid_auth=callback)


def test_web_resources_are_registered_before_the_start_only(api, hs, peer, module):
    api.register_web_resource("/_synapse/client/x", Resource())
    method, params = peer.notes[0]
    assert (method, params["path"], params["item"]) == ("register_web_resource", "/_synapse/client/x", 0)
    hs.registrations.close_web()
    with pytest.raises(RuntimeError, match="Tried to register a web resource from a module after startup"):
        api.register_web_resource("/_synapse/client/y", Resource())


def test_callbacks_registered_later_are_known_by_their_module(api, hs, peer, module):
    hs.registrations.current_item = None
    api.register_spam_checker_callbacks(user_may_invite=callback)
    assert [name for _, name in peer.registered()] == ["user_may_invite"]
    with pytest.raises(TypeError, match="check_nonsense"):
        api.register_spam_checker_callbacks(check_nonsense=callback)
