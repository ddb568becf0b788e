"""Names that the Matrix protocol and Synapse give to types, fields and values."""

from __future__ import annotations

import enum
from typing import Final

from synapse._missing import missing_names

APP_SERVICE_REGISTRATION_TYPE: Final = "m.login.application_service"
CANONICALJSON_MAX_INT: Final = 9007199254740991
CANONICALJSON_MIN_INT: Final = -9007199254740991
CREATOR_POWER_LEVEL: Final = 9007199254740992
MAIN_TIMELINE: Final = "main"
MAX_ALIAS_LENGTH: Final = 255
MAX_DEPTH: Final = 9007199254740991
MAX_EDUS_PER_TRANSACTION: Final = 100
MAX_PDU_SIZE: Final = 65536
MAX_REQUEST_SIZE: Final = 13107200
MAX_TO_DEVICE_CONTENT_SIZE: Final = 65536
MAX_USERID_LENGTH: Final = 255
NUMBER_OF_RESERVED_EDUS_PER_TRANSACTION: Final = 10
SOFT_MAX_EDU_SIZE: Final = 65536
ServerNoticeLimitReached: Final = "m.server_notice.usage_limit_reached"
ServerNoticeMsgType: Final = "m.server_notice"


class AccountDataTypes:
    """Types of account data."""

    DIRECT: Final = "m.direct"
    IGNORED_USER_LIST: Final = "m.ignored_user_list"
    TAG: Final = "m.tag"
    PUSH_RULES: Final = "m.push_rules"
    MSC4155_INVITE_PERMISSION_CONFIG: Final = "org.matrix.msc4155.invite_permission_config"
    INVITE_PERMISSION_CONFIG: Final = "m.invite_permission_config"
    SYNAPSE_ADMIN_CLIENT_CONFIG: Final = "io.element.synapse.admin_client_config"


class ApprovalNoticeMedium:
    """How a user learns that an account awaits approval."""

    NONE: Final = "org.matrix.msc3866.none"
    EMAIL: Final = "org.matrix.msc3866.email"


class DeviceKeyAlgorithms:
    """Algorithms of device keys."""

    ED25519: Final = "ed25519"
    CURVE25519: Final = "curve25519"
    SIGNED_CURVE25519: Final = "signed_curve25519"


class Direction(enum.Enum):
    """Direction of pagination."""

    BACKWARDS = "b"
    FORWARDS = "f"


class EduTypes:
    """Types of ephemeral federation messages."""

    PRESENCE: Final = "m.presence"
    TYPING: Final = "m.typing"
    RECEIPT: Final = "m.receipt"
    DEVICE_LIST_UPDATE: Final = "m.device_list_update"
    SIGNING_KEY_UPDATE: Final = "m.signing_key_update"
    UNSTABLE_SIGNING_KEY_UPDATE: Final = "org.matrix.signing_key_update"
    DIRECT_TO_DEVICE: Final = "m.direct_to_device"


class EventContentFields:
    """Keys of events' contents."""

    LABELS: Final = "org.matrix.labels"
    SELF_DESTRUCT_AFTER: Final = "org.matrix.self_destruct_after"
    ROOM_TYPE: Final = "type"
    FEDERATE: Final = "m.federate"
    ROOM_CREATOR: Final = "creator"
    ADDITIONAL_CREATORS: Final = "additional_creators"
    ROOM_VERSION: Final = "room_version"
    ROOM_NAME: Final = "name"
    MEMBERSHIP: Final = "membership"
    MEMBERSHIP_DISPLAYNAME: Final = "displayname"
    MEMBERSHIP_AVATAR_URL: Final = "avatar_url"
    GUEST_ACCESS: Final = "guest_access"
    AUTHORISING_USER: Final = "join_authorised_via_users_server"
    MENTIONS: Final = "m.mentions"
    TO_DEVICE_MSGID: Final = "org.matrix.msgid"
    ENCRYPTION_ALGORITHM: Final = "algorithm"
    TOMBSTONE_SUCCESSOR_ROOM: Final = "replacement_room"
    TOPIC: Final = "topic"
    M_TOPIC: Final = "m.topic"
    M_TEXT: Final = "m.text"
    JOIN_RULE: Final = "join_rule"


class EventTypes:
    """Types of events."""

    Member: Final = "m.room.member"
    Create: Final = "m.room.create"
    Tombstone: Final = "m.room.tombstone"
    JoinRules: Final = "m.room.join_rules"
    PowerLevels: Final = "m.room.power_levels"
    Aliases: Final = "m.room.aliases"
    Redaction: Final = "m.room.redaction"
    ThirdPartyInvite: Final = "m.room.third_party_invite"
    RoomHistoryVisibility: Final = "m.room.history_visibility"
    CanonicalAlias: Final = "m.room.canonical_alias"
    Encrypted: Final = "m.room.encrypted"
    RoomAvatar: Final = "m.room.avatar"
    RoomEncryption: Final = "m.room.encryption"
    GuestAccess: Final = "m.room.guest_access"
    Message: Final = "m.room.message"
    Topic: Final = "m.room.topic"
    Name: Final = "m.room.name"
    ServerACL: Final = "m.room.server_acl"
    Pinned: Final = "m.room.pinned_events"
    Retention: Final = "m.room.retention"
    Dummy: Final = "org.matrix.dummy_event"
    SpaceChild: Final = "m.space.child"
    SpaceParent: Final = "m.space.parent"
    Reaction: Final = "m.reaction"
    Sticker: Final = "m.sticker"
    LiveLocationShareStart: Final = "m.beacon_info"
    CallInvite: Final = "m.call.invite"
    PollStart: Final = "m.poll.start"
    RoomPolicy: Final = "m.room.policy"


