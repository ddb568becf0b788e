"""A. How modules are found, configured and made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
from blackbox.client import Client
from blackbox.modules import Puppet, ended
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a module `mine.py`; answers the folder to look for it in."""

    def write(source: str) -> Path:
        folder = tmp_path / "packages"
        folder.mkdir(exist_ok=True)
        (folder / "mine.py").write_text(source)
        return folder

    return write


NOTING = '''
import json, logging
from pathlib import Path
FILE = Path({file!r})
def note(*words):
    with open(FILE, "a") as file:
        file.write(json.dumps(words, default=str) + "\\n")
class Parsing:
    @staticmethod
    def parse_config(config):
        note("parse", "Parsing", config)
        return None
    def __init__(self, config, api):
        note("make", "Parsing", config, id(api))
class Plain:
    def __init__(self, settings, module_api):
        note("make", "Plain", settings, id(module_api))
'''


def test_a1_a2_a3_every_configuration_is_read_before_modules_are_made_in_order(
    module_server: MakeModuleServer, written: Callable[[str], Path], tmp_path: Path
) -> None:
    import json

    notes = tmp_path / "notes"
    folder = written(NOTING.format(file=str(notes)))
    server = module_server(
        {"module": "mine.Plain", "config": {"a": 1}}, {"module": "mine.Parsing"}, {"module": "mine.Plain", "config": None},
        path=(folder,),
    )
    lines = [json.loads(line) for line in notes.read_text().splitlines()]
    apis = {line[3] for line in lines if line[0] == "make"}
    assert len(apis) == 1
    assert [line[:3] for line in lines] == [
        ["parse", "Parsing", {}], ["make", "Plain", {"a": 1}], ["make", "Parsing", None], ["make", "Plain", {}],
    ]
    server.stop()


BAD = '''
from synapse.module_api.errors import ConfigError
import jsonschema
class Told:
    @staticmethod
    def parse_config(config):
        raise ConfigError("bad thing", ["deep", "down"] if "deep" in config else None)
    def __init__(self, config, api): pass
class Value(Told):
    @staticmethod
    def parse_config(config):
        raise ValueError("not that")
class Schema(Told):
    @staticmethod
    def parse_config(config):
        jsonschema.validate(config, {"type": "object", "properties": {"words": {"type": "array"}}})
class Constructor:
    def __init__(self, config, api):
        raise RuntimeError("cannot be made")
class Registers:
    def __init__(self, config, api):
        api.register_spam_checker_callbacks(check_event_for_jam=self.check)
    async def check(self, event): pass
class Fine:
    def __init__(self, config, api): pass
'''


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"module": "mine.Told"}, ["modules.<item 1>.config", "bad thing", "Failed to parse config for module"]),
        ({"module": "mine.Told", "config": {"deep": 1}}, ["modules.<item 1>.config.deep.down", "bad thing"]),
        ({"module": "mine.Value"}, ["modules.<item 1>.config", "Failed to parse config for module 'mine.Value'", "not that"]),
        ({"module": "mine.Schema", "config": {"words": 3}}, ["modules.<item 1>.config.words"]),
        ({"module": "mine.Constructor"}, ["cannot be made"]),
        ({"module": "mine.Registers"}, ["check_event_for_jam"]),
        ({"module": "nowhere.to.be.Found"}, ["nowhere"]),
        ({"module": "mine.Missing"}, ["Missing"]),
        ("mine.Fine", ["modules.<item 1>", "expected a mapping"]),
        ({"config": {}}, ["modules.<item 1>.module", "expected a string"]),
    ],
)
def test_a4_to_a8_what_is_wrong_with_a_module_stops_the_start(
    module_server: MakeModuleServer, written: Callable[[str], Path], entry: Any, words: list[str]
) -> None:
    server = module_server({"module": "mine.Fine"}, entry, path=(written(BAD),), start=False)
    status, output = ended(server)
    assert status != 0
    for word in words:
        assert word in output, output


def test_a9_a_module_reads_a_room_while_it_is_made(
    module_server: MakeModuleServer, written: Callable[[str], Path], tmp_path: Path
) -> None:
    puppet = Puppet(tmp_path / "strings", "puppet", {})
    folder = written('''
class Reader:
    def __init__(self, config, api):
        self.api, self.config = api, config
        if config.get("room"):
            api.run_as_background_process("read", self.read)
    async def read(self):
        events = await self.api.get_state_events_in_room(self.config["room"], [("m.room.create", None)])
        with open(self.config["file"], "w") as file:
            file.write(" ".join(event.type for event in events))
''')
    found = tmp_path / "found"
    server = module_server({"module": "mine.Reader"}, puppet.entry(), path=(folder,))
    room = server.user("alice").create_room()
    server.stop()
    server.settings["modules"][0]["config"] = {"room": room, "file": str(found)}
    server.write_settings()
    server.start()
    for _ in range(100):
        if found.exists() and found.read_text():
            break
        puppet.result(server, "await api.sleep(0.05)")
    assert found.read_text() == "m.room.create"


