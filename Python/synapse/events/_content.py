"""The immutable parts of events."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NoReturn, Tuple

UNSIGNED_KEYS = frozenset(
    {"age_ts", "replaces_state", "invite_room_state", "knock_room_state", "prev_content", "prev_sender"}
)
"""What an event's `unsigned` can hold; anything else is not the room's but the server's."""


def copy_json(value: Any) -> Any:
    """A deep copy of plain JSON."""
    kind = type(value)
    if kind is dict:
        return {key: copy_json(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [copy_json(item) for item in value]
    if isinstance(value, dict):
        return {key: copy_json(value[key]) for key in value}
    return value


class FrozenContent(dict):  # type: ignore[type-arg]
    """The content of an event: a dictionary that cannot be changed.

    Nested values are copies, so changing one of them changes nothing else. `copy()` gives a plain dictionary.
    """

    __slots__ = ()

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("The content of an event cannot be changed; change a copy() of it")

    __setitem__ = _refuse
    __delitem__ = _refuse
    __ior__ = _refuse  # type: ignore[assignment]
    clear = _refuse
    pop = _refuse
    popitem = _refuse
    setdefault = _refuse
    update = _refuse

    def __getitem__(self, key: str) -> Any:
        value = dict.__getitem__(self, key)
        return copy_json(value) if isinstance(value, (dict, list)) else value

    def get(self, key: str, default: Any = None) -> Any:  # type: ignore[override]
        """The value of a key, or `default`."""
        value = dict.get(self, key, default)
        return copy_json(value) if isinstance(value, (dict, list)) and value is not default else value

    # Having an iterator of its own makes `dict(content)` and `{**content}` ask for every value, and so get copies.
    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self)

    def items(self) -> List[Tuple[str, Any]]:  # type: ignore[override]
        """The keys and values."""
        return [(key, copy_json(value)) for key, value in dict.items(self)]

    def values(self) -> List[Any]:  # type: ignore[override]
        """The values."""
        return [copy_json(value) for value in dict.values(self)]

    def copy(self) -> Dict[str, Any]:
        """A plain dictionary of the same contents."""
        return {key: copy_json(value) for key, value in dict.items(self)}

    def __copy__(self) -> Dict[str, Any]:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Dict[str, Any]:
        return self.copy()

    def __reduce__(self) -> Any:
        return FrozenContent, (self.copy(),)

    def __or__(self, other: Any) -> Dict[str, Any]:  # type: ignore[override]
        merged = self.copy()
        merged.update(other)
        return merged


class Unsigned(dict):  # type: ignore[type-arg]
    """The `unsigned` of an event: only keys that every server of the room may know."""

    __slots__ = ()

    @staticmethod
    def of(fields: Any) -> "Unsigned":
        """The known ones of some fields."""
        unsigned = Unsigned()
        if fields:
            for key in fields:
                if key in UNSIGNED_KEYS:
                    dict.__setitem__(unsigned, key, copy_json(fields[key]))
        return unsigned

    def __setitem__(self, key: str, value: Any) -> None:
        if key not in UNSIGNED_KEYS:
            raise KeyError("Unsigned has no key %r" % (key,))
        dict.__setitem__(self, key, value)

    def get_dict(self) -> Dict[str, Any]:
        """A plain dictionary of the same contents."""
        return {key: copy_json(value) for key, value in dict.items(self)}

    def for_event(self) -> Dict[str, Any]:
        """A plain dictionary of the same contents."""
        return self.get_dict()
