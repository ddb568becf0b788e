"""The arguments of callbacks: from JSON to what modules expect."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

#: Makes a callback's argument of its JSON. The second parameter is the state that came with the call.
Converter = Callable[[Any], Any]
Arguments = Callable[[List[Any], Any], Sequence[Any]]


def _event() -> Converter:
    from synapse.events import event_from_wire

    return event_from_wire


def _requester() -> Converter:
    from synapse.types import Requester

    return Requester.deserialize


def _unwrapped(wire: Any, tag: str) -> Any:
    """The value of ``{"$tag": value}``, or the value itself where it came bare."""
    if isinstance(wire, dict) and tag in wire and len(wire) == 1:
        return wire[tag]
    return wire


def _alias() -> Converter:
    from synapse.types import RoomAlias

    return lambda wire: RoomAlias.from_string(_unwrapped(wire, "$alias"))


def _presence_list() -> Converter:
    from synapse.api.presence import UserPresenceState

    return lambda wire: [UserPresenceState(**_unwrapped(state, "$presence")) for state in wire]


def _profile() -> Converter:
    from synapse.storage.roommember import ProfileInfo

    def convert(wire: Any) -> Any:
        wire = _unwrapped(wire, "$profile")
        return ProfileInfo(avatar_url=wire.get("avatar_url"), display_name=wire.get("display_name"))

    return convert


def _file() -> Converter:
    from synapse.media.media_storage import ReadableFileWrapper

    def convert(wire: Any) -> Any:
        from twisted.internet import reactor

        wire = _unwrapped(wire, "$file")
        path = wire["path"] if isinstance(wire, dict) else wire
        return ReadableFileWrapper(reactor, path)

    return convert


def _file_info() -> Converter:
    from synapse.media._base import FileInfo, ThumbnailInfo

    def convert(wire: Any) -> Any:
        wire = _unwrapped(wire, "$file_info")
        thumbnail = wire.get("thumbnail")
        return FileInfo(
            server_name=wire.get("server_name"),
            file_id=wire["file_id"],
            url_cache=bool(wire.get("url_cache")),
            thumbnail=ThumbnailInfo(**thumbnail) if thumbnail else None,
        )

    return convert


def _request_info() -> Converter:
    return lambda wire: [tuple(pair) for pair in wire or ()]


def _registration_info() -> Converter:
    # A registration without a user agent has an empty one, as it passed through a session of the server's.
    return lambda wire: [(agent or "", address) for agent, address in wire or ()]


def _upload_limit() -> Converter:
    from synapse.config.repository import MediaUploadLimit

    return lambda wire: MediaUploadLimit(**_unwrapped(wire, "$upload_limit"))


def _delivery() -> Converter:
    from synapse.events import event_from_wire
    from synapse.module_api.callbacks.federation import (
        FederatedEventDeliveryMethod,
        FederationEventDeliveryEvent,
    )

    def convert(wire: Any) -> Any:
        wire = _unwrapped(wire, "$delivery")
        return FederationEventDeliveryEvent(
            server_name=wire["server_name"],
            events=[event_from_wire(event) for event in wire["events"]],
            method=FederatedEventDeliveryMethod(wire["method"]),
        )

    return convert


def _request() -> Converter:
    from axolemma_host.web import request_from_wire

    return lambda wire: request_from_wire(_unwrapped(wire, "$request"))


#: Stands for the state that comes with the call.
def _state() -> Converter:
    raise AssertionError("the state is no JSON")


_plain = None
_Spec = Tuple[Optional[Callable[[], Converter]], ...]

#: Which arguments are more than JSON, by position.
_SPECS: Dict[str, _Spec] = {
    "check_event_for_spam": (_event,),
    "should_drop_federated_event": (_event,),
    "federated_user_may_invite": (_event,),
    "user_may_create_room_alias": (_plain, _alias),
    "check_registration_for_spam": (_plain, _plain, _registration_info),
    "check_login_for_spam": (_plain, _plain, _plain, _request_info),
    "check_media_file_for_spam": (_file, _file_info),
    "check_event_allowed": (_event, _state),
    "on_create_room": (_requester,),
    "check_threepid_can_be_invited": (_plain, _plain, _state),
    "check_visibility_can_be_modified": (_plain, _state),
    "on_new_event": (_event, _state),
    "on_profile_update": (_plain, _profile),
    "get_users_for_states": (_presence_list,),
    "on_legacy_admin_request": (_request,),
    "add_field_to_unsigned_callback": (_event,),
    "on_media_upload_limit_exceeded": (_plain, _upload_limit),
    "on_event_delivered_over_federation": (_delivery,),
}


def arguments_of(name: str) -> Arguments:
    """What makes the arguments of a callback from the JSON of its call and the state that came with it."""
    spec = _SPECS.get(name)
    if spec is None:
        return lambda wire, state: wire
    converters = [(at, make) for at, make in enumerate(spec) if make is not None]
    if len(converters) == 1 and converters[0][1] is not _state:
        at, convert = converters[0][0], converters[0][1]()

        def one(wire: List[Any], state: Any) -> List[Any]:
            if len(wire) > at:
                wire[at] = convert(wire[at])
            return wire

        return one
    made = [(at, None if make is _state else make()) for at, make in converters]

    def several(wire: List[Any], state: Any) -> List[Any]:
        for at, convert in made:
            if convert is not None:
                wire[at] = convert(wire[at])
            else:
                wire[at] = {} if state is None else state
        return wire

    return several
