"""Clear messages for names that this package does not have."""

from __future__ import annotations

import dis
import importlib
import sys
from typing import Any, Callable, Dict, Optional

_IMPORT_FROM = dis.opmap["IMPORT_FROM"]


def missing_names(module: str, late: Optional[Dict[str, Callable[[], Any]]] = None) -> Callable[[str], Any]:
    """Makes the `__getattr__` of a module, which says that a name is not offered and where to look instead.

    `from module import name` would swallow the message of an `AttributeError`, so it gets an `ImportError`;
    every other look-up (`hasattr`, `getattr` with a default) gets the usual `AttributeError`.

    `late` has names that are made when somebody asks for them, for modules that need each other.
    """

    def module_getattr(name: str) -> Any:
        if late is not None and name in late:
            return late[name]()
        message = (
            f"module {module!r} has no {name!r}: Axolemma offers the names of Synapse's module interface"
            " and those that published modules are known to use"
        )
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        caller = sys._getframe(1)
        code = caller.f_code.co_code
        position = caller.f_lasti
        if 0 <= position < len(code) and code[position] == _IMPORT_FROM:
            raise ImportError(message, name=module)
        raise AttributeError(message)

    return module_getattr


def found_in(module: str, *names: str) -> Dict[str, Callable[[], Any]]:
    """Names of another module, for `late`."""
    return {name: lambda name=name: getattr(importlib.import_module(module), name) for name in names}  # type: ignore[misc]
