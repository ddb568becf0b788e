"""Copies of rooms' states that are kept by differences.

Of each room only the newest version is complete: a dictionary that all its versions share. An older version, for as
long as a module holds it, remembers what it had at the keys that changed since. So a room of fifty thousand members
costs per event what changed in it.
"""

from __future__ import annotations

import gc
import json
import logging
import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional, Tuple, Union

from axolemma_host.frames import U16, U32

logger = logging.getLogger(__name__)

Key = Tuple[str, str]
Buffer = Union[bytes, memoryview]

#: Versions of one room that may live as differences; when modules hold more, the oldest become copies of their own.
MOST_VERSIONS = 512

#: From so many changes on, the garbage collector waits until they are read.
_MANY = 1000

_make_event: Optional[Callable[[str, str, bytes], Any]] = None


class StateError(Exception):
    """The server sent a difference from a version that the host does not have."""


class Entry:
    """One event of a state, parsed when somebody looks at it."""

    __slots__ = ("event_id", "room_version", "_pdu", "_event")

    def __init__(self, event_id: str, room_version: str, pdu: bytes) -> None:
        self.event_id = event_id
        self.room_version = room_version
        self._pdu: Optional[bytes] = pdu
        self._event: Any = None

    @property
    def event(self) -> Any:
        """The event."""
        event = self._event
        if event is None:
            pdu = self._pdu
            if pdu is None:  # Another thread was faster.
                return self._event
            global _make_event
            if _make_event is None:
                from synapse.events import event_from_parts

                _make_event = event_from_parts
            event = self._event = _make_event(self.event_id, self.room_version, pdu)
            self._pdu = None
        return event


#: A key and what is there now; None where nothing is.
Change = Tuple[Key, Optional[Entry]]


class StateVersion(Mapping):
    """The state of a room at one moment, ``(type, state key)`` → event. It never changes."""

    __slots__ = ("_entries", "_undo", "__weakref__")

    def __init__(self, entries: Dict[Key, Entry]) -> None:
        self._entries = entries
        # What this version has where the newest differs; None where it has nothing. None as a whole: it is the newest.
        self._undo: Optional[Dict[Key, Optional[Entry]]] = None

    def _entry(self, key: Any) -> Optional[Entry]:
        # In this order: what a change writes to the undo is there before the shared dictionary changes.
        entry = self._entries.get(key)
        undo = self._undo
        return undo[key] if undo is not None and key in undo else entry

    def __getitem__(self, key: Any) -> Any:
        entry = self._entry(key)
        if entry is None:
            raise KeyError(key)
        return entry.event

    def get(self, key: Any, default: Any = None) -> Any:
        """The event at a key, or ``default``."""
        entry = self._entry(key)
        return default if entry is None else entry.event

    def __contains__(self, key: Any) -> bool:
        return self._entry(key) is not None

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys())

    def __len__(self) -> int:
        count = len(self._entries)
        if self._undo:
            for key, entry in self._undo.items():
                count += (entry is not None) - (key in self._entries)
        return count

    def __repr__(self) -> str:
        return f"<state of {len(self)} events>"

    def __or__(self, other: Mapping) -> Dict[Key, Any]:
        return {**self, **other}

    def __ror__(self, other: Mapping) -> Dict[Key, Any]:
        return {**other, **self}

    def copy(self) -> Dict[Key, Any]:
        """The same as a dictionary of the caller's own."""
        return dict(self)

    def event_ids(self) -> Dict[Key, str]:
        """The identifiers of the events, without parsing any of them."""
        found = ((key, self._entry(key)) for key in self._keys())
        return {key: entry.event_id for key, entry in found if entry is not None}

    def _keys(self) -> List[Key]:
        # list() of a dict is one step for other threads, so a change meanwhile cannot disturb it.
        keys = list(self._entries)
        undo = self._undo
        if undo:
            present = self._entries
            keys = [key for key in keys if undo.get(key, self) is not None]
            keys.extend(key for key, entry in list(undo.items()) if entry is not None and key not in present)
        return keys

    def _detach(self) -> None:
        """Makes this version a copy that shares nothing."""
        entries: Dict[Key, Entry] = {}
        for key in self._keys():
            entry = self._entry(key)
            if entry is not None:
                entries[key] = entry
        self._entries, self._undo = entries, None


class _Room:
    """What the host knows of one room."""

    __slots__ = ("root", "newest", "older")

    def __init__(self, root: int, newest: StateVersion) -> None:
        self.root = root
        self.newest = newest
        self.older: "Deque[weakref.ref[StateVersion]]" = deque()


