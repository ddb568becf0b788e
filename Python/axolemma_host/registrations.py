"""What modules registered, and under which number the server knows it."""

from __future__ import annotations

import functools
import inspect
import logging
from collections import OrderedDict
from typing import Any, Callable, Dict, List, Optional

from axolemma_host.arguments import Arguments, arguments_of
from axolemma_host.results import Normaliser, normaliser_of

logger = logging.getLogger(__name__)

#: Callables handed over for a single later call (login callbacks); the oldest go when there are more.
MOST_SINGLE_CALLS = 10_000

#: Callbacks that take one parameter or two.
_PROBED = frozenset({"user_may_create_room", "check_username_for_spam"})


class Registration:
    """One callable of a module."""

    __slots__ = ("id", "name", "function", "item", "label", "sync", "arguments", "normalise", "count")

    def __init__(self, number: int, name: str, function: Callable[..., Any], item: Optional[int], sync: bool) -> None:
        self.id = number
        self.name = name
        self.function = function
        self.item = item
        #: How logs call it.
        self.label = label_of(function)
        #: It may return its result instead of an awaitable (legacy interfaces).
        self.sync = sync
        self.arguments: Arguments = arguments_of(name)
        self.normalise: Normaliser = normaliser_of(name)
        #: How many arguments it is given; None for all.
        self.count: Optional[int] = None
        if name in _PROBED:
            self.count = 2 if _parameter_count(function) == 2 else 1


class Mount:
    """A web resource of a module."""

    __slots__ = ("id", "path", "resource", "depth")

    def __init__(self, number: int, path: str, resource: Any) -> None:
        self.id = number
        self.path = path
        self.resource = resource
        #: How many segments of a request's path lead to the resource.
        self.depth = len(path.split("/")[1:])


def _parameter_count(function: Callable[..., Any]) -> int:
    """How many parameters a callable names; 0 where it does not say."""
    try:
        return len(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return 0


def label_of(function: Callable[..., Any]) -> str:
    """The name of a callable, as its author would look for it."""
    name = getattr(function, "__qualname__", None)
    if name is None:
        kind = type(function)
        return f"{kind.__module__}.{kind.__qualname__}"
    return f"{getattr(function, '__module__', None) or '?'}.{name}"


class Registrations:
    """The callbacks and web resources of all modules of this process."""

    def __init__(self, peer: Any) -> None:
        self._peer = peer
        self._last = 0
        self._web_closed = False
        self._modules: Dict[int, str] = {}
        self._instances: List[Any] = []
        self.callbacks: Dict[int, Registration] = {}
        self.mounts: Dict[int, Mount] = {}
        self._single: "OrderedDict[int, None]" = OrderedDict()
        #: The module being constructed.
        self.current_item: Optional[int] = None

    def register(
        self, callback_name: str, fn: Callable[..., Any], extra: Optional[Dict[str, Any]] = None, sync: bool = False
    ) -> int:
        """Registers a callback of the module that is being constructed, and tells the server."""
        if not callable(fn):
            raise TypeError(f"{callback_name} must be callable, not {type(fn).__name__}")
        item = self._item_of(fn)
        if callback_name == "on_update":
            fn = self._entering(fn, item)
        registration = self._add(callback_name, fn, item, sync)
        self._peer.note(
            "register",
            {
                "item": item,
                "callback": callback_name,
                "id": registration.id,
                "module": self._modules.get(item, registration.label) if item is not None else registration.label,
                "extra": dict(extra or {}),
            },
        )
        return registration.id

    @property
    def current_module(self) -> Optional[str]:
        """What the configuration calls the module under construction."""
        return None if self.current_item is None else self._modules.get(self.current_item)

    @property
    def total(self) -> int:
        """How many callbacks and web resources were ever registered."""
        return self._last

    def register_web_resource(self, path: str, resource: Any) -> int:
        """Registers a Twisted resource at a path, for as long as the server has no listener open."""
        if self._web_closed:
            raise RuntimeError("Tried to register a web resource from a module after startup")
        if isinstance(path, bytes):
            path = path.decode("ascii")
        self._last += 1
        self.mounts[self._last] = Mount(self._last, path, resource)
        is_leaf = bool(getattr(resource, "isLeaf", False))
        self._peer.note(
            "register_web_resource",
            {"item": self.current_item, "path": path, "id": self._last, "is_leaf": is_leaf},
        )
        return self._last

    def add_single(self, name: str, fn: Callable[..., Any], item: Optional[int]) -> int:
        """Keeps a callable that the server will call once, or never."""
        registration = self._add(name, fn, item, sync=True)
        self._single[registration.id] = None
        if len(self._single) > MOST_SINGLE_CALLS:
            oldest, _ = self._single.popitem(last=False)
            self.callbacks.pop(oldest, None)
        return registration.id

    def take_single(self, number: int) -> None:
        """The callable was called: it is done with, if it was for one call."""
        if number in self._single:
            del self._single[number]
            self.callbacks.pop(number, None)

    def close_web(self) -> None:
        """From now on no web resource can be registered."""
        self._web_closed = True

    def name_item(self, item: int, module: str) -> None:
        """Remembers what the configuration calls a module."""
        self._modules[item] = module

    def add_instance(self, item: int, instance: Any) -> None:
        """Remembers a module's object, so that what it registers later is known to be its."""
        self._instances.append((item, instance))

    def _add(self, name: str, fn: Callable[..., Any], item: Optional[int], sync: bool) -> Registration:
        self._last += 1
        registration = self.callbacks[self._last] = Registration(self._last, name, fn, item, sync)
        return registration

    def _entering(self, on_update: Callable[..., Any], item: Optional[int]) -> Callable[..., Any]:
        """``on_update`` gives a context manager: entering it is the callback, leaving it a call of its own."""

        @functools.wraps(on_update)
        async def enter(*args: Any) -> Dict[str, Any]:
            manager = on_update(*args)
            duration = await manager.__aenter__()

            async def leave() -> None:
                await manager.__aexit__(None, None, None)

            return {"duration_ms": duration, "exit": self.add_single("background_update_exit", leave, item)}

        return enter

    def _item_of(self, fn: Callable[..., Any]) -> Optional[int]:
        """The module that registers ``fn``: the one under construction, else the one it belongs to."""
        if self.current_item is not None:
            return self.current_item
        owner = getattr(fn, "__self__", None)
        for item, instance in self._instances:
            if instance is owner:
                return item
        package = str(getattr(fn, "__module__", "") or "").split(".")[0]
        for item, module in self._modules.items():
            if package and module.split(".")[0] == package:
                return item
        return next(iter(self._modules), None)
