"""H. The examples of Synapse's documentation, in words of our own, in the old form and the new."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from blackbox.client import Client
from blackbox.modules import ended
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

EXAMPLES = '''
import json
import attr
from twisted.web.resource import Resource
from twisted.web.server import Request
from synapse.module_api import (
    NOT_SPAM, DirectServeJsonResource, EventBase, ModuleApi, cached, parse_json_object_from_request, run_in_background)
from synapse.module_api.errors import ConfigError, Codes


@attr.s(auto_attribs=True)
class AuditConfig:
    audit_room: str
    sender: str


class AuditRoom:
    """Tells a room of every change of account data."""
    def __init__(self, config: AuditConfig, api: ModuleApi):
        self.config, self.api = config, api
        api.register_account_data_callbacks(on_account_data_updated=self.log_change)
    @staticmethod
    def parse_config(config):
        for key in ("audit_room", "sender"):
            if not config.get(key):
                raise ConfigError("Missing %s in the audit module's configuration" % key)
        return AuditConfig(config["audit_room"], config["sender"])
    async def log_change(self, user_id, room_id, type, content):
        body = "%s has changed their account data for type %s" % (user_id, type)
        if room_id:
            body += " (in room %s)" % room_id
        body += " to: %s" % (content,)
        await self.api.create_and_send_event_into_room({
            "room_id": self.config.audit_room, "sender": self.config.sender, "type": "m.room.message",
            "content": {"msgtype": "m.text", "body": body}})


class Censor:
    """Has a service look at every message, and takes the words it gives back."""
    def __init__(self, config, api):
        self.url, self.api, self.bare = config["url"], api, config.get("bare", False)
        api.register_third_party_rules_callbacks(check_event_allowed=self.check)
    async def check(self, event, state_events):
        told = event.get_dict()
        if event.type != "m.room.message":
            return told if self.bare else (True, None)
        answer = await self.api.http_client.post_json_get_json(self.url, {"body": event.content["body"]})
        told["content"] = dict(told["content"], body=answer["body"])
        return told if self.bare else (True, told)


class OldCensor(Censor):
    """The same by the interface before: a dict alone."""
    def __init__(self, config, module_api):
        self.url, self.api, self.bare = config["url"], module_api, True
    async def check_event_allowed(self, event, state_events):
        told = await self.check(event, state_events)
        return told if event.type == "m.room.message" else True


class IsEvil(Resource):
    """Tells whether a user is on the list."""
    def __init__(self, evil, corrected):
        super().__init__()
        self.evil, self.corrected = evil, corrected
    def render_GET(self, request: Request):
        user = request.args.get(b"user")[0].decode()
        request.setHeader(b"Content-Type", b"application/json")
        text = json.dumps({"evil": user in self.evil})
        return text.encode() if self.corrected else text


class ListChecker:
    def __init__(self, config, api):
        self.evil = config["evil_users"]
        api.register_spam_checker_callbacks(check_event_for_spam=self.check)
        api.register_web_resource("/_synapse/client/list_spam_checker/is_evil", IsEvil(self.evil, config.get("corrected")))
    async def check(self, event: EventBase):
        return Codes.FORBIDDEN if event.sender in self.evil else NOT_SPAM


class Hello(DirectServeJsonResource):
    isLeaf = True
    async def _async_render_GET(self, request):
        name = request.args[b"name"][0].decode()
        return 200, {"hello": name}


class Demo:
    def __init__(self, config, api):
        api.register_web_resource("/_synapse/client/demo/hello", Hello())
        api.register_spam_checker_callbacks(user_may_create_room=self.may_create)
    async def may_create(self, user):
        return not user.startswith("@evil")


class OldChecker:
    """A spam checker of the form before registration."""
    def __init__(self, config, api):
        self.blocked = config.get("blocked", "badword")
    @staticmethod
    def parse_config(config):
        return config
    async def check_event_for_spam(self, event):
        return self.blocked in event.content.get("body", "")
    async def user_may_invite(self, inviter, invitee, room):
        return "evil" not in inviter
    async def user_may_create_room(self, user): return True
    async def user_may_create_room_alias(self, user, alias): return True
    async def user_may_publish_room(self, user, room): return True
    async def check_username_for_spam(self, profile): return False
    async def check_registration_for_spam(self, email, username, request_info, provider):
        from synapse.spam_checker_api import RegistrationBehaviour
        return RegistrationBehaviour.ALLOW
    async def check_media_file_for_spam(self, file_wrapper, file_info): return False
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "examples.py").write_text(EXAMPLES)
    return tmp_path


class Service(http.server.BaseHTTPRequestHandler):
    """Replaces a word."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps({"body": asked["body"].replace("damn", "****")}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()