class Mirror:
    """The newest state of every room the server has sent, and older ones as long as somebody uses them."""

    def __init__(self) -> None:
        self._rooms: Dict[int, _Room] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    def forget(self, room: int) -> None:
        """The server will send this room anew when it is needed again."""
        self._rooms.pop(room, None)

    def resolve(self, state: Dict[str, Any], attachment: Buffer) -> StateVersion:
        """The mapping for a STATE of the wire."""
        number = state.get("room")
        count = state.get("changes", 0)
        if number is None:
            return StateVersion(_applied({}, _changes(attachment, count)))
        root, base = state["root"], state.get("base")
        room = self._rooms.get(number)
        if base is None:
            newest = StateVersion(_applied({}, _changes(attachment, count)))
            self._rooms[number] = _Room(root, newest)
            return newest
        if room is None or room.root != base:
            self._rooms.pop(number, None)
            raise StateError(f"room {number} is not at {base} but at {room.root if room else 'nothing'}")
        if count:
            self._advance(room, _changes(attachment, count))
        room.root = root
        return room.newest

    def _advance(self, room: _Room, changes: List[Change]) -> None:
        """Makes a new newest version; the one so far and older ones remember what they had."""
        entries = room.newest._entries
        previous = room.newest
        previous._undo = {}
        older = room.older
        older.append(weakref.ref(previous))
        room.newest = StateVersion(entries)
        del previous
        live = [version for version in (reference() for reference in older) if version is not None]
        if len(live) != len(older):
            older.clear()
            older.extend(weakref.ref(version) for version in live)
        if len(live) > MOST_VERSIONS:
            logger.warning("A module holds %d old states of one room; the oldest is copied", len(live))
            live.pop(0)._detach()
            older.popleft()
        undos = [version._undo for version in live if version._undo is not None]
        live.clear()
        for key, entry in changes:
            had = entries.get(key)
            for undo in undos:
                undo.setdefault(key, had)
            if entry is None:
                entries.pop(key, None)
            else:
                entries[key] = entry


def _applied(entries: Dict[Key, Entry], changes: List[Change]) -> Dict[Key, Entry]:
    for key, entry in changes:
        if entry is None:
            entries.pop(key, None)
        else:
            entries[key] = entry
    return entries


def _changes(attachment: Buffer, count: int) -> List[Change]:
    """The changes that an attachment lists."""
    if count < _MANY or not gc.isenabled():
        return _parsed(attachment, count)
    # So many new objects would have the collector look through everything there is, in vain, several times.
    gc.disable()
    try:
        return _parsed(attachment, count)
    finally:
        gc.enable()


def _parsed(attachment: Buffer, count: int) -> List[Change]:
    changes: List[Change] = []
    u16, u32 = U16.unpack_from, U32.unpack_from
    known: Dict[Any, str] = {}  # Types and room versions: the same few, over and over.
    offset = 0
    for _ in range(count):
        end = offset + 2 + u16(attachment, offset)[0]
        raw = attachment[offset + 2 : end]
        event_type = known.get(raw)
        if event_type is None:
            event_type = known[raw] = str(raw, "utf-8")
        offset = end
        end = offset + 2 + u16(attachment, offset)[0]
        state_key = str(attachment[offset + 2 : end], "utf-8")
        offset = end
        end = offset + 2 + u16(attachment, offset)[0]
        event_id = str(attachment[offset + 2 : end], "utf-8")
        offset = end
        end = offset + 2 + u16(attachment, offset)[0]
        raw = attachment[offset + 2 : end]
        version = known.get(raw)
        if version is None:
            version = known[raw] = str(raw, "utf-8")
        length = u32(attachment, end)[0]
        offset = end + 4 + length
        if length:
            pdu = bytes(attachment[end + 4 : offset])
            if len(pdu) != length:
                raise StateError("an attachment shorter than its changes")
            changes.append(((event_type, state_key), Entry(event_id, version, pdu)))
        else:
            changes.append(((event_type, state_key), None))
    return changes


def encode_change(event_type: str, state_key: str, event_id: str, room_version: str, pdu: Any) -> bytes:
    """One change as the wire has it; for tests and tools. ``pdu`` None says that the entry is gone."""
    parts = []
    for text in (event_type, state_key, event_id, room_version):
        raw = text.encode("utf-8")
        parts += [U16.pack(len(raw)), raw]
    raw = b"" if pdu is None else json.dumps(pdu, separators=(",", ":")).encode("utf-8")
    return b"".join([*parts, U32.pack(len(raw)), raw])
