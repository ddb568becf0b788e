"""Identifiers: of users, rooms, aliases, events."""

from __future__ import annotations

import re
import string
from typing import Any, ClassVar, Optional, Type, TypeVar, Union

import attr

from synapse.api.errors import Codes, SynapseError
from synapse.util.stringutils import parse_and_validate_server_name

DS = TypeVar("DS", bound="DomainSpecificString")

ROOM_ID_PATTERN_DOMAINLESS = re.compile(r"^[A-Za-z0-9\-_]{43}$")
GUEST_USER_ID_PATTERN = re.compile(r"^\d+$")
MXID_LOCALPART_ALLOWED_CHARACTERS = set("_-./=+" + string.ascii_lowercase + string.digits)

_UPPER_CASE_PATTERN = re.compile(b"[A-Z_]")
_OUTSIDE_LOCALPART = re.compile(
    ("[^%s]" % (re.escape("".join(sorted(MXID_LOCALPART_ALLOWED_CHARACTERS - {"="}))),)).encode("ascii")
)


@attr.s(slots=True, frozen=True, repr=False, auto_attribs=True)
class DomainSpecificString:
    """An identifier with a sigil, a local part and the name of a server."""

    SIGIL: ClassVar[str] = ""

    localpart: str
    domain: str

    def __copy__(self: DS) -> DS:
        return self

    def __deepcopy__(self: DS, memo: Any) -> DS:
        return self

    @classmethod
    def from_string(cls: Type[DS], s: str) -> DS:
        """Parses `s`; a `SynapseError` with status 400 says what is wrong with it."""
        if len(s) < 1 or s[0:1] != cls.SIGIL:
            raise SynapseError(
                400, "Expected %s string to start with '%s'" % (cls.__name__, cls.SIGIL), Codes.INVALID_PARAM
            )
        localpart, colon, domain = s[1:].partition(":")
        if not colon:
            raise SynapseError(
                400,
                "Expected %s of the form '%slocalname:domain'" % (cls.__name__, cls.SIGIL),
                Codes.INVALID_PARAM,
            )
        return cls(localpart, domain)

    def to_string(self) -> str:
        """The identifier as text."""
        return "%s%s:%s" % (self.SIGIL, self.localpart, self.domain)

    @classmethod
    def is_valid(cls, s: str) -> bool:
        """Whether `s` is such an identifier, with a well-formed server name."""
        if len(s) < 1 or s[0] != cls.SIGIL:
            return False
        try:
            parse_and_validate_server_name(cls.from_string(s).domain)
        except Exception:
            return False
        return True

    __repr__ = to_string
    __str__ = to_string


@attr.s(slots=True, frozen=True, repr=False)
class UserID(DomainSpecificString):
    """The identifier of a user."""

    SIGIL = "@"


@attr.s(slots=True, frozen=True, repr=False)
class RoomAlias(DomainSpecificString):
    """An alias of a room."""

    SIGIL = "#"


@attr.s(slots=True, frozen=True, repr=False)
class EventID(DomainSpecificString):
    """The identifier of an event of the first two room versions."""

    SIGIL = "$"


@attr.s(slots=True, frozen=True, repr=False, auto_attribs=True)
class RoomIdWithDomain(DomainSpecificString):
    """The identifier of a room that names a server."""

    SIGIL = "!"


@attr.s(slots=True, frozen=True, repr=False, auto_attribs=True)
class RoomID:
    """The identifier of a room, with or without the name of a server."""

    SIGIL: ClassVar[str] = "!"

    _id: str
    _with_domain: Optional[RoomIdWithDomain] = None

    @classmethod
    def from_string(cls, s: str) -> "RoomID":
        """Parses `s`; a `SynapseError` with status 400 says what is wrong with it."""
        if len(s) < 1 or s[0] != cls.SIGIL:
            raise SynapseError(400, "Expected RoomID string to start with '!'", Codes.INVALID_PARAM)
        if ":" in s:
            return cls(s, RoomIdWithDomain.from_string(s))
        if not ROOM_ID_PATTERN_DOMAINLESS.match(s[1:]):
            raise SynapseError(
                400,
                "Expected RoomID string to be valid urlsafe unpadded base64 '%s'" % (s[1:],),
                Codes.INVALID_PARAM,
            )
        return cls(s)

    @classmethod
    def is_valid(cls, s: str) -> bool:
        """Whether `s` is the identifier of a room."""
        if len(s) >= 1 and s[0] == cls.SIGIL and ":" in s:
            return RoomIdWithDomain.is_valid(s)
        try:
            cls.from_string(s)
        except Exception:
            return False
        return True

    @property
    def localpart(self) -> str:
        """What stands before the server's name."""
        return self._id[1:].partition(":")[0]

    @property
    def domain(self) -> Optional[str]:
        """The server's name, if the identifier has one."""
        return self._with_domain.domain if self._with_domain is not None else None

    def get_domain(self) -> Optional[str]:
        """The server's name, if the identifier has one."""
        return self.domain

    def to_string(self) -> str:
        """The identifier as text."""
        return self._id

    __repr__ = to_string
    __str__ = to_string


def get_domain_from_id(string: str) -> str:
    """What stands after the first colon."""
    _, colon, domain = string.partition(":")
    if not colon:
        raise SynapseError(400, "Invalid ID: %r" % (string,))
    return domain


def get_localpart_from_id(string: str) -> str:
    """What stands between the sigil and the first colon."""
    localpart, colon, _ = string.partition(":")
    if not colon:
        raise SynapseError(400, "Invalid ID: %r" % (string,))
    return localpart[1:]


def contains_invalid_mxid_characters(localpart: str) -> bool:
    """Whether a new user's local part has characters that the specification forbids."""
    return not set(localpart) <= MXID_LOCALPART_ALLOWED_CHARACTERS


def map_username_to_mxid_localpart(username: Union[str, bytes], case_sensitive: bool = False) -> str:
    """Maps any name onto a local part, as the appendix of the specification describes.

    With `case_sensitive`, capitals and underscores get an underscore before them; otherwise capitals are lowered.
    """
    if not isinstance(username, bytes):
        username = username.encode("utf-8")
    if case_sensitive:
        username = _UPPER_CASE_PATTERN.sub(lambda found: b"_" + found.group(0).lower(), username)
    else:
        username = username.lower()
    username = _OUTSIDE_LOCALPART.sub(lambda found: b"=%02x" % (found.group(0)[0],), username)
    if username.startswith(b"_"):
        username = b"=5f" + username[1:]
    return username.decode("ascii")
