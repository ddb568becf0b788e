"""Tools."""

from __future__ import annotations

import json
import logging

import pytest
from immutabledict import immutabledict
from twisted.internet import defer, task

from synapse.api.errors import SynapseError
from synapse.events._content import FrozenContent
from synapse.logging.context import (
    SENTINEL_CONTEXT,
    LoggingContext,
    PreserveLoggingContext,
    current_context,
    make_deferred_yieldable,
    run_in_background,
)
from synapse.media._base import FileInfo, Responder, ThumbnailInfo
from synapse.media.media_storage import ReadableFileWrapper
from synapse.media.storage_provider import StorageProvider
from synapse.metrics.background_process_metrics import wrap_as_background_process
from synapse.util._json import decode_json, encode_canonical_json, encode_json
from synapse.util.async_helpers import Linearizer, concurrently_execute, maybe_awaitable, yieldable_gather_results
from synapse.util.clock import Clock
from synapse.util.duration import Duration
from synapse.util.frozenutils import freeze, unfreeze
from synapse.util.metrics import Measure, measure_func
from synapse.util.stringutils import (
    assert_valid_client_secret,
    base62_encode,
    is_ascii,
    parse_and_validate_mxc_uri,
    parse_and_validate_server_name,
    parse_server_name,
    random_string,
    random_string_with_symbols,
    shortstr,
    strtobool,
)
from synapse.util.threepids import canonicalise_email, check_3pid_allowed, validate_email
from tests.synapse.conftest import result_of


def test_frozen_values():
    frozen = freeze({"a": [1, {"b": 2}], "c": "text", "d": None})
    assert frozen == immutabledict({"a": (1, immutabledict({"b": 2})), "c": "text", "d": None})
    thawed = unfreeze(frozen)
    assert thawed == {"a": [1, {"b": 2}], "c": "text", "d": None}
    thawed["a"][1]["b"] = 3
    assert frozen["a"][1]["b"] == 2
    assert type(unfreeze(FrozenContent({"a": {}}))["a"]) is dict


def test_json():
    value = {"b": freeze({"x": [1]}), "a": FrozenContent({"é": None}), "c": (1, 2)}
    assert encode_canonical_json(value) == '{"a":{"é":null},"b":{"x":[1]},"c":[1,2]}'.encode()
    assert json.loads(encode_json(value)) == {"b": {"x": [1]}, "a": {"é": None}, "c": [1, 2]}
    for wrong in ({"a": object()}, {"a": {1}}):
        with pytest.raises(TypeError):
            encode_json(wrong)
    with pytest.raises(ValueError):
        encode_json(float("nan"))
    with pytest.raises(ValueError):
        decode_json('{"a": Infinity}')


def test_random_strings():
    assert len(random_string(24)) == 24
    assert random_string(24).isalpha()
    assert random_string(24) != random_string(24)
    assert len(random_string_with_symbols(50)) == 50


def test_strings():
    assert_valid_client_secret("a.b=c_d-1")
    for secret in ("", "a b", "x" * 256):
        with pytest.raises(SynapseError, match="Invalid client_secret parameter"):
            assert_valid_client_secret(secret)
    assert parse_and_validate_mxc_uri("mxc://a:80/b") == ("a", 80, "b")
    with pytest.raises(ValueError):
        parse_and_validate_mxc_uri("http://a/b")
    assert parse_server_name("a:80") == ("a", 80)
    assert parse_and_validate_server_name("[::1]") == ("[::1]", None)
    for name in ("a b", "[zz]", "a/b", ""):
        with pytest.raises(ValueError):
            parse_and_validate_server_name(name)
    assert shortstr(range(10)) == "[0, 1, 2, 3, 4, ...]"
    assert shortstr([1]) == "[1]"
    assert strtobool("Yes") and not strtobool("off")
    with pytest.raises(ValueError):
        strtobool("x")
    assert is_ascii(b"a") and not is_ascii(b"\xff")
    assert base62_encode(0, 3) == "000"


@pytest.mark.parametrize("given, canonical", [("A@B.Com", "a@b.com"), ("straße@x.y", "strasse@x.y"), (" a@b ", "a@b")])
def test_email_addresses(given, canonical):
    assert validate_email(given) == canonicalise_email(given) == canonical


@pytest.mark.parametrize("given", ["a", "a@b@c", "@b", "a@", "@", "a" * 500 + "@b"])
def test_malformed_email_addresses(given):
    with pytest.raises(ValueError):
        validate_email(given)


def test_allowed_addresses(hs):
    assert result_of(check_3pid_allowed(hs, "email", "a@b"))
    hs.config.registration.allowed_local_3pids = [{"medium": "email", "pattern": r"^[^@]+@good$"}]
    assert result_of(check_3pid_allowed(hs, "email", "a@good"))
    assert not result_of(check_3pid_allowed(hs, "email", "a@bad"))
    assert not result_of(check_3pid_allowed(hs, "msisdn", "a@good"))


