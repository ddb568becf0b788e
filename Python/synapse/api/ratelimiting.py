"""Keeps things from being done too often."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Hashable, Optional, Tuple

from synapse._missing import missing_names
from synapse.api.errors import LimitExceededError
from synapse.config.ratelimiting import RatelimitSettings

#: Of how many keys is remembered how often they did it.
_MOST_KEYS = 10_000


class Ratelimiter:
    """Counts what is done by key; the count falls at the permitted rate and may not exceed the permitted burst."""

    def __init__(
        self,
        store: Any,
        clock: Any,
        cfg: Optional[RatelimitSettings] = None,
        *_: Any,
        rate_hz: Optional[float] = None,
        burst_count: Optional[int] = None,
        **__: Any,
    ) -> None:
        self.store = store
        self.clock = clock
        # Until 1.94 the two numbers were given one by one.
        self.rate_hz = float(cfg.per_second if cfg is not None else rate_hz or 0.0)
        self.burst_count = int(cfg.burst_count if cfg is not None else burst_count or 0)
        self._limiter_name = cfg.key if cfg is not None else "rc_module"
        self._done: "OrderedDict[Hashable, Tuple[float, float]]" = OrderedDict()

    async def can_do_action(
        self,
        requester: Optional[Any],
        key: Optional[Hashable] = None,
        rate_hz: Optional[float] = None,
        burst_count: Optional[int] = None,
        update: bool = True,
        n_actions: int = 1,
        _time_now_s: Optional[float] = None,
    ) -> Tuple[bool, float]:
        """Whether it may be done, and when at the earliest (seconds; -1 where there is no limit)."""
        rate = self.rate_hz if rate_hz is None else rate_hz
        burst = self.burst_count if burst_count is None else burst_count
        if requester is not None:
            own = await self.store.get_ratelimit_for_user(requester.user.to_string())
            if own is not None:
                # No rate means no limit.
                if not own.per_second:
                    return True, -1.0
                rate, burst = own.per_second, own.burst_count
        now = self.clock.time() if _time_now_s is None else _time_now_s
        who = self._key(requester, key)
        count, since = self._done.get(who, (0.0, now))
        count = max(0.0, count - (now - since) * rate)
        allowed = count + n_actions <= burst
        if allowed:
            count += n_actions
        if update:
            self._note(who, count, now)
        if rate <= 0:
            return allowed, -1.0
        return allowed, now if allowed else now + (count + n_actions - burst) / rate

    async def ratelimit(
        self,
        requester: Optional[Any],
        key: Optional[Hashable] = None,
        rate_hz: Optional[float] = None,
        burst_count: Optional[int] = None,
        update: bool = True,
        n_actions: int = 1,
        _time_now_s: Optional[float] = None,
        pause: Optional[float] = 0.5,
    ) -> None:
        """Raises a `LimitExceededError` if it may not be done."""
        now = self.clock.time() if _time_now_s is None else _time_now_s
        allowed, at = await self.can_do_action(requester, key, rate_hz, burst_count, update, n_actions, now)
        if not allowed:
            raise LimitExceededError(self._limiter_name, retry_after_ms=max(0, int(1000 * (at - now))))

    def record_action(
        self, requester: Optional[Any], key: Optional[Hashable] = None, n_actions: int = 1, _time_now_s: Any = None
    ) -> None:
        """Counts what was done without asking first."""
        now = self.clock.time() if _time_now_s is None else _time_now_s
        who = self._key(requester, key)
        count, since = self._done.get(who, (0.0, now))
        self._note(who, max(0.0, count - (now - since) * self.rate_hz) + n_actions, now)

    def _key(self, requester: Optional[Any], key: Optional[Hashable]) -> Hashable:
        if key is None:
            if requester is None:
                raise ValueError("Must supply at least one of `requester` or `key`")
            return str(requester.user.to_string())
        return key

    def _note(self, who: Hashable, count: float, now: float) -> None:
        self._done[who] = (count, now)
        self._done.move_to_end(who)
        while len(self._done) > _MOST_KEYS:
            self._done.popitem(last=False)


__getattr__ = missing_names(__name__)
