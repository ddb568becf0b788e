"""The known keys of each section of the configuration, with upstream's names and defaults."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.config._base import Config
from synapse.config.ratelimiting import RatelimitSettings

Options = Dict[str, Any]

_duration = Config.parse_duration
_size = Config.parse_size


def _section(options: Options, name: str) -> Options:
    found = options.get(name)
    return found if isinstance(found, dict) else {}


def _server(options: Options, server: Options) -> Options:
    version = str(server.get("default_room_version") or options.get("default_room_version") or "12")
    presence = _section(options, "presence")
    avatar_size = options.get("max_avatar_size")
    base = server.get("public_baseurl") or options.get("public_baseurl")
    return {
        "server_name": server["server_name"],
        "public_baseurl": base if base is None or base.endswith("/") else base + "/",
        "default_room_version": KNOWN_ROOM_VERSIONS[version],
        "custom_template_directory": server.get("custom_template_directory"),
        "admin_contact": options.get("admin_contact"),
        "presence_enabled": bool(presence.get("enabled", options.get("use_presence", True))),
        "use_presence": bool(presence.get("enabled", options.get("use_presence", True))),
        "max_avatar_size": None if avatar_size is None else _size(avatar_size),
        "allowed_avatar_mimetypes": options.get("allowed_avatar_mimetypes"),
        "require_auth_for_profile_requests": options.get("require_auth_for_profile_requests", False),
        "allow_public_rooms_without_auth": options.get("allow_public_rooms_without_auth", False),
        "allow_public_rooms_over_federation": options.get("allow_public_rooms_over_federation", False),
        "block_non_admin_invites": options.get("block_non_admin_invites", False),
        "filter_timeline_limit": options.get("filter_timeline_limit", 100),
        "limit_usage_by_mau": options.get("limit_usage_by_mau", False),
        "max_mau_value": options.get("max_mau_value", 0),
        "hs_disabled": options.get("hs_disabled", False),
        "hs_disabled_message": options.get("hs_disabled_message", ""),
        "listeners": options.get("listeners") or [],
        "request_token_inhibit_3pid_errors": options.get("request_token_inhibit_3pid_errors", False),
    }


def _email(options: Options, server: Options) -> Options:
    email = server.get("email") or _section(options, "email")
    force_tls = bool(email.get("force_tls", False))
    host = email.get("smtp_host", "localhost")
    password = email.get("smtp_pass")
    path = email.get("smtp_pass_path")
    if password is None and path:
        with open(path, encoding="utf-8") as file:
            password = file.read().strip()
    return {
        "email_enable_notifs": bool(email.get("enable_notifs", False)),
        "email_app_name": server.get("app_name") or email.get("app_name", "Matrix"),
        "email_notif_from": email.get("notif_from"),
        "email_smtp_host": host,
        "email_smtp_port": int(email.get("smtp_port", 465 if force_tls else 25)),
        "email_smtp_user": email.get("smtp_user"),
        "email_smtp_pass": password,
        "require_transport_security": bool(email.get("require_transport_security", False)),
        "force_tls": force_tls,
        "enable_smtp_tls": bool(email.get("enable_tls", True)),
        "email_tlsname": email.get("tlsname", host),
        "email_riot_base_url": email.get("client_base_url", email.get("riot_base_url")),
        "email_validation_token_lifetime": _duration(email.get("validation_token_lifetime", "1h")),
        "can_verify_email": bool(email),
    }


def _media(options: Options, server: Options) -> Options:
    retention = _section(options, "media_retention")

    def lifetime(name: str) -> Any:
        return None if retention.get(name) is None else _duration(retention[name])

    return {
        "enable_media_repo": options.get("enable_media_repo", True),
        "can_load_media_repo": options.get("enable_media_repo", True),
        "media_store_path": options.get("media_store_path", "media_store"),
        "max_upload_size": _size(options.get("max_upload_size", "50M")),
        "max_image_pixels": _size(options.get("max_image_pixels", "32M")),
        "max_spider_size": _size(options.get("max_spider_size", "10M")),
        "dynamic_thumbnails": options.get("dynamic_thumbnails", False),
        "url_preview_enabled": options.get("url_preview_enabled", False),
        "media_storage_providers": options.get("media_storage_providers") or [],
        "media_upload_limits": options.get("media_upload_limits") or [],
        "enable_authenticated_media": options.get("enable_authenticated_media", True),
        "prevent_media_downloads_from": options.get("prevent_media_downloads_from") or [],
        "media_retention_local_media_lifetime_ms": lifetime("local_media_lifetime"),
        "media_retention_remote_media_lifetime_ms": lifetime("remote_media_lifetime"),
    }


class Writers:
    """Which process writes what: there is one."""

    def __getattr__(self, name: str) -> List[str]:
        if name.startswith("__"):
            raise AttributeError(name)
        return ["master"]


def _worker(options: Options, server: Options) -> Options:
    return {
        "worker_app": None,
        "worker_name": None,
        "instance_name": "master",
        "instance_map": {},
        "run_background_tasks": True,
        "start_pushers": True,
        "should_notify_appservices": True,
        "should_update_user_directory": True,
        "writers": Writers(),
    }


def _registration(options: Options, server: Options) -> Options:
    lifetime = options.get("session_lifetime")
    return {
        "enable_registration": options.get("enable_registration", False),
        "enable_registration_without_verification": options.get("enable_registration_without_verification", False),
        "registration_requires_token": options.get("registration_requires_token", False),
        "registration_shared_secret": options.get("registration_shared_secret"),
        "registrations_require_3pid": options.get("registrations_require_3pid") or [],
        "allowed_local_3pids": options.get("allowed_local_3pids") or [],
        "enable_3pid_lookup": options.get("enable_3pid_lookup", True),
        "enable_3pid_changes": options.get("enable_3pid_changes", True),
        "enable_set_displayname": options.get("enable_set_displayname", True),
        "enable_set_avatar_url": options.get("enable_set_avatar_url", True),
        "disable_msisdn_registration": options.get("disable_msisdn_registration", False),
        "default_identity_server": options.get("default_identity_server"),
        "allow_guest_access": options.get("allow_guest_access", False),
        "auto_join_rooms": options.get("auto_join_rooms") or [],
        "autocreate_auto_join_rooms": options.get("autocreate_auto_join_rooms", True),
        "auto_join_rooms_for_guests": options.get("auto_join_rooms_for_guests", True),
        "auto_join_mxid_localpart": options.get("auto_join_mxid_localpart"),
        "bcrypt_rounds": options.get("bcrypt_rounds", 12),
        "inhibit_user_in_use_error": options.get("inhibit_user_in_use_error", False),
        "session_lifetime": None if lifetime is None else _duration(lifetime),
    }


def _server_notices(options: Options, server: Options) -> Options:
    notices = _section(options, "server_notices")
    localpart = notices.get("system_mxid_localpart")
    return {
        "server_notices_mxid": "@%s:%s" % (localpart, server["server_name"]) if localpart else None,
        "server_notices_mxid_display_name": notices.get("system_mxid_display_name"),
        "server_notices_mxid_avatar_url": notices.get("system_mxid_avatar_url"),
        "server_notices_room_name": notices.get("room_name", "Server Notices"),
        "server_notices_room_avatar_url": notices.get("room_avatar_url"),
        "server_notices_room_topic": notices.get("room_topic"),
        "server_notices_auto_join": notices.get("auto_join", False),
    }


def _database(options: Options, server: Options) -> Options:
    """The database as modules see it: their own tables first, then views of the server's."""
    from axolemma_host.config_view import DatabaseConnectionConfig

    database = server.get("database") or {}
    if database.get("engine") == "postgresql":
        path = ",".join(database.get("search_path") or ("modules", "synapse_compat"))
        config = {
            "name": "psycopg2",
            "args": {"dsn": database["dsn"], "options": "-c search_path=%s" % (path,), "cp_min": 1, "cp_max": 5},
        }
    else:
        config = {"name": "sqlite3", "args": {"database": database.get("modules")}}
    master = DatabaseConnectionConfig("master", config, ["main", "state"])
    return {"databases": [master], "get_single_database": lambda: master}