def test_durations():
    assert Duration(minutes=1).as_secs() == 60
    assert Duration(seconds=1.5).as_millis() == 1500


def test_clocks(caplog):
    time = task.Clock()
    clock = Clock(time, server_name="test")
    calls = []

    def fails():
        calls.append("loop")
        raise ValueError("x")

    loop = clock.looping_call(fails, 1000)
    clock.call_later(0.5, calls.append, "once")
    cancelled = clock.call_later(Duration(seconds=1), calls.append, "never")
    clock.cancel_call_later(cancelled)
    clock.cancel_call_later(cancelled, ignore_errs=True)
    slept = defer.ensureDeferred(clock.sleep(Duration(seconds=2)))
    time.pump([0.5, 0.5, 1.0])
    assert calls == ["once", "loop", "loop"]
    assert slept.called
    clock.shutdown()
    time.advance(5)
    assert not loop.running
    assert abs(clock.time() * 1000 - clock.time_msec()) < 1000
    assert "fails" in caplog.text


def test_awaitables():
    async def value():
        return 3

    assert result_of(maybe_awaitable(value())) == 3
    assert result_of(defer.ensureDeferred(_await(maybe_awaitable(3)))) == 3
    assert result_of(defer.ensureDeferred(_await(maybe_awaitable(defer.succeed(3))))) == 3
    seen = []
    result_of(concurrently_execute(seen.append, [1, 2, 3], 2))
    assert seen == [1, 2, 3]

    async def double(number, factor):
        return number * factor

    assert result_of(yieldable_gather_results(double, [1, 2], 2)) == [2, 4]


async def _await(awaitable):
    return await awaitable


def test_linearizers():
    linearizer = Linearizer(name="x")
    gate, order = defer.Deferred(), []

    async def work(name, wait):
        async with linearizer.queue("key"):
            order.append(name)
            if wait is not None:
                await wait

    first = defer.ensureDeferred(work("first", gate))
    second = defer.ensureDeferred(work("second", None))
    assert order == ["first"]
    gate.callback(None)
    assert order == ["first", "second"]
    assert first.called and second.called
    assert not linearizer.is_queued("key")


def test_running_in_the_background():
    async def value():
        return 3

    def fails():
        raise ValueError("x")

    async def fails_later():
        raise ValueError("x")

    assert result_of(run_in_background(value)) == 3
    assert result_of(run_in_background(lambda: 4)) == 4
    assert result_of(run_in_background(lambda: defer.succeed(5))) == 5
    for function in (fails, fails_later):
        with pytest.raises(ValueError):
            result_of(run_in_background(function))
    deferred = defer.succeed(6)
    assert make_deferred_yieldable(deferred) is deferred
    assert result_of(make_deferred_yieldable(value())) == 3


def test_contexts():
    assert current_context() is SENTINEL_CONTEXT
    assert not current_context()
    with LoggingContext(name="x", server_name="test") as context:
        assert current_context() is context
        assert str(context) == "x"
        with PreserveLoggingContext():
            assert current_context() is SENTINEL_CONTEXT
        with LoggingContext("y"):
            assert str(current_context()) == "y"
        assert current_context() is context
    assert current_context() is SENTINEL_CONTEXT
    assert context.finished


def test_timing_leaves_functions_alone():
    class Owner:
        @measure_func("name")
        async def work(self):
            with Measure(None, "block"):
                return 3

        @wrap_as_background_process("desc")
        async def beside(self):
            return 4

    assert result_of(Owner().work()) == 3
    assert result_of(Owner().beside()) == 4


def test_files(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 40_000)
    chunks = []
    wrapper = ReadableFileWrapper(None, str(path))
    assert wrapper.path == str(path)

    result_of(wrapper.write_chunks_to(chunks.append))
    assert [len(chunk) for chunk in chunks] == [16384, 16384, 7232]
    time, seen = task.Clock(), []
    reading = defer.ensureDeferred(ReadableFileWrapper(time, str(path)).write_chunks_to(seen.append))
    assert len(seen) == 1
    time.pump([0, 0, 0])
    assert reading.called
    assert seen == chunks
    info = FileInfo("s", "f", thumbnail=ThumbnailInfo(1, 2, "crop", "image/png", 5))
    assert (info.thumbnail_width, info.thumbnail_height, info.thumbnail_method) == (1, 2, "crop")
    assert (info.thumbnail_type, info.thumbnail_length, info.url_cache) == ("image/png", 5, False)
    assert FileInfo(None, "f").thumbnail_width is None


def test_abstract_classes():
    with pytest.raises(TypeError):
        Responder()
    with pytest.raises(TypeError):
        StorageProvider()

    class Own(Responder):
        def write_to_consumer(self, consumer):
            return defer.succeed(None)

    with Own() as nothing:
        assert nothing is None


def test_the_log_is_not_told_secrets(api, hs, caplog):
    caplog.set_level(logging.DEBUG)
    api.invalidate_access_token("syt_secret")
    api.register_device("@a:test").addErrback(lambda failure: None)
    assert "syt_secret" not in caplog.text
