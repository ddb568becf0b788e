"""Modules that the host's tests load."""

from __future__ import annotations

import logging
from typing import Any

from twisted.internet import defer, reactor
from twisted.internet.defer import Deferred

from synapse.api.errors import Codes, RedirectException, SynapseError
from synapse.config import ConfigError

logger = logging.getLogger("host_modules.said")

NOT_SPAM = "NOT_SPAM"


class Nothing:
    """Registers nothing; its configuration is what it was given."""

    def __init__(self, config: Any, api: Any) -> None:
        self.config = config

    def __repr__(self) -> str:
        return f"<Nothing {self.config!r}>"


class Parsed(Nothing):
    """Answers None for its configuration when asked to."""

    @staticmethod
    def parse_config(config: Any) -> Any:
        if config.get("none"):
            return None
        return ("parsed", config)


class BadConfig(Nothing):
    """Refuses its configuration in the way it says."""

    @staticmethod
    def parse_config(config: Any) -> Any:
        how = config["how"]
        if how == "config":
            raise ConfigError("bad thing", ("inner", "key"))
        if how == "config without path":
            raise ConfigError("bad thing")
        if how == "schema":
            import jsonschema

            jsonschema.validate(config, {"properties": {"list": {"items": {"type": "string"}}}})
        if how == "exit":
            raise SystemExit(3)
        raise ValueError("no good value")


class RaisesInConstructor:
    def __init__(self, config: Any, api: Any) -> None:
        if config.get("config_error"):
            raise ConfigError("not like this", ("a", "b"))
        raise RuntimeError("cannot be made")


class Spam:
    """Answers with whatever ``answers`` says for the body of the message."""

    answers = {
        "NOT_SPAM": NOT_SPAM,
        "true": True,
        "false": False,
        "none": None,
        "int": 5,
        "string": "ANY OTHER STRING",
        "codes": Codes.LIMIT_EXCEEDED,
        "pair": (Codes.SERVER_NOT_TRUSTED, {"additional_field": "12345", "error": "mine"}),
        "bad pair": ("M_FORBIDDEN", {}),
        "triple": (Codes.FORBIDDEN, {}, 1),
        "list": [Codes.FORBIDDEN, {}],
    }

    def __init__(self, config: Any, api: Any) -> None:
        self.api = api
        api.register_spam_checker_callbacks(
            check_event_for_spam=self.check_event,
            user_may_join_room=self.user_may_join,
            user_may_send_state_event=self.user_may_send_state,
            check_login_for_spam=self.check_login,
            user_may_create_room=self.user_may_create_room,
            user_may_create_room_alias=self.user_may_create_alias,
            check_username_for_spam=self.check_username,
            should_drop_federated_event=self.should_drop,
            check_registration_for_spam=self.check_registration,
        )

    async def check_event(self, event: Any) -> Any:
        body = event.content["body"]
        if body == "synapse error":
            raise SynapseError(418, "x", "M_TEAPOT", {"more": 1}, {"Retry-After": "5"})
        if body == "redirect":
            error = RedirectException(b"https://elsewhere/", 303)
            error.cookies.append(b"a=b")
            raise error
        if body == "runtime error":
            raise RuntimeError("broken module")
        if body == "exit":
            raise SystemExit(1)
        return self.answers[body]

    async def user_may_join(self, user: str, room: str, is_invited: bool) -> Any:
        return self.answers[room]

    async def user_may_send_state(self, user: str, room: str, event_type: str, state_key: str, content: Any) -> Any:
        return self.answers[room]

    async def check_login(self, user_id: str, device: Any, name: Any, request_info: Any, provider: Any = None) -> Any:
        assert all(isinstance(pair, tuple) for pair in request_info)
        return self.answers[user_id]

    async def user_may_create_room(self, user_id: str) -> Any:
        return NOT_SPAM

    async def user_may_create_alias(self, user_id: str, alias: Any) -> Any:
        return NOT_SPAM if alias.to_string() == "#a:test" and alias.localpart == "a" else Codes.FORBIDDEN

    async def check_username(self, profile: Any, requester_id: str) -> bool:
        return profile["user_id"] == requester_id

    async def should_drop(self, event: Any) -> Any:
        return event.content.get("drop")

    async def check_registration(self, threepid: Any, username: Any, request_info: Any, provider: Any) -> Any:
        from synapse.spam_checker_api import RegistrationBehaviour

        if username == "bool":
            return True
        return RegistrationBehaviour(username)


