"""What the server knows about an event beside the event."""

from __future__ import annotations

from typing import Any, Dict, Optional

_NAMES = frozenset(
    {
        "calculated_auth_event_ids",
        "delay_id",
        "device_id",
        "out_of_band_membership",
        "policy_server_spammy",
        "proactively_send",
        "recheck_redaction",
        "redacted",
        "send_on_behalf_of",
        "soft_failed",
        "spam_checker_spammy",
        "token_id",
        "txn_id",
    }
)
_FALSE_IF_UNSET = frozenset({"policy_server_spammy", "spam_checker_spammy"})
_APART = frozenset({"outlier", "stream_ordering", "instance_name", "redacted_by"})


class EventInternalMetadata:
    """What the server knows about an event. What is not set raises `AttributeError`."""

    __slots__ = ("_values", "outlier", "stream_ordering", "instance_name", "redacted_by")

    def __init__(self, fields: Optional[Dict[str, Any]] = None):
        self.outlier = False
        self.stream_ordering: Optional[int] = None
        self.instance_name: Optional[str] = None
        self.redacted_by: Optional[str] = None
        values: Dict[str, Any] = {}
        if fields:
            for name, value in fields.items():
                if name in _NAMES:
                    values[name] = value
                elif name in _APART:
                    object.__setattr__(self, name, value)
        object.__setattr__(self, "_values", values)

    def __getattr__(self, name: str) -> Any:
        if name in _NAMES:
            values = object.__getattribute__(self, "_values")
            if name in values:
                return values[name]
            if name in _FALSE_IF_UNSET:
                return False
        raise AttributeError("internal metadata has no %r" % (name,))

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _NAMES:
            self._values[name] = value
        elif name in _APART:
            object.__setattr__(self, name, value)
        else:
            raise AttributeError("internal metadata has no %r" % (name,))

    def __delattr__(self, name: str) -> None:
        if name not in self._values:
            raise AttributeError("internal metadata has no %r" % (name,))
        del self._values[name]

    def __repr__(self) -> str:
        return "<EventInternalMetadata %r>" % (self._values,)

    def get_dict(self) -> Dict[str, Any]:
        """What is set, but for what the database keeps elsewhere."""
        return dict(self._values)

    def deep_copy(self) -> "EventInternalMetadata":
        """A copy that shares nothing."""
        copy = EventInternalMetadata(self._values)
        for name in _APART:
            object.__setattr__(copy, name, getattr(self, name))
        return copy

    def is_outlier(self) -> bool:
        """Whether the event stands outside the room's known history."""
        return self.outlier

    def is_soft_failed(self) -> bool:
        """Whether the event is kept but not shown."""
        return bool(self._values.get("soft_failed", False))

    def is_redacted(self) -> bool:
        """Whether the event was redacted."""
        return bool(self._values.get("redacted", False))

    def is_out_of_band_membership(self) -> bool:
        """Whether this is an invite or its rejection in a room this server is not in."""
        return bool(self._values.get("out_of_band_membership", False))

    def is_notifiable(self) -> bool:
        """Whether clients are told of the event."""
        return not self.is_outlier() or self.is_out_of_band_membership()

    def get_send_on_behalf_of(self) -> Optional[str]:
        """The server for which this one sends the event."""
        return self._values.get("send_on_behalf_of")

    def need_to_check_redaction(self) -> bool:
        """Whether the redaction is to be judged when the redacted event is known."""
        return bool(self._values.get("recheck_redaction", False))

    def should_proactively_send(self) -> bool:
        """Whether the event is sent to the room's other servers."""
        return bool(self._values.get("proactively_send", True))
