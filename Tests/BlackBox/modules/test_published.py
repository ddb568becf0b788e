"""Modules that others published on PyPI for Synapse, installed as an operator would, unmodified."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]


@pytest.mark.parametrize("direct_only", [False, True])
def test_synapse_auto_accept_invite(module_server: MakeModuleServer, engine: str, direct_only: bool) -> None:
    server = module_server(
        {
            "module": "synapse_auto_accept_invite.InviteAutoAccepter",
            "config": {"accept_invites_only_for_direct_messages": direct_only},
        },
        engine=engine,
    )
    alice, bob = server.users("alice", "bob")
    group, direct = alice.create_room(), alice.create_room(is_direct=True)
    since = bob.sync()["next_batch"]
    alice.invite(group, bob.id)
    alice.post("createRoom", body={})
    alice.put(
        "rooms", direct, "state", "m.room.member", bob.id, body={"membership": "invite", "is_direct": True}
    ).ok()
    answer = bob.sync_until(lambda a: direct in a.get("rooms", {}).get("join", {}), since)
    assert answer
    joined = bob.get("joined_rooms").ok()["joined_rooms"]
    assert direct in joined
    if direct_only:
        assert group not in joined
    else:
        bob.sync_until(lambda a: group in bob.get("joined_rooms").ok()["joined_rooms"], since)
    bob.sync_until(lambda a: bob.get("user", bob.id, "account_data", "m.direct").status == 200, since)
    assert bob.get("user", bob.id, "account_data", "m.direct").ok() == {alice.id: [direct]}


@pytest.mark.synapse_differs("the module was written for the interface before registration, which Synapse dropped")
def test_synapse_email_account_validity(module_server: MakeModuleServer, engine: str, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    for name in ("notice_expiry", "account_renewed", "account_previously_renewed", "invalid_token"):
        for suffix in ("html", "txt"):
            (templates / f"{name}.{suffix}").write_text("{{ url }}")
    # The first server's users exist before the module does: it finds them by itself, in the server's own tables.
    server = module_server(
        engine=engine, templates={"custom_template_directory": str(templates)}, public_baseurl="https://localhost/",
    )
    early = server.user("early")
    server.stop()
    module = {"module": "email_account_validity.EmailAccountValidity", "config": {"period": "1h", "renew_at": "30m"}}
    server.settings["modules"] = [module]
    server.write_settings()
    server.start()
    late = server.user("late")
    assert late.get("account", "whoami").status == 200
    assert early.get("account", "whoami").status == 200
    server.stop()
    # A period that is over at once.
    module["config"]["period"] = 1
    server.write_settings()
    server.start()
    gone = server.user("gone")
    gone.get("account", "whoami").refused(403, "ORG_MATRIX_EXPIRED_ACCOUNT")
    assert late.get("account", "whoami").status == 200


class Judge(http.server.BaseHTTPRequestHandler):
    """A spam-checking service: refuses what mentions eggs."""

    asked: list[tuple[str, Any]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        refused = "eggs" in json.dumps(body)
        answer = json.dumps({"errcode": "M_FORBIDDEN", "error": "no eggs"} if refused else {}).encode()
        self.send_response(403 if refused else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def judge() -> Iterator[str]:
    Judge.asked.clear()
    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Judge)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{service.server_address[1]}"
    service.shutdown()


def test_synapse_http_antispam(module_server: MakeModuleServer, judge: str) -> None:
    callbacks = ["check_event_for_spam", "user_may_invite", "user_may_join_room"]
    server = module_server({
        "module": "synapse_http_antispam.HTTPAntispam", "config": {"base_url": judge, "enabled_callbacks": callbacks},
    })
    alice, bob = server.user("alice"), server.user("eggs")
    room = alice.create_room(preset="public_chat")
    alice.send(room, "ham")
    assert alice.try_send(room, "ham and eggs").refused(403, "M_FORBIDDEN")["error"] == "no eggs"
    alice.post("rooms", room, "invite", body={"user_id": bob.id}).refused(403, "M_FORBIDDEN")
    bob.post("join", room).refused(403, "M_FORBIDDEN")
    assert {path for path, _ in Judge.asked} == {f"/{callback}" for callback in callbacks}


@pytest.mark.synapse_differs("the module edits a copy of an event's content, which no longer works there")
def test_synapse_freeze_room(module_server: MakeModuleServer) -> None:
    server = module_server({"module": "freeze_room.FreezeRoom", "config": {}})
    alice, bob, carol = server.users("alice", "bob", "carol")
    room = alice.create_room(preset="public_chat", room_version="10")
    bob.join(room)
    # While it is asked about this event, the module closes the room and takes everyone's power to speak.
    alice.set_state(room, "org.matrix.room.frozen", {"frozen": True})
    assert alice.state(room, "m.room.join_rules") == {"join_rule": "invite"}
    assert alice.state(room, "m.room.power_levels")["users_default"] >= 50
    alice.try_send(room, "anyone there?").refused(403, "M_FORBIDDEN")
    carol.post("join", room).refused(403, "M_FORBIDDEN")
    bob.leave(room)
