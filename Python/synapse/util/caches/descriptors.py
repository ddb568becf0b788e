"""Methods that remember their results."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, Collection, Dict, Generic, Hashable, List, Optional, Tuple, TypeVar, cast
from weakref import WeakKeyDictionary

from twisted.internet import defer
from twisted.python.failure import Failure
from typing_extensions import Protocol

from synapse._missing import missing_names
from synapse.util.caches.lrucache import LruCache

CacheKey = Any
F = TypeVar("F", bound=Callable[..., Any])
KT = TypeVar("KT")
VT = TypeVar("VT")

_ABSENT: Any = object()


class CachedFunction(Protocol):
    """A method under `@cached`, as its object has it."""

    invalidate: Callable[[Tuple[Any, ...]], None]
    invalidate_all: Callable[[], None]
    prefill: Callable[[Tuple[Any, ...], Any], None]
    cache: Any
    num_args: int
    __name__: str

    def __call__(self, *args: Any, **kwargs: Any) -> "defer.Deferred[Any]": ...


class FunctionCache(Generic[KT, VT]):
    """Results by key, and the computations that are under way."""

    def __init__(self, name: str, max_entries: int) -> None:
        self.name = name
        self.max_entries = max_entries
        self.cache: LruCache[KT, VT] = LruCache(max_entries, name)
        self._pending: Dict[KT, List["defer.Deferred[VT]"]] = {}

    def get_or_compute(self, key: KT, compute: Callable[[], Any]) -> "defer.Deferred[VT]":
        """The result of a key; all who ask while it is computed wait for the same computation."""
        value = self.cache.get(key, _ABSENT)
        if value is not _ABSENT:
            return defer.succeed(value)
        # Cancelling one who waits cancels neither the computation nor the others.
        waiter: "defer.Deferred[VT]" = defer.Deferred()
        waiters = self._pending.get(key)
        if waiters is not None:
            waiters.append(waiter)
            return waiter
        waiters = self._pending[key] = [waiter]
        _start(compute).addBoth(self._computed, key, waiters)
        return waiter

    def _computed(self, result: Any, key: KT, waiters: List["defer.Deferred[VT]"]) -> None:
        # Another list, or none: the key was invalidated meanwhile, and this result is old.
        if self._pending.get(key) is waiters:
            del self._pending[key]
            if not isinstance(result, Failure):
                self.cache.set(key, result)
        for waiter in waiters:
            if not waiter.called:
                waiter.callback(result)

    def get(self, key: KT, default: Any = None) -> Any:
        """The result that is cached, as a Deferred, or `default`."""
        value = self.cache.get(key, _ABSENT)
        return default if value is _ABSENT else defer.succeed(value)

    def get_immediate(self, key: KT, default: Any = None) -> Any:
        """The result that is cached, or `default`."""
        return self.cache.get(key, default)

    def prefill(self, key: KT, value: VT) -> None:
        """Remembers a result that was learned in another way."""
        self._pending.pop(key, None)
        self.cache.set(key, value)

    set = prefill

    def invalidate(self, key: KT) -> None:
        """Forgets a result, also one that is being computed."""
        self._pending.pop(key, None)
        self.cache.invalidate(key)

    def invalidate_all(self) -> None:
        """Forgets all results."""
        self._pending.clear()
        self.cache.clear()


def _start(compute: Callable[[], Any]) -> "defer.Deferred[Any]":
    try:
        result = compute()
    except Exception:
        return defer.fail()
    if isinstance(result, defer.Deferred):
        return result
    if inspect.isawaitable(result):
        return defer.ensureDeferred(result if inspect.iscoroutine(result) else _await(result))
    return defer.succeed(result)


async def _await(awaitable: Any) -> Any:
    return await awaitable


class DeferredCacheDescriptor:
    """What `@cached` makes of a method: on first use by an object, a function with a cache of the object's own."""

    def __init__(
        self,
        orig: Callable[..., Any],
        max_entries: int = 1000,
        num_args: Optional[int] = None,
        uncached_args: Optional[Collection[str]] = None,
        name: Optional[str] = None,
    ) -> None:
        self.orig = orig
        self.name = name or orig.__name__
        self.max_entries = max_entries
        if num_args is not None and uncached_args is not None:
            raise ValueError("Cannot provide both num_args and uncached_args")
        spec = inspect.getfullargspec(orig)
        if spec.kwonlyargs:
            raise ValueError(f"@cached cannot key off keyword-only arguments ({self.name})")
        if (spec.varargs or spec.varkw) and num_args is None:
            raise ValueError(f"@cached cannot key off *args or **kwargs ({self.name}): give it num_args")
        # Without the first, which is the object.
        arguments = spec.args[1:]
        if num_args is not None and num_args > len(arguments):
            raise ValueError(
                f"Not enough explicit positional arguments to key off for {self.name!r}: "
                f"got {len(arguments)} args, but wanted {num_args}. (@cached cannot key off *args or **kwargs)"
            )
        left_out = set(uncached_args or ())
        unknown = left_out.difference(arguments)
        if unknown:
            raise ValueError(f"{self.name} has no arguments {sorted(unknown)} to leave out of the key")
        self.arg_names = [argument for argument in arguments[:num_args] if argument not in left_out]
        self.num_args = len(self.arg_names)
        self._positions = [arguments.index(argument) for argument in self.arg_names]
        defaults = spec.defaults or ()
        self._defaults = dict(zip(spec.args[len(spec.args) - len(defaults) :], defaults))
        #: For objects that cannot have attributes of their own.
        self._elsewhere: "WeakKeyDictionary[Any, Any]" = WeakKeyDictionary()

    def key(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> CacheKey:
        """The key of a call; the bare value if there is one only."""
        count = len(args)
        values = []
        for name, position in zip(self.arg_names, self._positions):
            if position < count:
                values.append(args[position])
            elif name in kwargs:
                values.append(kwargs[name])
            elif name in self._defaults:
                values.append(self._defaults[name])
            else:
                raise TypeError(f"{self.name}() missing required argument: '{name}'")
        return values[0] if len(values) == 1 else tuple(values)

    def _key_of_tuple(self, key: Tuple[Any, ...]) -> CacheKey:
        if not isinstance(key, tuple):
            raise TypeError("The cache key must be a tuple not %r" % (type(key),))
        return key[0] if self.num_args == 1 else key

    def __get__(self, obj: Optional[Any], owner: Optional[type] = None) -> Any:
        if obj is None:
            return self
        wrapped = self._elsewhere.get(obj) if not hasattr(obj, "__dict__") else None
        if wrapped is None:
            wrapped = self._bind(obj)
            if hasattr(obj, "__dict__"):
                # From now on the attribute of the object is found before this descriptor.
                obj.__dict__[self.name] = wrapped
            else:
                self._elsewhere[obj] = wrapped
        return wrapped

    def _bind(self, obj: Any) -> CachedFunction:
        cache: FunctionCache[Hashable, Any] = FunctionCache(self.name, self.max_entries)
        orig = self.orig
        key_of = self.key

        @functools.wraps(orig)
        def cached_function(*args: Any, **kwargs: Any) -> "defer.Deferred[Any]":
            return cache.get_or_compute(key_of(args, kwargs), lambda: orig(obj, *args, **kwargs))

        function = cast(CachedFunction, cached_function)
        function.invalidate = lambda key: cache.invalidate(self._key_of_tuple(key))
        function.invalidate_all = cache.invalidate_all
        function.prefill = lambda key, value: cache.prefill(self._key_of_tuple(key), value)
        function.cache = cache
        function.num_args = self.num_args
        return function


def cached(
    *,
    max_entries: int = 1000,
    num_args: Optional[int] = None,
    uncached_args: Optional[Collection[str]] = None,
    tree: bool = False,
    iterable: bool = False,
    prune_unread_entries: bool = True,
    name: Optional[str] = None,
) -> Callable[[F], Any]:
    """Makes an async method remember its results, for each object apart.

    The key is made of the arguments after `self` in their order, defaults included; `num_args` takes only the first of
    them, `uncached_args` leaves some out. Failures are not remembered. The least recently used result goes when there
    are more than `max_entries`. `tree`, `iterable` and `prune_unread_entries` are upstream's and change nothing.
    """

    def decorate(function: F) -> Any:
        descriptor = DeferredCacheDescriptor(function, max_entries, num_args, uncached_args, name)
        return functools.update_wrapper(cast(Any, descriptor), function, updated=())

    return decorate


__getattr__ = missing_names(__name__)
