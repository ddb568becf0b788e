"""A. How modules in Swift are found, configured and made, and beside modules in Python."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest
from blackbox.client import Client
from blackbox.modules import PLUG_IN, Puppet, SwiftPuppet, ended, logged
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

NAMED_BY = '''
from synapse.module_api.errors import ConfigError
class Fine:
    def __init__(self, config, api): pass
class Faulty(Fine):
    @staticmethod
    def parse_config(config):
        raise ConfigError("no such colour", ["colour"])
'''


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with modules in Python."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "mine.py").write_text(NAMED_BY)
    return folder


@pytest.fixture
def swift(tmp_path: Path) -> SwiftPuppet:
    return SwiftPuppet(tmp_path / "strings", "puppet", {})


def test_a1_modules_of_both_languages_are_made_in_the_order_of_the_file(
    module_server: MakeModuleServer, packages: Path, tmp_path: Path
) -> None:
    puppets = [SwiftPuppet(tmp_path / name, name, {}) for name in ("first", "second")]
    server = module_server(puppets[0].entry(), {"module": "mine.Fine"}, puppets[1].entry(), path=(packages,))
    loaded = [line.split("Loaded module ")[1] for line in logged(server, "Loaded module ", count=3)]
    assert len(loaded) == 3 and "Puppet" in loaded[0] and "mine.Fine" in loaded[1] and "Puppet" in loaded[2]
    for puppet in puppets:
        assert puppet.calls("made") == [[]]


@pytest.mark.parametrize("entry", [{}, {"config": None}, {"config": {}}])
def test_a2_a3_without_a_configuration_the_module_reads_an_empty_one(
    module_server: MakeModuleServer, entry: dict
) -> None:
    status, output = ended(module_server({"module": str(PLUG_IN), **entry}, start=False))
    assert status == 1 and "modules.<item 0>.config.name" in output and "expected a string" in output, output


def faulty(**config: Any) -> dict:
    return {"module": str(PLUG_IN), "config": {"name": "faulty", "folder": "/tmp", **config}}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"module": str(PLUG_IN)}, ["modules.<item 1>.config.name", "expected a string"]),
        (faulty(name=3), ["modules.<item 1>.config.name", "expected a string"]),
        (
            faulty(callbacks={"spam_checker": ["check_event_for_spam", "check_event_for_jam"]}),
            ["modules.<item 1>.config.callbacks.spam_checker.<item 1>", "there is no such callback"],
        ),
        (faulty(parse_error="bad thing"), ["modules.<item 1>.config", "bad thing"]),
        (faulty(constructor_error="cannot be made"), ["Puppet", "cannot be made"]),
        ({"module": "/nowhere/libNothing.so"}, ["modules.<item 1>", "/nowhere/libNothing.so"]),
        ({"module": "NoSuchModule"}, ["NoSuchModule"]),
        ({"module": str(PLUG_IN.with_name("libStalePuppet.so"))}, ["ModuleAPI 0, Swift 5.0", "libStalePuppet.so"]),
        ({"module": str(PLUG_IN.with_name("libModuleAPI.so"))}, ["libModuleAPI.so", "axolemma_module"]),
        ({"module": __file__.replace(".py", ".so")}, ["test_swift_a_loading.so"]),
        ({"module": str(PLUG_IN), "config": ["a list"]}, ["modules.<item 1>.config"]),
        ("Puppet", ["modules.<item 1>", "expected a mapping"]),
    ],
)
def test_a4_to_a8_what_is_wrong_with_a_module_stops_the_start(
    module_server: MakeModuleServer, swift: SwiftPuppet, entry: Any, words: list[str]
) -> None:
    server = module_server(swift.entry(), entry, start=False)
    status, output = ended(server)
    assert status == 1, output
    for word in words:
        assert word in output, output


def test_a4_a7_faults_of_both_languages_are_told_at_once(
    module_server: MakeModuleServer, swift: SwiftPuppet, packages: Path
) -> None:
    entries = [
        swift.entry(), faulty(name=3), {"module": "mine.Faulty"}, {"module": "mine.Fine"},
        {"module": str(PLUG_IN.with_name("libStalePuppet.so"))}, {"module": "nowhere.to.be.Found"},
    ]
    server = module_server(*entries, path=(packages,), start=False)
    words = [
        "modules.<item 1>.config.name", "modules.<item 2>.config.colour", "no such colour", "modules.<item 4>",
        "ModuleAPI 0", "modules.<item 5>", "nowhere",
    ]
    status, output = ended(server)
    command = [word.replace("serve", "check-config") if word == "serve" else word for word in server.command()]
    checked = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin", **server.environment},
    )
    for code, text in ((status, output), (checked.returncode, checked.stdout.decode())):
        assert code == 1
        for word in words:
            assert word in text, text
    assert swift.calls("made") == []


def test_a9_a_module_reads_a_room_while_it_is_made(module_server: MakeModuleServer, swift: SwiftPuppet) -> None:
    server = module_server(swift.entry())
    room = server.user("alice").create_room()
    server.stop()
    server.settings["modules"] = [swift.entry(room=room)]
    server.write_settings()
    server.start()
    assert swift.calls("made") == [[], ["m.room.create"]]


def test_a10_callbacks_can_be_registered_later_but_web_resources_cannot(
    module_server: MakeModuleServer, swift: SwiftPuppet
) -> None:
    server = module_server(swift.entry())
    alice = server.user("alice")
    room = alice.create_room()
    swift.answers("check_event_for_spam", deny={"errcode": "M_LIMIT_EXCEEDED"})
    alice.send(room)
    swift.result(server, "register", family="spam_checker", names=["check_event_for_spam"])
    alice.try_send(room).refused(403, "M_LIMIT_EXCEEDED")
    told = swift.run(server, "register_resource", path="/late")
    assert told["exception"] == "ModuleError" and "invalid" in told["message"]
    assert Client(server.base_url).request("GET", "/late").status == 404


def test_a_one_library_makes_several_modules(module_server: MakeModuleServer, tmp_path: Path) -> None:
    puppets = [SwiftPuppet(tmp_path / n, n, {"account_validity": ["is_user_expired"]}) for n in ("first", "second")]
    server = module_server(*(puppet.entry() for puppet in puppets))
    alice = server.user("alice")
    puppets[1].answers("is_user_expired", result=True)
    alice.get("account", "whoami").refused(403, "ORG_MATRIX_EXPIRED_ACCOUNT")
    puppets[0].answers("is_user_expired", result=False)
    alice.get("account", "whoami").ok()


def test_a_an_event_of_a_module_in_either_language_is_the_same(
    module_server: MakeModuleServer, tmp_path: Path
) -> None:
    callbacks = {"spam_checker": ["check_event_for_spam"], "third_party_rules": ["check_event_allowed"]}
    swift, python = SwiftPuppet(tmp_path / "s", "swift", callbacks), Puppet(tmp_path / "p", "python", callbacks)
    server = module_server(swift.entry(), python.entry())
    alice = server.user("alice")
    room = alice.create_room()
    swift.forget()
    python.forget()
    alice.send(room, "hello")
    for callback in ("check_event_for_spam", "check_event_allowed"):
        (one,), (other,) = swift.calls(callback), python.calls(callback)
        for key in ("type", "sender", "content", "room_id", "depth", "origin_server_ts"):
            assert one[0].get(key) == other[0].get(key), key
    states = [dict((tuple(key), event["event_id"]) for key, event in call[1]["map"]) for call in (one, other)]
    assert states[0] == states[1] and len(states[0]) > 4