def _auth(options: Options, server: Options) -> Options:
    password = _section(options, "password_config")
    enabled = password.get("enabled", True)
    return {
        "password_enabled_for_login": bool(enabled) and enabled != "only_for_reauth",
        "password_enabled_for_reauth": bool(enabled),
        "password_enabled": bool(enabled),
        "password_localdb_enabled": bool(password.get("localdb_enabled", True)),
        "password_pepper": password.get("pepper", ""),
        "password_policy": password.get("policy") or {},
        "password_policy_enabled": bool((password.get("policy") or {}).get("enabled", False)),
    }


def _key(options: Options, server: Options) -> Options:
    return {
        "macaroon_secret_key": options.get("macaroon_secret_key"),
        "form_secret": options.get("form_secret"),
        "trusted_key_servers": options.get("trusted_key_servers") or [],
    }


def _federation(options: Options, server: Options) -> Options:
    whitelist = options.get("federation_domain_whitelist")
    return {
        "federation_domain_whitelist": None if whitelist is None else dict.fromkeys(whitelist, True),
        "allow_profile_lookup_over_federation": options.get("allow_profile_lookup_over_federation", True),
        "allow_device_name_lookup_over_federation": options.get("allow_device_name_lookup_over_federation", False),
    }


def _user_directory(options: Options, server: Options) -> Options:
    directory = _section(options, "user_directory")
    return {
        "user_directory_search_enabled": directory.get("enabled", True),
        "user_directory_search_all_users": directory.get("search_all_users", False),
        "user_directory_search_prefer_local_users": directory.get("prefer_local_users", False),
    }