class NastyError(SynapseError):
    def error_dict(self, config: Any) -> Any:
        body = super().error_dict(config)
        body["nasty"] = "very"
        return body


class Rules:
    def __init__(self, config: Any, api: Any) -> None:
        self.api = api
        self.kept = []
        api.register_third_party_rules_callbacks(
            check_event_allowed=self.check_event_allowed,
            on_create_room=self.on_create_room,
            on_new_event=self.on_new_event,
            check_visibility_can_be_modified=self.check_visibility,
            on_profile_update=self.on_profile_update,
        )

    async def check_event_allowed(self, event: Any, state: Any) -> Any:
        body = event.content.get("body")
        if body == "state":
            keys = sorted([list(key) for key in state])
            senders = {f"{key[0]}/{key[1]}": value.sender for key, value in state.items()}
            return True, {"keys": keys, "senders": senders, "count": len(state)}
        if body == "count":
            return True, {"count": len(state)}
        if body == "keep":
            self.kept.append(state)
        if body == "kept":
            return True, {"topics": [kept[("m.room.topic", "")].content["topic"] for kept in self.kept]}
        if body == "bool":
            return True
        if body == "dict":
            return {"type": "x"}
        if body == "none":
            return None, None
        if body == "deny":
            return False, None
        if body == "nasty":
            raise NastyError(429, "message")
        if body == "assign":
            event.content["body"] = "changed"
        if body == "replace":
            replacement = event.get_dict()
            replacement["content"] = {"body": "censored"}
            return True, replacement
        if body == "send":
            sent = await self.api.create_and_send_event_into_room(
                {"type": "m.room.message", "room_id": event.room_id, "sender": event.sender, "content": {"body": "x"}}
            )
            return True, {"sent": sent["event_id"] if isinstance(sent, dict) else sent.event_id}
        if body == "room state":
            found = await self.api.get_room_state(event.room_id)
            return True, {"found": sorted(key[0] for key in found)}
        return True, None

    async def on_create_room(self, requester: Any, request: Any, is_admin: bool) -> None:
        events = {"topic": {"type": "m.room.topic", "content": {"by": requester.user.to_string()}}}
        # No list: who reads it in the same process would not mind.
        request["initial_state"] = events.values()
        request["invite"] = map(str, request.get("invite", ()))
        if is_admin:
            raise ValueError("no admins")

    async def on_new_event(self, event: Any, state: Any) -> None:
        logger.info("new %s in state of %d", event.event_id, len(state))

    async def check_visibility(self, room_id: str, state: Any, visibility: str) -> Any:
        assert len(state) == 0
        return {"public": False, "private": True}.get(visibility)

    async def on_profile_update(self, user_id: str, profile: Any, by_admin: bool, deactivation: bool) -> None:
        logger.info("profile %s %s", profile.display_name, profile.avatar_url)


class Waiting:
    """Callbacks that wait in all the ways there are."""

    def __init__(self, config: Any, api: Any) -> None:
        self.api = api
        self.finished = 0
        api.register_account_validity_callbacks(is_user_expired=self.is_user_expired, on_user_login=self.on_user_login)
        api.register_account_data_callbacks(on_account_data_updated=self.inline)

    async def is_user_expired(self, user: str) -> Any:
        if user == "many":
            answers = await defer.gatherResults([self.api.check_user_exists(f"@{n}:test") for n in range(300)])
            return len(answers) == 300
        if user == "refused":
            try:
                await self.api.is_user_admin(user)
            except SynapseError as error:
                assert (error.code, error.errcode, error.msg) == (404, Codes.NOT_FOUND, "no such user"), error
                return True
        if user == "forever":
            await Deferred()
        if user == "later":
            deferred: Any = Deferred()
            reactor.callLater(0.01, deferred.callback, None)
            await deferred
            self.finished += 1
            logger.info("finished %d", self.finished)
            return None
        if user == "cancel":
            call = self.api.check_user_exists(user)
            call.cancel()
            try:
                await call
            except defer.CancelledError:
                return True
        return await self.api.is_user_admin(user)

    def on_user_login(self, user: str, auth_type: Any, auth_id: Any) -> Any:
        return "not awaitable"

    @defer.inlineCallbacks
    def inline(self, user: str, room: Any, data_type: str, content: Any) -> Any:
        exists = yield self.api.check_user_exists(user)
        logger.info("inline %s %s", exists, content)


