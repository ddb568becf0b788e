"""Parsing of requests."""

from __future__ import annotations

import enum
import io

import pytest

from synapse.api.errors import Codes, SynapseError
from synapse.http.servlet import (
    ResolveRoomIdMixin,
    assert_params_in_dict,
    parse_boolean,
    parse_enum,
    parse_integer,
    parse_json_from_args,
    parse_json_object_from_request,
    parse_json_value_from_request,
    parse_string,
    parse_strings_from_args,
)
from tests.synapse.conftest import result_of


class Body:
    """A request with a body and arguments."""

    def __init__(self, body=b"", **args):
        self.content = io.BytesIO(body)
        self.args = {name.encode(): values for name, values in args.items()}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":NaN}'])
def test_bodies_that_are_no_json(body):
    for parse in (parse_json_object_from_request, parse_json_value_from_request):
        with pytest.raises(SynapseError) as caught:
            parse(Body(body))
        assert (caught.value.code, caught.value.errcode, caught.value.msg) == (400, "M_NOT_JSON", "Content not JSON.")


def test_bodies():
    assert parse_json_object_from_request(Body(b'{"a":1.5}')) == {"a": 1.5}
    assert parse_json_object_from_request(Body(b""), allow_empty_body=True) == {}
    assert parse_json_value_from_request(Body(b""), allow_empty_body=True) is None
    assert parse_json_value_from_request(Body(b"[]")) == []
    for body in (b"[]", b'"x"'):
        with pytest.raises(SynapseError) as caught:
            parse_json_object_from_request(Body(body))
        assert (caught.value.errcode, caught.value.msg) == ("M_BAD_JSON", "Content must be a JSON object.")


def failure(function, *args, **kwargs):
    with pytest.raises(SynapseError) as caught:
        function(*args, **kwargs)
    assert caught.value.code == 400
    return caught.value.errcode, caught.value.msg


def test_strings_of_the_query():
    request = Body(s=[b"v"], e=[b"\xc3\xa9"], l=[b"a", b"b"])
    assert parse_string(request, "s") == "v"
    assert parse_string(request, "l") == "a"
    assert parse_string(request, "q") is None
    assert parse_string(request, "q", default="d") == "d"
    assert parse_string(request, "e", encoding="utf-8") == "é"
    assert parse_string(request, "s", allowed_values=["v"]) == "v"
    assert parse_strings_from_args(request.args, "l") == ["a", "b"]
    assert failure(parse_string, request, "e") == (Codes.UNKNOWN, "Query parameter 'e' must be ascii")
    missing = (Codes.MISSING_PARAM, "Missing string query parameter 'q'")
    assert failure(parse_string, request, "q", required=True) == missing
    wrong = (Codes.INVALID_PARAM, "Query parameter 's' must be one of ['z']")
    assert failure(parse_string, request, "s", allowed_values=["z"]) == wrong


def test_numbers_of_the_query():
    request = Body(i=[b"5"], n=[b"-5"], x=[b"x"])
    assert parse_integer(request, "i") == 5
    assert parse_integer(request, "q", default=7) == 7
    assert parse_integer(request, "n", negative=True) == -5
    negative = (Codes.INVALID_PARAM, "Query parameter n must be a positive integer.")
    assert failure(parse_integer, request, "n") == negative
    assert failure(parse_integer, request, "x") == (Codes.INVALID_PARAM, "Query parameter x must be an integer")
    missing = (Codes.MISSING_PARAM, "Missing required integer query parameter q")
    assert failure(parse_integer, request, "q", required=True) == missing


def test_truths_of_the_query():
    request = Body(t=[b"true"], f=[b"false"], b=[b"1"])
    assert (parse_boolean(request, "t"), parse_boolean(request, "f")) == (True, False)
    assert parse_boolean(request, "q", default=True) is True
    wrong = (Codes.INVALID_PARAM, "Boolean query parameter 'b' must be one of ['true', 'false']")
    assert failure(parse_boolean, request, "b") == wrong
    missing = (Codes.MISSING_PARAM, "Missing boolean query parameter 'q'")
    assert failure(parse_boolean, request, "q", required=True) == missing


def test_other_values_of_the_query():
    class Letter(enum.Enum):
        A = "a"

    assert parse_enum(Body(j=[b"a"]), "j", Letter) is Letter.A
    assert failure(parse_enum, Body(j=[b"z"]), "j", Letter)[0] == Codes.INVALID_PARAM
    assert parse_json_from_args({b"j": [b"{}"]}, "j") == {}
    assert failure(parse_json_from_args, {b"j": [b"x"]}, "j")[0] == Codes.NOT_JSON
    assert_params_in_dict({"a": 1}, ["a"])
    missing = (Codes.MISSING_PARAM, "Missing params: ['b', 'c']")
    assert failure(assert_params_in_dict, {"a": 1}, ["a", "b", "c"]) == missing


def test_rooms_by_alias_or_identifier(hs, api, peer):
    hs.get_module_api = lambda: api
    peer.answers["lookup_room_alias"] = {"room_id": "!r:test", "servers": ["test"]}
    resolver = ResolveRoomIdMixin(hs)
    assert result_of(resolver.resolve_room_id("#a:test")) == ("!r:test", ["test"])
    assert result_of(resolver.resolve_room_id("!x:test", ["other"])) == ("!x:test", ["other"])
    with pytest.raises(SynapseError):
        result_of(resolver.resolve_room_id("nonsense"))
