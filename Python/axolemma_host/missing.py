"""Objects that say what they have when asked for something else."""

from __future__ import annotations

from typing import Any


class Limited:
    """An object of upstream's with those members that published modules use."""

    #: What to call it in the message.
    known_as = "object"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        there = sorted({key for key in [*dir(type(self)), *self.__dict__] if not key.startswith("_")} - {"known_as"})
        raise AttributeError(
            "The %s has no %r: Axolemma offers the module interface of Synapse and those private attributes that"
            " published modules use. There is: %s" % (self.known_as, name, ", ".join(there))
        )