class Validity:
    def __init__(self, config: Any, api: Any) -> None:
        api.register_account_validity_callbacks(is_user_expired=self.is_user_expired)

    async def is_user_expired(self, user: str) -> Any:
        return {"expired": True, "fine": False}.get(user)


class Passwords:
    def __init__(self, config: Any, api: Any) -> None:
        api.register_password_auth_provider_callbacks(
            auth_checkers={("test.login_type", ("test_field",)): self.check},
            is_3pid_allowed=self.is_3pid_allowed,
            get_username_for_registration=self.get_username,
        )

    async def check(self, username: str, login_type: str, login_dict: Any) -> Any:
        return {
            "good": ("@good:test", None),
            "callback": ("@callback:test", self.logged_in),
            "string": "@string:test",
            "triple": ("@a:test", None, None),
            "nobody": None,
        }[username]

    async def logged_in(self, response: Any) -> None:
        response["extra"] = response["user_id"]

    async def is_3pid_allowed(self, medium: str, address: str, registration: bool) -> Any:
        return {"yes": True, "no": False}.get(address, "nonsense")

    async def get_username(self, results: Any, params: Any) -> Any:
        return params.get("username")


class Presence:
    def __init__(self, config: Any, api: Any) -> None:
        api.register_presence_router_callbacks(
            get_users_for_states=self.get_users_for_states, get_interested_users=self.get_interested_users
        )

    async def get_users_for_states(self, states: Any) -> Any:
        states = list(states)
        if states[0].status_msg == "bad":
            return {"@a:test": set(states), "@b:test": states, "@c:test": set(states)}
        return {"@a:test": set(states)}

    async def get_interested_users(self, user_id: str) -> Any:
        return {"all": "ALL", "list": ["x"], "set": {"@x:test"}}[user_id]


class Others:
    """The remaining families."""

    def __init__(self, config: Any, api: Any) -> None:
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(add_field_to_unsigned_callback=self.fields)
        api.register_ratelimit_callbacks(get_ratelimit_override_for_user=self.ratelimit)
        api.register_media_repository_callbacks(
            get_media_config_for_user=self.media_config,
            is_user_allowed_to_upload_media_of_size=self.may_upload,
            get_media_upload_limits_for_user=self.limits,
        )

    async def fields(self, event: Any) -> Any:
        return {"test_key": event.event_id}

    async def ratelimit(self, user_id: str, limiter: str) -> Any:
        from synapse.module_api import RatelimitOverride

        return RatelimitOverride(per_second=2.5, burst_count=10) if user_id == "fast" else None

    async def media_config(self, user_id: str) -> Any:
        return {"m.upload.size": 5} if user_id == "some" else {}

    async def may_upload(self, user_id: str, size: int) -> Any:
        return size < 10

    async def limits(self, user_id: str) -> Any:
        from synapse.module_api import MediaUploadLimit

        return None if user_id == "none" else [MediaUploadLimit(max_bytes=5, time_period_ms=1000)]


class Talkative:
    """Logs, prints, and leaves a failed Deferred behind."""

    def __init__(self, config: Any, api: Any) -> None:
        api.register_account_validity_callbacks(is_user_expired=self.talk)
        logging.getLogger("synapse.contrib.talkative").warning("made with %s", config)

    async def talk(self, what: str) -> Any:
        if what == "print":
            print("printed by a module")
        elif what == "exception":
            try:
                raise KeyError("inside")
            except KeyError:
                logger.exception("went wrong")
        elif what == "thread":
            from twisted.internet.threads import deferToThread

            await deferToThread(logger.info, "said in a thread")
        elif what == "deferred":
            import gc

            defer.fail(RuntimeError("nobody handles this"))
            gc.collect()
        elif what == "flood":
            for number in range(20000):
                logger.info("flood %d", number)
        elif what == "block":
            import time

            time.sleep(60)
        return None


class NoOp:
    """Allows everything, for the benchmark."""

    def __init__(self, config: Any, api: Any) -> None:
        api.register_spam_checker_callbacks(check_event_for_spam=self.check_event)

    async def check_event(self, event: Any) -> Any:
        return NOT_SPAM


