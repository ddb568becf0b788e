"""Limits that modules set."""

from __future__ import annotations

import pytest
from twisted.internet import defer

from synapse.api.errors import LimitExceededError
from synapse.api.ratelimiting import Ratelimiter
from synapse.config.ratelimiting import RatelimitSettings
from synapse.module_api import RatelimitOverride
from synapse.types import create_requester


class Clock:
    now = 100.0

    def time(self):
        return self.now


class Store:
    override = None

    async def get_ratelimit_for_user(self, user_id):
        return self.override


def result_of(coroutine):
    results = []
    defer.ensureDeferred(coroutine).addBoth(results.append)
    if isinstance(results[0], BaseException) or hasattr(results[0], "raiseException"):
        results[0].raiseException()
    return results[0]


def test_more_than_the_burst_must_wait():
    clock, requester = Clock(), create_requester("@u:test")
    limiter = Ratelimiter(Store(), clock, RatelimitSettings("rc_x", per_second=0.5, burst_count=2))
    assert [result_of(limiter.can_do_action(requester))[0] for _ in range(3)] == [True, True, False]
    assert result_of(limiter.can_do_action(requester)) == (False, 102.0)
    assert result_of(limiter.can_do_action(None, key="another"))[0]
    with pytest.raises(LimitExceededError) as error:
        result_of(limiter.ratelimit(requester))
    assert (error.value.code, error.value.retry_after_ms) == (429, 2000)
    clock.now = 102.0
    result_of(limiter.ratelimit(requester, update=False))
    limiter.record_action(requester)
    assert not result_of(limiter.can_do_action(requester))[0]


def test_users_may_have_limits_of_their_own():
    store = Store()
    limiter = Ratelimiter(store, Clock(), rate_hz=1, burst_count=0)
    requester = create_requester("@u:test")
    assert not result_of(limiter.can_do_action(requester))[0]
    store.override = RatelimitOverride(0, 0)
    assert result_of(limiter.can_do_action(requester)) == (True, -1.0)


def test_settings_are_read_from_the_configuration():
    settings = RatelimitSettings.parse({"rc_login": {"address": {"per_second": 3}}}, "rc_login.address")
    assert settings == RatelimitSettings("rc_login.address", 3.0, 3)
    assert RatelimitSettings.parse({}, "rc_x", {"per_second": 1, "burst_count": 2}).burst_count == 2