def _room(options: Options, server: Options) -> Options:
    return {"encryption_enabled_by_default_for_room_type": options.get("encryption_enabled_by_default_for_room_type")}


def _account_validity(options: Options, server: Options) -> Options:
    validity = _section(options, "account_validity")
    period = validity.get("period")
    return {
        "account_validity_enabled": bool(validity.get("enabled", False)),
        "account_validity_period": None if period is None else _duration(period),
    }


def _modules(options: Options, server: Options) -> Options:
    return {"loaded_modules": []}


def _appservice(options: Options, server: Options) -> Options:
    return {"app_service_config_files": options.get("app_service_config_files") or []}


def _voip(options: Options, server: Options) -> Options:
    return {
        "turn_uris": options.get("turn_uris") or [],
        "turn_shared_secret": options.get("turn_shared_secret"),
        "turn_user_lifetime": _duration(options.get("turn_user_lifetime", "1h")),
        "turn_allow_guests": options.get("turn_allow_guests", True),
    }


def _plain(options: Options, server: Options) -> Options:
    """A section of which no key is known apart from the file's options."""
    return {}


#: Limits by their names in the code: where they are in the file, and what holds where they are not.
_LIMITS = {
    "rc_message": ("rc_message", 0.2, 10),
    "rc_registration": ("rc_registration", 0.17, 3),
    "rc_login_address": ("rc_login.address", 0.003, 5),
    "rc_login_account": ("rc_login.account", 0.003, 5),
    "rc_login_failed_attempts": ("rc_login.failed_attempts", 0.17, 3),
    "rc_joins_local": ("rc_joins.local", 0.1, 10),
    "rc_joins_remote": ("rc_joins.remote", 0.01, 10),
    "rc_joins_per_room": ("rc_joins_per_room", 1, 10),
    "rc_3pid_validation": ("rc_3pid_validation", 0.003, 5),
    "rc_invites_per_room": ("rc_invites.per_room", 0.3, 10),
    "rc_invites_per_user": ("rc_invites.per_user", 0.003, 5),
    "rc_invites_per_issuer": ("rc_invites.per_issuer", 0.3, 10),
}


def _ratelimiting(options: Options, server: Options) -> Options:
    return {
        name: RatelimitSettings.parse(options, path, {"per_second": rate, "burst_count": burst})
        for name, (path, rate, burst) in _LIMITS.items()
    }


def _redis(options: Options, server: Options) -> Options:
    return {"redis_enabled": False}


SECTIONS: Dict[str, Callable[[Options, Options], Options]] = {
    "account_validity": _account_validity,
    "api": _plain,
    "appservice": _appservice,
    "auth": _auth,
    "captcha": _plain,
    "consent": _plain,
    "database": _database,
    "email": _email,
    "experimental": _plain,
    "federation": _federation,
    "key": _key,
    "logging": _plain,
    "media": _media,
    "metrics": _plain,
    "modules": _modules,
    "push": _plain,
    "ratelimiting": _ratelimiting,
    "redis": _redis,
    "registration": _registration,
    "retention": _plain,
    "room": _room,
    "roomdirectory": _plain,
    "server": _server,
    "servernotices": _server_notices,
    "sso": _plain,
    "stats": _plain,
    "userdirectory": _user_directory,
    "voip": _voip,
    "worker": _worker,
}
