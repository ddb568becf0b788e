"""Random strings, and checks of identifiers' parts."""

from __future__ import annotations

import random
import re
import secrets
import string
from ipaddress import AddressValueError, IPv6Address
from typing import Any, Iterable, List, Optional, Tuple

from synapse._missing import missing_names
from synapse.api.errors import Codes, SynapseError

_LETTERS = string.ascii_letters
_SYMBOLS = string.digits + string.ascii_letters + ".,;:^&*-_+=#~@"

CLIENT_SECRET_REGEX = re.compile(r"^[0-9a-zA-Z\.=_\-]+$")
MXC_REGEX = re.compile("^mxc://([^/]+)/([^/#?]+)$")
NAMESPACED_GRAMMAR = re.compile(r"^[a-z][a-z0-9_.-]*$")
VALID_HOST_REGEX = re.compile("\\A[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*\\Z")


def random_string(length: int) -> str:
    """A secret of letters."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def random_string_with_symbols(length: int) -> str:
    """A secret of letters, digits and symbols."""
    return "".join(secrets.choice(_SYMBOLS) for _ in range(length))


def random_string_insecure_fast(length: int) -> str:
    """Random letters that are no secret."""
    return "".join(random.choice(_LETTERS) for _ in range(length))


def is_ascii(s: bytes) -> bool:
    """Whether these are characters of ASCII."""
    try:
        s.decode("ascii")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return False
    return True


def is_namedspaced_grammar(s: str) -> bool:
    """Whether this follows the common namespaced identifier grammar."""
    return bool(NAMESPACED_GRAMMAR.match(s))


def assert_valid_client_secret(client_secret: str) -> None:
    """Raises a `SynapseError` with status 400 unless this is a client secret as the specification wants it."""
    if len(client_secret) <= 0 or len(client_secret) > 255 or CLIENT_SECRET_REGEX.match(client_secret) is None:
        raise SynapseError(400, "Invalid client_secret parameter", errcode=Codes.INVALID_PARAM)


def parse_server_name(server_name: str) -> Tuple[str, Optional[int]]:
    """The host and port of a server's name; `ValueError` if there is no sense in it."""
    try:
        if server_name and server_name[-1] == "]":
            return server_name, None
        host, colon, port = server_name.rpartition(":")
        if not colon:
            return server_name, None
        return host, int(port) if port else None
    except Exception:
        raise ValueError("Invalid server name '%s'" % server_name) from None


def parse_and_validate_server_name(server_name: str) -> Tuple[str, Optional[int]]:
    """The host and port of a server's name; `ValueError` unless it is well-formed."""
    host, port = parse_server_name(server_name)
    if host and host[0] == "[":
        if host[-1] != "]":
            raise ValueError("Mismatched [...] in server name '%s'" % (server_name,))
        try:
            IPv6Address(host[1:-1])
        except AddressValueError as error:
            raise ValueError("Server name '%s' is not a valid IPv6 address: %s" % (server_name, error)) from None
    elif not VALID_HOST_REGEX.match(host):
        raise ValueError("Server name '%s' has an invalid format" % (server_name,))
    return host, port


def valid_id_server_location(id_server: str) -> bool:
    """Whether this is a host, perhaps with a port and a path."""
    host, _, path = id_server.partition("/")
    try:
        parse_and_validate_server_name(host)
    except ValueError:
        return False
    return "#" not in path and "?" not in path


def parse_and_validate_mxc_uri(mxc: str) -> Tuple[str, Optional[int], str]:
    """The host, port and media identifier of an address of media."""
    found = MXC_REGEX.match(mxc)
    if not found:
        raise ValueError("mxc URI %r did not match expected format" % (mxc,))
    host, port = parse_and_validate_server_name(found.group(1))
    return host, port, found.group(2)


def shortstr(iterable: Iterable[Any], maxitems: int = 5) -> str:
    """The first few items as text."""
    items: List[str] = []
    for number, item in enumerate(iterable):
        if number == maxitems:
            return "[" + ", ".join(items) + ", ...]"
        items.append(repr(item))
    return "[" + ", ".join(items) + "]"


def strtobool(val: str) -> bool:
    """The truth of "yes", "no" and their like."""
    val = val.lower()
    if val in ("y", "yes", "t", "true", "on", "1"):
        return True
    if val in ("n", "no", "f", "false", "off", "0"):
        return False
    raise ValueError("invalid truth value %r" % (val,))


def non_null_str_or_none(val: Any) -> Optional[str]:
    """The value if it is a string that a database can hold."""
    return val if isinstance(val, str) and "\u0000" not in val else None


_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def base62_encode(num: int, minwidth: int = 1) -> str:
    """The number in digits and letters."""
    digits = ""
    while num:
        num, rest = divmod(num, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(minwidth, "0")


__getattr__ = missing_names(__name__)