class EventUnsignedContentFields:
    """Keys of events' `unsigned`."""

    MEMBERSHIP: Final = "membership"
    STICKY_TTL: Final = "msc4354_sticky_duration_ttl_ms"


class GuestAccess:
    """Values of `m.room.guest_access`."""

    CAN_JOIN: Final = "can_join"
    FORBIDDEN: Final = "forbidden"


class HistoryVisibility:
    """Values of `m.room.history_visibility`."""

    INVITED: Final = "invited"
    JOINED: Final = "joined"
    SHARED: Final = "shared"
    WORLD_READABLE: Final = "world_readable"


class JoinRules:
    """Values of `m.room.join_rules`."""

    PUBLIC: Final = "public"
    KNOCK: Final = "knock"
    INVITE: Final = "invite"
    PRIVATE: Final = "private"
    RESTRICTED: Final = "restricted"
    KNOCK_RESTRICTED: Final = "knock_restricted"


class LimitBlockingTypes:
    """Reasons why a server refuses with a resource limit."""

    MONTHLY_ACTIVE_USER: Final = "monthly_active_user"
    HS_DISABLED: Final = "hs_disabled"


class LoginType:
    """Types of login and of stages of user-interactive authentication."""

    PASSWORD: Final = "m.login.password"
    EMAIL_IDENTITY: Final = "m.login.email.identity"
    MSISDN: Final = "m.login.msisdn"
    RECAPTCHA: Final = "m.login.recaptcha"
    TERMS: Final = "m.login.terms"
    SSO: Final = "m.login.sso"
    DUMMY: Final = "m.login.dummy"
    REGISTRATION_TOKEN: Final = "m.login.registration_token"


class MTextFields:
    """Keys of extensible text."""

    BODY: Final = "body"
    MIMETYPE: Final = "mimetype"


class Membership:
    """Values of a member's `membership`."""

    INVITE: Final = "invite"
    JOIN: Final = "join"
    KNOCK: Final = "knock"
    LEAVE: Final = "leave"
    BAN: Final = "ban"
    LIST: Final = frozenset({"ban", "invite", "join", "knock", "leave"})


class PresenceState:
    """States of presence."""

    OFFLINE: Final = "offline"
    UNAVAILABLE: Final = "unavailable"
    ONLINE: Final = "online"
    BUSY: Final = "org.matrix.msc3026.busy"


class ProfileFields:
    """Fields of every profile."""

    DISPLAYNAME: Final = "displayname"
    AVATAR_URL: Final = "avatar_url"


class PublicRoomsFilterFields:
    """Keys of the filter of the room directory."""

    GENERIC_SEARCH_TERM: Final = "generic_search_term"
    ROOM_TYPES: Final = "room_types"


class ReceiptTypes:
    """Types of read receipts."""

    READ: Final = "m.read"
    READ_PRIVATE: Final = "m.read.private"
    FULLY_READ: Final = "m.fully_read"


class RejectedReason:
    """Why an event was rejected."""

    AUTH_ERROR: Final = "auth_error"
    OVERSIZED_EVENT: Final = "oversized_event"


class RelationTypes:
    """Values of `rel_type`."""

    ANNOTATION: Final = "m.annotation"
    REPLACE: Final = "m.replace"
    REFERENCE: Final = "m.reference"
    THREAD: Final = "m.thread"


class RestrictedJoinRuleTypes:
    """Types of conditions of restricted rooms."""

    ROOM_MEMBERSHIP: Final = "m.room_membership"


class RoomCreationPreset:
    """Presets of room creation."""

    PRIVATE_CHAT: Final = "private_chat"
    PUBLIC_CHAT: Final = "public_chat"
    TRUSTED_PRIVATE_CHAT: Final = "trusted_private_chat"


class RoomEncryptionAlgorithms:
    """Algorithms of encrypted rooms."""

    MEGOLM_V1_AES_SHA2: Final = "m.megolm.v1.aes-sha2"
    DEFAULT: Final = "m.megolm.v1.aes-sha2"


class RoomTypes:
    """Values of `type` of `m.room.create`."""

    SPACE: Final = "m.space"


class ThirdPartyEntityKind:
    """What a bridge can look up."""

    USER: Final = "user"
    LOCATION: Final = "location"


class ToDeviceEventTypes:
    """Types of to-device messages."""

    RoomKeyRequest: Final = "m.room_key_request"


class UserTypes:
    """Special kinds of users."""

    SUPPORT: Final = "support"
    BOT: Final = "bot"
    ALL_BUILTIN_USER_TYPES: Final = ("support", "bot")


__getattr__ = missing_names(__name__)