def test_a10_callbacks_can_be_registered_later_but_web_resources_cannot(
    module_server: MakeModuleServer, tmp_path: Path
) -> None:
    puppet = Puppet(tmp_path / "strings", "puppet", {})
    server = module_server(puppet.entry())
    alice = server.user("alice")
    room = alice.create_room()
    puppet.result(server, """
        async def check(event):
            return Codes.LIMIT_EXCEEDED
        api.register_spam_checker_callbacks(check_event_for_spam=check)
    """)
    alice.try_send(room).refused(403, "M_LIMIT_EXCEEDED")
    told = puppet.run(server, 'api.register_web_resource("/late", None)')
    assert told["exception"] == "RuntimeError"
    assert told["message"] == "Tried to register a web resource from a module after startup"


LEGACY = '''
class Checker:
    def __init__(self, config, api):
        self.api = api
    def check_event_for_spam(self, event):
        return "spam" in event.content.get("body", "")
    async def user_may_create_room(self, user):
        return "nobody" not in user
    def check_registration_for_spam(self, email, username, request_info):
        from synapse.spam_checker_api import RegistrationBehaviour
        return RegistrationBehaviour.DENY if username and "bad" in username else RegistrationBehaviour.ALLOW
class Bare:
    def __init__(self, config):
        self.word = config["word"]
    async def check_event_for_spam(self, event):
        return self.word in event.content.get("body", "")
class Harmless:
    def __init__(self, config, api): pass
class TwoArguments(Harmless):
    def check_registration_for_spam(self, email, username): pass
class Rules:
    def __init__(self, config, module_api): pass
    async def check_event_allowed(self, event, state):
        if event.content.get("body") == "change me":
            told = event.get_dict()
            told["content"] = dict(told["content"], body="changed")
            return told
        return event.content.get("body") != "no"
    async def on_create_room(self, requester, request, is_admin):
        return request.get("name") != "forbidden"
'''


@pytest.mark.parametrize("is_list", [False, True])
def test_a11_a12_a13_spam_checkers_of_the_old_form(
    module_server: MakeModuleServer, written: Callable[[str], Path], is_list: bool
) -> None:
    checker: Any = {"module": "mine.Checker", "config": {}}
    if is_list:
        checker = [checker, {"module": "mine.Harmless"}, {"module": "mine.Bare", "config": {"word": "eggs"}}]
    server = module_server(path=(written(LEGACY),), spam_checker=checker)
    alice = server.user("alice")
    room = alice.create_room()
    alice.try_send(room, "spam").refused(403, "M_FORBIDDEN")
    alice.send(room, "ham")
    assert alice.try_send(room, "eggs").status == (403 if is_list else 200)
    server.user("nobody").post("createRoom", body={}).refused(403, "M_FORBIDDEN")
    body = {"username": "bad.one", "password": "a long enough one", "auth": {"type": "m.login.dummy"}}
    Client(server.base_url).post("register", body=body).refused(429, "M_UNKNOWN")


@pytest.mark.parametrize(
    ("checker", "word"),
    [({"module": "mine.TwoArguments"}, "Bad signature for callback check_registration_for_spam"),
     ("mine.Checker", "spam_checker syntax is incorrect")],
)
def test_a11_a12_what_is_wrong_with_an_old_spam_checker_stops_the_start(
    module_server: MakeModuleServer, written: Callable[[str], Path], checker: Any, word: str
) -> None:
    server = module_server(path=(written(LEGACY),), spam_checker=checker, start=False)
    status, output = ended(server)
    assert status != 0 and word in output, output


def test_a14_rules_of_the_old_form(module_server: MakeModuleServer, written: Callable[[str], Path]) -> None:
    server = module_server(path=(written(LEGACY),), third_party_event_rules={"module": "mine.Rules", "config": {}})
    alice = server.user("alice")
    room = alice.create_room()
    event = alice.send(room, "change me")
    assert alice.get("rooms", room, "event", event).ok()["content"]["body"] == "changed"
    alice.try_send(room, "no").refused(403, "M_FORBIDDEN")
    denied = alice.post("createRoom", body={"name": "forbidden"})
    denied.refused(403, "M_FORBIDDEN", "M_UNKNOWN")
    assert denied.json["error"] == "Room creation forbidden with these parameters"


RESOURCES = '''
import json
class Handler:
    def __init__(self, config, module_api): self.config = config
    async def handle_request(self, request):
        request.setResponseCode(201)
        request.setHeader(b"Content-Type", b"application/json")
        request.write(json.dumps({"config": self.config}).encode())
        request.finish()
class Nothing:
    def __init__(self, config, module_api): pass
'''


def test_a17_additional_resources_of_a_listener(
    module_server: MakeModuleServer, written: Callable[[str], Path]
) -> None:
    server = module_server(path=(written(RESOURCES),), start=False)
    server.settings["listeners"][0]["additional_resources"] = {
        "/_matrix/my/handler": {"module": "mine.Handler", "config": {"x": 1}},
    }
    server.write_settings()
    server.start()
    answer = Client(server.base_url).request("GET", "/_matrix/my/handler")
    assert (answer.status, answer.json) == (201, {"config": {"x": 1}})


def test_a17_an_additional_resource_has_to_be_one(
    module_server: MakeModuleServer, written: Callable[[str], Path]
) -> None:
    server = module_server(path=(written(RESOURCES),), start=False)
    server.settings["listeners"][0]["additional_resources"] = {"/x": {"module": "mine.Nothing", "config": {}}}
    server.write_settings()
    status, output = ended(server)
    assert status != 0 and "additional_resources" in output or "mine.Nothing" in output, output
