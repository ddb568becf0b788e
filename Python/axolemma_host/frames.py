"""The frames that server and host exchange, as bytes.

A frame is ``u32 length | u8 kind | u32 call | body``, big endian; the length counts what follows it.
"""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Collection, Iterator, Mapping
from typing import Any

CALL = 1
REPLY = 2
FAILURE = 3
CANCEL = 4
DATA = 5
END = 6
CREDIT = 7
ABORT = 8

#: The most bytes a frame may count; more is a broken peer.
MAX_LENGTH = 256 * 1024 * 1024
#: Set in the numbers of calls that the host begins.
HOST_BIT = 0x80000000
#: What may be sent on a stream before the first CREDIT.
INITIAL_CREDIT = 262144

#: length, kind, call
HEADER = struct.Struct(">IBI")
#: length, kind, call, length of the JSON
MESSAGE = struct.Struct(">IBII")
U32 = struct.Struct(">I")
U16 = struct.Struct(">H")

#: Bytes that a frame's length counts before its body.
OVERHEAD = HEADER.size - U32.size


class ProtocolError(Exception):
    """The other side sent what the protocol does not know; the connection is given up."""


#: How many items are taken from what is neither a list nor a tuple.
LONGEST_LIST = 100_000


def _plain(value: Any) -> Any:
    """Makes a JSON value of what modules return beside dicts and lists."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    if isinstance(value, (Collection, Iterator)):
        # The values of a dictionary among them, say, put into a request for a room. Some iterators never end.
        items = list(itertools.islice(value, LONGEST_LIST + 1))
        if len(items) > LONGEST_LIST:
            raise ValueError(f"Object of type {type(value).__name__} has more than {LONGEST_LIST} items")
        return items
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_plain).encode
_decode = json.JSONDecoder().raw_decode


def encode_json(value: Any) -> bytes:
    """The JSON text of ``value``.

    Raises ``TypeError`` or ``ValueError`` for what JSON cannot say (NaN among it).
    """
    try:
        return _encode(value).encode("utf-8")
    except UnicodeEncodeError:
        # A lone surrogate, which UTF-8 does not have but a JSON escape can express.
        return _encode_ascii(value).encode("ascii")


def decode_json(data: bytes) -> Any:
    """The value of a JSON text that starts without white space. Raises :class:`ProtocolError` for what is none."""
    try:
        return _decode(data.decode("utf-8"))[0]
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a message that is no JSON: {error}") from error


def message(kind: int, call: int, text: bytes, attachment: bytes = b"") -> bytes:
    """A CALL, REPLY or FAILURE frame."""
    length = OVERHEAD + U32.size + len(text) + len(attachment)
    if length > MAX_LENGTH:
        raise ValueError(f"a message of {length} bytes is longer than the protocol allows")
    return MESSAGE.pack(length, kind, call, len(text)) + text + attachment


def plain(kind: int, call: int, body: bytes = b"") -> bytes:
    """A frame of any other kind."""
    return HEADER.pack(OVERHEAD + len(body), kind, call) + body


def credit(call: int, count: int) -> bytes:
    """A CREDIT frame: the receiver of the stream takes ``count`` bytes more."""
    return HEADER.pack(OVERHEAD + U32.size, CREDIT, call) + U32.pack(count)