def test_h1_an_audit_room_for_account_data(module_server: MakeModuleServer, folder: Path) -> None:
    server = module_server(path=(folder,))
    alice, bob = server.users("alice", "bob")
    room = alice.create_room()
    other = bob.create_room()
    server.stop()
    server.settings["modules"] = [
        {"module": "examples.AuditRoom", "config": {"audit_room": room, "sender": alice.id}}]
    server.write_settings()
    server.start()
    bob.put("user", bob.id, "account_data", "org.example.t", body={"a": "b"}).ok()
    bob.put("user", bob.id, "rooms", other, "account_data", "org.example.t", body={"a": "b"}).ok()
    bodies = [e["content"].get("body", "") for e in alice.messages(room)["chunk"]]
    begin = f"{bob.id} has changed their account data for type org.example.t"
    assert any(body.startswith(f"{begin} to: ") and "'a': 'b'" in body for body in bodies), bodies
    assert any(body.startswith(f"{begin} (in room {other}) to: ") for body in bodies), bodies


def test_h1_without_its_settings_it_stops_the_start(module_server: MakeModuleServer, folder: Path) -> None:
    server = module_server({"module": "examples.AuditRoom", "config": {}}, path=(folder,), start=False)
    status, output = ended(server)
    assert status == 1 and "Missing audit_room" in output and "modules.<item 0>.config" in output


@pytest.mark.parametrize("corrected", [False, True])
def test_h3_a_list_of_evil_users(module_server: MakeModuleServer, folder: Path, corrected: bool) -> None:
    server = module_server(
        {"module": "examples.ListChecker", "config": {"evil_users": ["@evil:localhost"], "corrected": corrected}},
        path=(folder,),
    )
    client = Client(server.base_url)
    answer = client.request("GET", "/_synapse/client/list_spam_checker/is_evil?user=@evil:localhost")
    if corrected:
        assert answer.ok() == {"evil": True}
        answer = client.request("GET", "/_synapse/client/list_spam_checker/is_evil?user=@good:localhost")
        assert answer.ok() == {"evil": False}
    else:
        assert answer.status == 500
    alice = server.user("alice")
    alice.send(alice.create_room())


def test_h4_a_demonstration(module_server: MakeModuleServer, folder: Path) -> None:
    server = module_server({"module": "examples.Demo"}, path=(folder,))
    assert Client(server.base_url).request("GET", "/_synapse/client/demo/hello?name=x").ok() == {"hello": "x"}
    server.user("evil").post("createRoom", body={}).refused(403, "M_FORBIDDEN")
    server.user("good").create_room()


def test_h5_a_spam_checker_of_the_old_form(module_server: MakeModuleServer, folder: Path) -> None:
    checker = {"module": "examples.OldChecker", "config": {"blocked": "badword"}}
    server = module_server(path=(folder,), spam_checker=checker)
    alice, evil = server.user("alice"), server.user("evil")
    room = alice.create_room(room_alias_name="h5")
    alice.try_send(room, "a badword").refused(403, "M_FORBIDDEN")
    alice.send(room, "a good word")
    evil.post("rooms", evil.create_room(), "invite", body={"user_id": alice.id}).refused(403, "M_FORBIDDEN")


def test_h6_a_censor_with_a_service(module_server: MakeModuleServer, folder: Path, service: str) -> None:
    server = module_server({"module": "examples.Censor", "config": {"url": service}}, path=(folder,))
    alice = server.user("alice")
    room = alice.create_room()
    event = alice.send(room, "well damn")
    assert alice.get("rooms", room, "event", event).ok()["content"]["body"] == "well ****"


def test_h6_a_bare_dict_is_no_answer_under_modules(module_server: MakeModuleServer, folder: Path, service: str) -> None:
    server = module_server({"module": "examples.Censor", "config": {"url": service, "bare": True}}, path=(folder,))
    server.user("alice").post("createRoom", body={}).refused(500, "M_UNKNOWN")


def test_h6_but_it_is_one_in_the_old_section(module_server: MakeModuleServer, folder: Path, service: str) -> None:
    server = module_server(
        path=(folder,), third_party_event_rules={"module": "examples.OldCensor", "config": {"url": service}}
    )
    alice = server.user("alice")
    room = alice.create_room()
    event = alice.send(room, "oh damn")
    assert alice.get("rooms", room, "event", event).ok()["content"]["body"] == "oh ****"
