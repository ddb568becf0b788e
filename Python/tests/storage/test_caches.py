"""`@cached` and what it is made of."""

from __future__ import annotations

import pytest
from twisted.internet import defer

from synapse.util.caches.descriptors import cached
from synapse.util.caches.lrucache import LruCache


def result(awaitable):
    deferred = awaitable if isinstance(awaitable, defer.Deferred) else defer.ensureDeferred(awaitable)
    results = []
    deferred.addBoth(results.append)
    assert results, "not finished"
    if hasattr(results[0], "raiseException"):
        results[0].raiseException()
    return results[0]


class Departments:
    """The usual shape: no `server_name`, no `clock`."""

    def __init__(self):
        self.calls = []
        self.answers = {}
        self.blocked = None

    @cached()
    async def of(self, user):
        """Docs."""
        self.calls.append(user)
        if self.blocked is not None:
            await self.blocked
        if isinstance(self.answers.get(user), Exception):
            raise self.answers[user]
        return self.answers.get(user)

    @cached(max_entries=2)
    async def pair(self, a, b=5):
        self.calls.append((a, b))
        return a + b

    @cached(num_args=1)
    async def first(self, a, *rest):
        self.calls.append(a)
        return a

    @cached(uncached_args=("txn",))
    def named(self, txn, user, room="r"):
        self.calls.append((txn, user, room))
        return defer.succeed(user)


@pytest.fixture
def owner():
    return Departments()


def test_a_value_stays_after_its_source_changed_until_it_is_invalidated(owner):
    owner.answers["@a"] = "sales"
    assert result(owner.of("@a")) == "sales"
    owner.answers["@a"] = "support"
    assert result(owner.of("@a")) == "sales"
    owner.of.invalidate(("@a",))
    assert result(owner.of("@a")) == "support"
    owner.answers["@a"] = None
    owner.of.invalidate_all()
    assert result(owner.of("@a")) is None
    assert result(owner.of("@a")) is None
    assert owner.calls == ["@a"] * 3


def test_prefill_and_attributes(owner):
    owner.of.prefill(("@b",), "board")
    assert result(owner.of("@b")) == "board"
    assert owner.calls == []
    assert owner.of.num_args == 1
    assert (owner.of.__name__, owner.of.__doc__) == ("of", "Docs.")
    assert owner.of.__module__ == __name__
    assert owner.of.cache.get_immediate("@b") == "board"
    assert owner.of is owner.of
    with pytest.raises(TypeError):
        owner.of.invalidate("@b")


def test_each_object_has_a_cache_of_its_own(owner):
    other = Departments()
    owner.answers["@a"] = 1
    other.answers["@a"] = 2
    assert (result(owner.of("@a")), result(other.of("@a"))) == (1, 2)


def test_calls_at_one_time_share_a_computation(owner):
    owner.blocked = defer.Deferred()
    first, second = owner.of("@a"), owner.of("@a")
    second.cancel()
    third = owner.of("@a")
    owner.answers["@a"] = "x"
    owner.blocked.callback(None)
    assert (result(first), result(third)) == ("x", "x")
    assert owner.calls == ["@a"]
    second.addErrback(lambda failure: failure.trap(defer.CancelledError))


def test_failures_reach_all_who_wait_and_are_not_cached(owner):
    owner.answers["@a"] = ValueError("no")
    owner.blocked = defer.Deferred()
    first, second = owner.of("@a"), owner.of("@a")
    owner.blocked.callback(None)
    owner.blocked = None
    for waiting in (first, second):
        with pytest.raises(ValueError):
            result(waiting)
    owner.answers["@a"] = "y"
    assert result(owner.of("@a")) == "y"


def test_what_is_invalidated_while_it_is_computed_is_not_cached(owner):
    owner.blocked = defer.Deferred()
    old = owner.of("@a")
    owner.of.invalidate(("@a",))
    owner.answers["@a"] = "old"
    owner.blocked.callback(None)
    assert result(old) == "old"
    owner.blocked = None
    owner.answers["@a"] = "new"
    assert result(owner.of("@a")) == "new"


def test_the_key(owner):
    assert result(owner.pair(1)) == 6
    assert result(owner.pair(1, 5)) == 6
    assert result(owner.pair(b=5, a=1)) == 6
    assert owner.calls == [(1, 5)]
    # The least recently used goes.
    result(owner.pair(2))
    result(owner.pair(1))
    result(owner.pair(3))
    result(owner.pair(1))
    assert owner.calls == [(1, 5), (2, 5), (3, 5)]
    result(owner.pair(2))
    assert owner.calls[-1] == (2, 5)
    owner.pair.invalidate((2, 5))
    result(owner.pair(2))
    assert len(owner.calls) == 5
    with pytest.raises(TypeError):
        owner.pair()


def test_only_some_arguments_make_the_key(owner):
    result(owner.first(1, 2))
    result(owner.first(1, 3))
    assert owner.calls == [1]
    del owner.calls[:]
    result(owner.named("t1", "@a"))
    result(owner.named("t2", "@a", room="r"))
    assert owner.calls == [("t1", "@a", "r")]
    owner.named.invalidate(("@a", "r"))
    result(owner.named("t3", "@a"))
    assert len(owner.calls) == 2


def test_what_cannot_be_a_key_is_refused_at_once():
    with pytest.raises(ValueError):

        @cached()
        async def keyword_only(self, *, a):
            pass

    with pytest.raises(ValueError):

        @cached()
        async def variable(self, *args):
            pass

    with pytest.raises(ValueError):

        @cached(num_args=2)
        async def too_many(self, a):
            pass

    with pytest.raises(ValueError):

        @cached(num_args=1, uncached_args=("a",))
        async def both(self, a):
            pass


def test_lru_cache():
    cache = LruCache(max_size=2, cache_name="test")
    cache.set("a", 1)
    cache["b"] = 2
    assert cache.get("a") == 1
    cache.set("c", 3)
    assert "b" not in cache and len(cache) == 2
    assert cache.get("b", "none") == "none"
    assert cache.setdefault("c", 4) == 3
    assert cache.pop("c") == 3
    with pytest.raises(KeyError):
        cache["c"]
    cache.clear()
    assert cache.get("a") is None
