"""Parsing of requests."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar

from twisted.web.server import Request

from synapse._missing import missing_names
from synapse.api.errors import Codes, SynapseError
from synapse.types import JsonDict, RoomAlias, RoomID
from synapse.util._json import decode_json

logger = logging.getLogger(__name__)

EnumT = TypeVar("EnumT")
Args = Mapping[bytes, Sequence[bytes]]


def _missing(text: str) -> SynapseError:
    return SynapseError(HTTPStatus.BAD_REQUEST, text, errcode=Codes.MISSING_PARAM)


def _invalid(text: str) -> SynapseError:
    return SynapseError(HTTPStatus.BAD_REQUEST, text, errcode=Codes.INVALID_PARAM)


def parse_integer(
    request: Request, name: str, default: Optional[int] = None, required: bool = False, negative: bool = False
) -> Optional[int]:
    """A whole number of the query; below zero only with `negative`."""
    return parse_integer_from_args(request.args, name, default, required, negative)


def parse_integer_from_args(
    args: Args, name: str, default: Optional[int] = None, required: bool = False, negative: bool = False
) -> Optional[int]:
    """A whole number of the arguments; below zero only with `negative`."""
    values = args.get(name.encode("ascii"))
    if not values:
        if required:
            raise _missing("Missing required integer query parameter %s" % (name,))
        return default
    try:
        number = int(values[0])
    except Exception:
        raise _invalid("Query parameter %s must be an integer" % (name,)) from None
    if not negative and number < 0:
        raise _invalid("Query parameter %s must be a positive integer." % (name,))
    return number


def parse_boolean(
    request: Request, name: str, default: Optional[bool] = None, required: bool = False
) -> Optional[bool]:
    """`true` or `false` of the query."""
    return parse_boolean_from_args(request.args, name, default, required)


def parse_boolean_from_args(
    args: Args, name: str, default: Optional[bool] = None, required: bool = False
) -> Optional[bool]:
    """`true` or `false` of the arguments."""
    values = args.get(name.encode("ascii"))
    if not values:
        if required:
            raise _missing("Missing boolean query parameter %r" % (name,))
        return default
    truth = {b"true": True, b"false": False}.get(values[0])
    if truth is None:
        raise _invalid("Boolean query parameter %r must be one of ['true', 'false']" % (name,))
    return truth


def parse_bytes_from_args(
    args: Args, name: str, default: Optional[bytes] = None, required: bool = False
) -> Optional[bytes]:
    """The bytes of an argument."""
    values = args.get(name.encode("ascii"))
    if values:
        return values[0]
    if required:
        raise _missing("Missing string query parameter %s" % (name,))
    return default


def parse_string(
    request: Request,
    name: str,
    default: Optional[str] = None,
    required: bool = False,
    allowed_values: Optional[Iterable[str]] = None,
    encoding: str = "ascii",
) -> Optional[str]:
    """A string of the query."""
    return parse_string_from_args(request.args, name, default, required, allowed_values, encoding)


def parse_string_from_args(
    args: Args,
    name: str,
    default: Optional[str] = None,
    required: bool = False,
    allowed_values: Optional[Iterable[str]] = None,
    encoding: str = "ascii",
) -> Optional[str]:
    """A string of the arguments."""
    strings = parse_strings_from_args(
        args,
        name,
        default=None if default is None else [default],
        required=required,
        allowed_values=allowed_values,
        encoding=encoding,
    )
    return None if strings is None else strings[0]


def parse_strings_from_args(
    args: Args,
    name: str,
    default: Optional[List[str]] = None,
    required: bool = False,
    allowed_values: Optional[Iterable[str]] = None,
    encoding: str = "ascii",
) -> Optional[List[str]]:
    """All the strings of one name in the arguments."""
    values = args.get(name.encode("ascii"))
    if not values:
        if required:
            raise _missing("Missing string query parameter %r" % (name,))
        return default
    return [_decoded(value, name, allowed_values, encoding) for value in values]


def _decoded(value: bytes, name: str, allowed_values: Optional[Iterable[str]], encoding: str) -> str:
    try:
        text = value.decode(encoding)
    except ValueError:
        raise SynapseError(400, "Query parameter %r must be %s" % (name, encoding)) from None
    if allowed_values is not None and text not in allowed_values:
        allowed = ", ".join(repr(allowed) for allowed in allowed_values)
        raise _invalid("Query parameter %r must be one of [%s]" % (name, allowed))
    return text


def parse_enum(
    request: Request, name: str, E: Type[EnumT], default: Optional[EnumT] = None, required: bool = False
) -> Optional[EnumT]:
    """A member of an enumeration, by its value in the query."""
    value = parse_string(
        request,
        name,
        default=None if default is None else default.value,  # type: ignore[attr-defined]
        required=required,
        allowed_values=[member.value for member in E],  # type: ignore[attr-defined]
    )
    return None if value is None else E(value)  # type: ignore[call-arg]


def parse_json(
    request: Request, name: str, default: Optional[dict] = None, required: bool = False, encoding: str = "ascii"
) -> Optional[JsonDict]:
    """JSON in an argument of the query."""
    return parse_json_from_args(request.args, name, default, required, encoding)


def parse_json_from_args(
    args: Args, name: str, default: Optional[dict] = None, required: bool = False, encoding: str = "ascii"
) -> Optional[JsonDict]:
    """JSON in an argument."""
    values = args.get(name.encode("ascii"))
    if not values:
        if required:
            raise _missing("Missing required JSON query parameter %s" % (name,))
        return default
    text = _decoded(values[0], name, None, encoding)
    try:
        return decode_json(text)
    except Exception:
        raise SynapseError(
            HTTPStatus.BAD_REQUEST, "Query parameter %s must be a valid JSON object" % (name,), Codes.NOT_JSON
        ) from None


def parse_json_value_from_request(request: Request, allow_empty_body: bool = False) -> Any:
    """The JSON in the body, of any type; `None` for an empty body that is allowed."""
    try:
        body = request.content.read()
    except Exception:
        raise SynapseError(HTTPStatus.BAD_REQUEST, "Error reading JSON content.") from None
    if not body and allow_empty_body:
        return None
    try:
        return decode_json(body.decode("utf-8"))
    except Exception as error:
        # What stands in the body may be secret, so only the place of the error is logged.
        logger.info("A request's body is no JSON: %s", type(error).__name__)
        raise SynapseError(HTTPStatus.BAD_REQUEST, "Content not JSON.", errcode=Codes.NOT_JSON) from None


def parse_json_object_from_request(request: Request, allow_empty_body: bool = False) -> JsonDict:
    """The JSON object in the body; `{}` for an empty body that is allowed."""
    content = parse_json_value_from_request(request, allow_empty_body=allow_empty_body)
    if allow_empty_body and content is None:
        return {}
    if not isinstance(content, dict):
        raise SynapseError(HTTPStatus.BAD_REQUEST, "Content must be a JSON object.", errcode=Codes.BAD_JSON)
    return content


def validate_json_object(content: JsonDict, model_type: Any) -> Any:
    """The content as an instance of a pydantic model."""
    try:
        return model_type.model_validate(content)
    except Exception as error:
        errors = error.errors() if hasattr(error, "errors") else []
        code = Codes.MISSING_PARAM if errors and errors[0].get("type") == "missing" else Codes.BAD_JSON
        raise SynapseError(HTTPStatus.BAD_REQUEST, str(error), errcode=code) from None


def parse_and_validate_json_object_from_request(request: Request, model_type: Any) -> Any:
    """The body as an instance of a pydantic model."""
    return validate_json_object(parse_json_object_from_request(request), model_type)


def assert_params_in_dict(body: JsonDict, required: Iterable[str]) -> None:
    """Raises a `SynapseError` with status 400 that names what is missing."""
    absent = [name for name in required if name not in body]
    if absent:
        raise _missing("Missing params: %r" % (absent,))


class RestServlet:
    """Handlers `on_GET`, `on_PUT`, `on_POST`, `on_DELETE` for the paths that `PATTERNS` match."""

    PATTERNS: Sequence[Any] = ()

    def register(self, http_server: Any) -> None:
        """Registers the handlers with a `JsonResource`."""
        patterns = getattr(self, "PATTERNS", ())
        if not patterns:
            raise NotImplementedError("RestServlet must register something.")
        for method in ("GET", "PUT", "POST", "DELETE"):
            handler = getattr(self, "on_%s" % (method,), None)
            if handler is not None:
                http_server.register_paths(method, patterns, handler, type(self).__name__)


class ResolveRoomIdMixin:
    """Finds rooms by identifier or alias."""

    def __init__(self, hs: Any):
        self._hs = hs

    async def resolve_room_id(
        self, room_identifier: str, remote_room_hosts: Optional[List[str]] = None
    ) -> Tuple[str, Optional[List[str]]]:
        """The room, and servers to join it through."""
        if RoomAlias.is_valid(room_identifier):
            room_id, servers = await self._hs.get_module_api().lookup_room_alias(room_identifier)
            return room_id, list(servers) or remote_room_hosts
        if RoomID.is_valid(room_identifier):
            return room_identifier, remote_room_hosts
        raise SynapseError(400, "%s was not legal room ID or room alias" % (room_identifier,))


__getattr__ = missing_names(__name__)
