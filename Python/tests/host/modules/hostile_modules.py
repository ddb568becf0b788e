"""A module that answers in every way it should not."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from synapse.api.errors import SynapseError


class Unspeakable(BaseException):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise SystemExit(1)


class Undecided:
    """A value that is neither true nor false."""

    def __bool__(self) -> bool:
        raise SystemExit(1)


class Refusal(SynapseError):
    """An error whose body is what it was given, or whose composition ends in it."""

    def __init__(self, body: Any) -> None:
        super().__init__(400, "refused")
        self.body = body

    def error_dict(self, config: Any) -> Any:
        if isinstance(self.body, BaseException):
            raise self.body
        return self.body


def deep() -> Any:
    """What JSON's encoder gives up on."""
    value: Any = []
    for _ in range(100_000):
        value = [value]
    return {"deep": value}


class Hostile:
    """Does what the event's text says."""

    def __init__(self, config: Any, api: Any) -> None:
        self.api = api
        api.register_spam_checker_callbacks(
            check_event_for_spam=self.check, should_drop_federated_event=self.should_drop
        )
        api.register_third_party_rules_callbacks(check_event_allowed=self.allowed)

    async def should_drop(self, event: Any) -> Any:
        if event.content["body"] == "later":
            await self.api.sleep(0)
        return Undecided()

    async def allowed(self, event: Any, state: Any) -> Any:
        if event.content["body"] == "nan":
            return True, {"content": {"n": float("nan")}}
        return True, deep()

    async def check(self, event: Any) -> Any:
        body = event.content["body"]
        if body == "unspeakable":
            raise Unspeakable()
        if body == "deep error":
            raise Refusal(deep())
        if body == "exiting error":
            raise Refusal(SystemExit(1))
        if body == "surrogate":
            raise SynapseError(400, "half \ud800")
        if body == "cancelled":
            waits: Any = Deferred()
            waits.cancel()
            await waits
        if body == "cancels itself":
            raise CancelledError()
        if body == "recursion":
            return await self.check(event)
        if body == "deep call":
            try:
                await self.api.create_room("@u:test", deep())
            except RecursionError:
                return "NOT_SPAM"
        if body == "fork":
            child = os.fork()
            if child == 0:
                return "child"
            os.waitpid(child, 0)
            return "parent"
        return "NOT_SPAM"