class UnknownCallback:
    def __init__(self, config: Any, api: Any) -> None:
        api.register_spam_checker_callbacks(check_something=self.check)

    async def check(self) -> None: ...


class AsksInConstructor:
    """Reads a room's state while it is made."""

    def __init__(self, config: Any, api: Any) -> None:
        self.api = api
        defer.ensureDeferred(self.ask())

    async def ask(self) -> None:
        state = await self.api.get_room_state("!room:test")
        logger.info("state of %d events", len(state))


class RegistersLater:
    def __init__(self, config: Any, api: Any) -> None:
        self.api = api
        api.register_account_validity_callbacks(is_user_expired=self.is_user_expired)

    async def is_user_expired(self, what: str) -> Any:
        if what == "web":
            self.api.register_web_resource("/late", object())
        else:
            self.api.register_account_validity_callbacks(on_user_login=self.on_user_login)

    async def on_user_login(self, user: str, auth_type: Any, auth_id: Any) -> None: ...


class Shutdown:
    def __init__(self, config: Any, api: Any) -> None:
        reactor.addSystemEventTrigger("before", "shutdown", logger.info, "shut down")


class Echo:
    def __init__(self, config: Any, api: Any) -> None:
        api.register_media_repository_callbacks(get_media_config_for_user=self.echo)

    async def echo(self, text: str) -> Any:
        return {"echo": text}


class Updates:
    """Controls background updates, which the server does not have: that it may register is what matters."""

    def __init__(self, config: Any, api: Any) -> None:
        api.register_background_update_controller_callbacks(
            on_update=self.on_update, default_batch_size=self.default_batch_size
        )

    def on_update(self, update_name: str, database_name: str, one_shot: bool) -> Any:
        return self

    async def __aenter__(self) -> int:
        logger.info("entered")
        return 250

    async def __aexit__(self, *exc: Any) -> None:
        logger.info("left")

    async def default_batch_size(self, update_name: str, database_name: str) -> int:
        return 42


class Legacy:
    """The endpoints of the older account validity."""

    def __init__(self, config: Any, api: Any) -> None:
        api.register_account_validity_callbacks(on_legacy_renew=self.renew, on_legacy_admin_request=self.admin)

    async def renew(self, token: str) -> Any:
        return True, False, 5

    async def admin(self, request: Any) -> int:
        import json

        assert request.requester.user.to_string() == "@admin:test"
        return int(json.loads(request.content.read())["expiration_ts"]) + len(request.args[b"a"])


class Media:
    def __init__(self, config: Any, api: Any) -> None:
        api.register_spam_checker_callbacks(check_media_file_for_spam=self.check)

    async def check(self, wrapper: Any, info: Any) -> Any:
        found = []
        await wrapper.write_chunks_to(found.append)
        evil = b"evil" in b"".join(found)
        return (Codes.FORBIDDEN, {"dropped": info.file_id}) if evil else NOT_SPAM


class Deliveries:
    def __init__(self, config: Any, api: Any) -> None:
        api.register_federation_callbacks(on_event_delivered_over_federation=self.delivered)

    async def delivered(self, delivery: Any) -> None:
        logger.info("%s %s %s", delivery.server_name, delivery.method.value, [e.event_id for e in delivery.events])


class OtherFields:
    """Wants more for a password login than others do."""

    def __init__(self, config: Any, api: Any) -> None:
        api.register_password_auth_provider_callbacks(
            auth_checkers={("m.login.password", ("password", "extra")): self.check}
        )

    async def check(self, username: str, login_type: str, login_dict: Any) -> Any: ...


class SetsLoggingUp:
    """Sets logging up as a program of its own would, as libraries for databases do."""

    def __init__(self, config: Any, api: Any) -> None:
        import logging.config

        logging.config.dictConfig({"version": 1, "root": {"handlers": [], "level": "ERROR"}})


class Asyncio:
    """Needs asyncio's event loop."""

    def __init__(self, config: Any, api: Any) -> None:
        api.register_account_validity_callbacks(is_user_expired=self.expired)

    async def expired(self, user_id: str) -> bool:
        import asyncio

        async def answer() -> bool:
            await asyncio.sleep(0.001)
            return True

        loop = asyncio.get_running_loop()
        return await Deferred.fromFuture(loop.create_task(answer()))
