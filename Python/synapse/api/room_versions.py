"""What room versions differ in."""

from __future__ import annotations

from typing import Dict, Final, Optional, Tuple

import attr

from synapse._missing import missing_names


class EventFormatVersions:
    """Formats of events."""

    ROOM_V1_V2: Final = 1
    ROOM_V3: Final = 2
    ROOM_V4_PLUS: Final = 3
    ROOM_V11_HYDRA_PLUS: Final = 4
    V1: Final = 1
    V2: Final = 2
    V3: Final = 3


KNOWN_EVENT_FORMAT_VERSIONS: Final = frozenset({1, 2, 3, 4})


class StateResolutionVersions:
    """Algorithms of state resolution."""

    V1: Final = 1
    V2: Final = 2
    V2_1: Final = 3


class RoomDisposition:
    """Whether a room version is for everyone."""

    STABLE: Final = "stable"
    UNSTABLE: Final = "unstable"


@attr.s(slots=True, frozen=True, auto_attribs=True)
class RoomVersion:
    """One room version."""

    identifier: str
    disposition: str = RoomDisposition.STABLE
    event_format: int = EventFormatVersions.ROOM_V4_PLUS
    state_res: int = StateResolutionVersions.V2
    enforce_key_validity: bool = False
    special_case_aliases_auth: bool = False
    strict_canonicaljson: bool = False
    limit_notifications_power_levels: bool = False
    implicit_room_creator: bool = False
    updated_redaction_rules: bool = False
    restricted_join_rule: bool = False
    restricted_join_rule_fix: bool = False
    knock_join_rule: bool = False
    msc3389_relation_redactions: bool = False
    knock_restricted_join_rule: bool = False
    enforce_int_power_levels: bool = False
    msc3931_push_features: Tuple[str, ...] = ()
    msc3757_enabled: bool = False
    msc4289_creator_power_enabled: bool = False
    msc4291_room_ids_as_hashes: bool = False
    strict_event_byte_limits_room_versions: bool = False


_V1 = RoomVersion(
    "1",
    event_format=EventFormatVersions.ROOM_V1_V2,
    state_res=StateResolutionVersions.V1,
    special_case_aliases_auth=True,
)
_V2 = attr.evolve(_V1, identifier="2", state_res=StateResolutionVersions.V2)
_V3 = attr.evolve(_V2, identifier="3", event_format=EventFormatVersions.ROOM_V3)
_V4 = attr.evolve(_V3, identifier="4", event_format=EventFormatVersions.ROOM_V4_PLUS)
_V5 = attr.evolve(_V4, identifier="5", enforce_key_validity=True)
_V6 = attr.evolve(
    _V5,
    identifier="6",
    special_case_aliases_auth=False,
    strict_canonicaljson=True,
    limit_notifications_power_levels=True,
)
_V7 = attr.evolve(_V6, identifier="7", knock_join_rule=True)
_V8 = attr.evolve(_V7, identifier="8", restricted_join_rule=True)
_V9 = attr.evolve(_V8, identifier="9", restricted_join_rule_fix=True)
_V10 = attr.evolve(_V9, identifier="10", knock_restricted_join_rule=True, enforce_int_power_levels=True)
_V11 = attr.evolve(
    _V10,
    identifier="11",
    implicit_room_creator=True,
    updated_redaction_rules=True,
    strict_event_byte_limits_room_versions=True,
)
_V12 = attr.evolve(
    _V11,
    identifier="12",
    event_format=EventFormatVersions.ROOM_V11_HYDRA_PLUS,
    state_res=StateResolutionVersions.V2_1,
    msc4289_creator_power_enabled=True,
    msc4291_room_ids_as_hashes=True,
)


class RoomVersions:
    """The room versions by name."""

    V1: Final = _V1
    V2: Final = _V2
    V3: Final = _V3
    V4: Final = _V4
    V5: Final = _V5
    V6: Final = _V6
    V7: Final = _V7
    V8: Final = _V8
    V9: Final = _V9
    V10: Final = _V10
    V11: Final = _V11
    V12: Final = _V12


KNOWN_ROOM_VERSIONS: Dict[str, RoomVersion] = {
    version.identifier: version
    for version in (_V1, _V2, _V3, _V4, _V5, _V6, _V7, _V8, _V9, _V10, _V11, _V12)
}
"""The room versions this server knows, by identifier."""


def room_version_named(identifier: Optional[str]) -> RoomVersion:
    """The room version called `identifier`; one nobody knows is taken for the newest, under its own name."""
    identifier = identifier or "1"
    version = KNOWN_ROOM_VERSIONS.get(identifier)
    if version is None:
        version = attr.evolve(_V12, identifier=identifier, disposition=RoomDisposition.UNSTABLE)
    return version


__getattr__ = missing_names(__name__)
