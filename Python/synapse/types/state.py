"""Which part of a room's state is wanted."""

from __future__ import annotations

from typing import Any, Collection, Dict, FrozenSet, Iterable, List, Mapping, Optional, Set, Tuple, TypeVar

import attr
from immutabledict import immutabledict

from synapse._missing import missing_names

T = TypeVar("T")
_MEMBER = "m.room.member"


@attr.s(slots=True, frozen=True, auto_attribs=True)
class StateFilter:
    """A selection of state by type and state key.

    `types` maps a type to the state keys wanted, `None` for all of them; `include_others` takes every other type.
    """

    types: Mapping[str, Optional[FrozenSet[str]]]
    include_others: bool = False

    @staticmethod
    def all() -> "StateFilter":
        """Everything."""
        return _ALL

    @staticmethod
    def none() -> "StateFilter":
        """Nothing."""
        return _NONE

    @staticmethod
    def from_types(types: Iterable[Tuple[str, Optional[str]]]) -> "StateFilter":
        """The given types and state keys; `None` as a state key takes all of that type."""
        wanted: Dict[str, Optional[Set[str]]] = {}
        for event_type, state_key in types:
            if state_key is None:
                wanted[event_type] = None
                continue
            keys = wanted.setdefault(event_type, set())
            if keys is not None:
                keys.add(state_key)
        return StateFilter.freeze(wanted, include_others=False)

    @staticmethod
    def from_lazy_load_member_list(members: Iterable[str]) -> "StateFilter":
        """Everything, but of the members only the given ones."""
        return StateFilter(immutabledict({_MEMBER: frozenset(members)}), include_others=True)

    @staticmethod
    def freeze(types: Mapping[str, Optional[Collection[str]]], include_others: bool) -> "StateFilter":
        """A filter over immutable copies of `types`."""
        frozen: Dict[str, Optional[FrozenSet[str]]] = {}
        for event_type, state_keys in types.items():
            if state_keys is not None:
                frozen[event_type] = frozenset(state_keys)
            elif not include_others:
                frozen[event_type] = None
        return StateFilter(immutabledict(frozen), include_others)

    def to_types(self) -> Iterable[Tuple[str, Optional[str]]]:
        """The types and state keys; `include_others` cannot be expressed so."""
        for event_type, state_keys in self.types.items():
            if state_keys is None:
                yield event_type, None
            else:
                for state_key in state_keys:
                    yield event_type, state_key

    def is_full(self) -> bool:
        """Whether this takes everything."""
        return self.include_others and not self.types

    def has_wildcards(self) -> bool:
        """Whether entries are taken that are not named one by one."""
        return self.include_others or any(keys is None for keys in self.types.values())

    def concrete_types(self) -> List[Tuple[str, str]]:
        """The entries named one by one."""
        return [(kind, key) for kind, keys in self.types.items() if keys is not None for key in keys]

    def wildcard_types(self) -> List[str]:
        """The types of which every state key is taken."""
        return [kind for kind, keys in self.types.items() if keys is None]

    def selects(self, event_type: str, state_key: str) -> bool:
        """Whether one entry is taken."""
        if event_type not in self.types:
            return self.include_others
        keys = self.types[event_type]
        return keys is None or state_key in keys

    def filter_state(self, state_dict: Mapping[Tuple[str, str], T]) -> Dict[Tuple[str, str], T]:
        """The part of `state_dict` that this takes."""
        if self.is_full():
            return dict(state_dict)
        if not self.include_others and not self.types:
            return {}
        return {key: value for key, value in state_dict.items() if self.selects(*key)}

    def get_member_split(self) -> Tuple["StateFilter", "StateFilter"]:
        """This filter's members, and the rest of it."""
        others = {kind: keys for kind, keys in self.types.items() if kind != _MEMBER}
        if _MEMBER in self.types:
            members = StateFilter(immutabledict({_MEMBER: self.types[_MEMBER]}), False)
            if self.types[_MEMBER] == frozenset():
                members = StateFilter.none()
        elif self.include_others:
            members = StateFilter.all()
        else:
            members = StateFilter.none()
        return members, StateFilter(immutabledict(others), self.include_others)

    def wire(self) -> Any:
        """The filter as the server takes it: null for everything, else pairs of type and state key."""
        if self.include_others:
            return None
        return [list(pair) for pair in self.to_types()]


_ALL = StateFilter(types=immutabledict(), include_others=True)
_NONE = StateFilter(types=immutabledict(), include_others=False)

__getattr__ = missing_names(__name__)
