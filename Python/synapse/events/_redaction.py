"""What redaction leaves of an event, and the hash that names it.

The rules are those of the room versions' pages of the specification.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Dict, Set

from synapse.api.room_versions import EventFormatVersions, RoomVersion
from synapse.events._content import copy_json
from synapse.util._json import encode_canonical_json

_TOP_LEVEL = {
    "event_id",
    "sender",
    "room_id",
    "hashes",
    "signatures",
    "content",
    "type",
    "state_key",
    "depth",
    "prev_events",
    "auth_events",
    "origin_server_ts",
}
_TOP_LEVEL_BEFORE_V11 = _TOP_LEVEL | {"origin", "membership", "prev_state"}

_POWER_LEVELS = {
    "users",
    "users_default",
    "events",
    "events_default",
    "state_default",
    "ban",
    "kick",
    "redact",
}


def _kept_content(event_type: str, content: Dict[str, Any], version: RoomVersion) -> Dict[str, Any]:
    """The part of a content that redaction keeps."""
    if event_type == "m.room.create" and version.updated_redaction_rules:
        return copy_json(content)
    keys: Set[str] = set()
    if event_type == "m.room.create":
        keys = {"creator"}
    elif event_type == "m.room.member":
        keys = {"membership"}
        if version.restricted_join_rule_fix:
            keys.add("join_authorised_via_users_server")
    elif event_type == "m.room.join_rules":
        keys = {"join_rule"}
        if version.restricted_join_rule:
            keys.add("allow")
    elif event_type == "m.room.power_levels":
        keys = _POWER_LEVELS | {"invite"} if version.updated_redaction_rules else _POWER_LEVELS
    elif event_type == "m.room.aliases" and version.special_case_aliases_auth:
        keys = {"aliases"}
    elif event_type == "m.room.history_visibility":
        keys = {"history_visibility"}
    elif event_type == "m.room.redaction" and version.updated_redaction_rules:
        keys = {"redacts"}
    kept = {key: copy_json(value) for key, value in content.items() if key in keys}
    if event_type == "m.room.member" and version.updated_redaction_rules:
        invite = content.get("third_party_invite")
        if isinstance(invite, dict) and "signed" in invite:
            kept["third_party_invite"] = {"signed": copy_json(invite["signed"])}
    return kept


def redact(event: Dict[str, Any], version: RoomVersion) -> Dict[str, Any]:
    """A copy of an event in federation format, with what redaction keeps of it."""
    keys = _TOP_LEVEL if version.updated_redaction_rules else _TOP_LEVEL_BEFORE_V11
    kept = {key: copy_json(value) for key, value in event.items() if key in keys}
    content = event.get("content")
    kept["content"] = _kept_content(event.get("type", ""), content if isinstance(content, dict) else {}, version)
    unsigned = event.get("unsigned") or {}
    kept["unsigned"] = {key: copy_json(unsigned[key]) for key in ("age_ts", "replaces_state") if key in unsigned}
    return kept


def event_id_of(event: Dict[str, Any], version: RoomVersion) -> str:
    """The identifier that an event's contents give it, in the third room version and later ones."""
    hashed = redact(event, version)
    for key in ("signatures", "unsigned", "event_id"):
        hashed.pop(key, None)
    digest = hashlib.sha256(encode_canonical_json(hashed)).digest()
    if version.event_format == EventFormatVersions.ROOM_V3:
        encoded = base64.b64encode(digest)
    else:
        encoded = base64.urlsafe_b64encode(digest)
    return "$" + encoded.decode("ascii").rstrip("=")
