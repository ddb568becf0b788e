"""A mapping that forgets what was not used for longest."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable, Collection, Generic, Iterator, Optional, Tuple, TypeVar, Union, overload

from synapse._missing import missing_names

KT = TypeVar("KT")
VT = TypeVar("VT")
T = TypeVar("T")

_ABSENT: Any = object()


class LruCache(Generic[KT, VT]):
    """At most `max_size` entries; reading one counts as use.

    Upstream's further keyword arguments (`cache_name`, `clock`, …) are accepted; they serve its metrics.
    """

    def __init__(self, max_size: int, cache_name: Optional[str] = None, **_: Any) -> None:
        self.max_size = max(1, int(max_size))
        self.cache_name = cache_name
        self._entries: "OrderedDict[KT, VT]" = OrderedDict()

    @overload
    def get(self, key: KT) -> Optional[VT]: ...

    @overload
    def get(self, key: KT, default: T) -> Union[T, VT]: ...

    def get(self, key: KT, default: Any = None, callbacks: Collection[Callable[[], None]] = (), **_: Any) -> Any:
        """The value of a key, or `default`."""
        value = self._entries.get(key, _ABSENT)
        if value is _ABSENT:
            return default
        self._entries.move_to_end(key)
        return value

    def set(self, key: KT, value: VT, callbacks: Collection[Callable[[], None]] = ()) -> None:
        """Sets the value of a key."""
        entries = self._entries
        entries[key] = value
        entries.move_to_end(key)
        while len(entries) > self.max_size:
            entries.popitem(last=False)

    def setdefault(self, key: KT, value: VT) -> VT:
        """The value of a key, which is set if there is none."""
        present = self.get(key, _ABSENT)
        if present is not _ABSENT:
            return present
        self.set(key, value)
        return value

    def pop(self, key: KT, default: Any = None) -> Any:
        """Removes a key and gives its value, or `default`."""
        return self._entries.pop(key, default)

    def invalidate(self, key: KT) -> None:
        """Removes a key."""
        self._entries.pop(key, None)

    def contains(self, key: KT) -> bool:
        """Whether there is such a key; does not count as use."""
        return key in self._entries

    def clear(self) -> None:
        """Removes all keys."""
        self._entries.clear()

    invalidate_all = clear

    def set_cache_factor(self, factor: float) -> bool:
        """Upstream's change of size; the size stays."""
        return False

    def items(self) -> Iterator[Tuple[KT, VT]]:
        """Keys and values, least recently used first."""
        return iter(list(self._entries.items()))

    def __getitem__(self, key: KT) -> VT:
        value = self.get(key, _ABSENT)
        if value is _ABSENT:
            raise KeyError(key)
        return value

    def __setitem__(self, key: KT, value: VT) -> None:
        self.set(key, value)

    def __delitem__(self, key: KT) -> None:
        del self._entries[key]

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __bool__(self) -> bool:
        # An empty cache is still a cache.
        return True


__getattr__ = missing_names(__name__)
