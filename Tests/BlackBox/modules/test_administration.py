"""What administrators are told of modules in both languages: `module list`, the page of the running server, and metrics."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from blackbox.client import Client, User
from blackbox.modules import PYTHON, Puppet, SwiftPuppet, python_path, settings_for_python
from blackbox.server import Axolemma, LocalServer, free_port, new_server

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

PAGE = "/_axolemma/admin/v1/modules"
CALLBACKS = {"spam_checker": ["check_event_for_spam", "user_may_join_room"], "account_data": ["on_account_data_updated"]}
NAMES = ["check_event_for_spam", "on_account_data_updated", "user_may_join_room"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with a module of each language, little patience and metrics."""
    folder = tmp_path_factory.mktemp("administration")
    swift, python = SwiftPuppet(folder / "s", "swift", CALLBACKS), Puppet(folder / "p", "python", CALLBACKS)
    settings = settings_for_python(
        modules=[swift.entry(), python.entry()], enable_metrics=True,
        module_settings={"python": PYTHON, "callback_timeout": "500ms"},
    )
    server = new_server(folder / "server", "sqlite", settings)
    metrics = free_port()
    server.settings["listeners"].append({"port": metrics, "type": "metrics", "bind_addresses": ["127.0.0.1"]})
    server.write_settings()
    server.environment.update(python_path())
    server.start()
    yield server, swift, python, Client(f"http://127.0.0.1:{metrics}")
    server.discard()


@pytest.fixture
def server(both: Any) -> LocalServer:
    both[1].forget()
    both[2].forget()
    return both[0]


def told(admin: User) -> tuple[dict, dict, dict]:
    """The page: the module in Swift, that in Python, and the process of the latter."""
    page = admin.request("GET", PAGE).ok()
    swift, python = page["modules"]
    return swift, python, page["python"]


def callback(module: dict, name: str) -> dict:
    (found,) = [each for each in module["callbacks"] if each["name"] == name]
    return found


def counts(module: dict, name: str = "check_event_for_spam") -> list[int]:
    return [callback(module, name)[key] for key in ("calls", "denials", "failures", "timeouts")]


def test_the_page_is_for_administrators(server: LocalServer, alice: User, admin: User) -> None:
    alice.request("GET", PAGE).refused(403, "M_FORBIDDEN")
    alice.request("GET", PAGE, token=None).refused(401, "M_MISSING_TOKEN")
    swift, python, process = told(admin)
    assert (swift["language"], python["language"]) == ("swift", "python")
    assert "Puppet" in swift["name"] and python["name"] == "puppet.Puppet"
    assert sorted(each["name"] for each in swift["callbacks"]) == NAMES
    assert sorted(each["name"] for each in python["callbacks"]) == NAMES
    assert swift["web_paths"] == ["/_synapse/client/puppet/swift"]
    assert python["web_paths"] == ["/_synapse/client/puppet/python"]
    assert process["state"] == "running" and process["restarts"] == 0
    assert Path(f"/proc/{process['pid']}").exists()
    assert process["rss_bytes"] is None or process["rss_bytes"] > 1_000_000


def test_calls_denials_failures_and_time_outs_are_counted(
    both: Any, server: LocalServer, alice: User, admin: User, room: str
) -> None:
    _, swift, python, metrics = both
    before = [counts(module) for module in told(admin)[:2]]
    for _ in range(3):
        alice.send(room)
    python.answers("check_event_for_spam", "Codes.FORBIDDEN")
    alice.try_send(room).refused(403, "M_FORBIDDEN")
    python.answers("check_event_for_spam", 'raise RuntimeError("x")')
    alice.try_send(room).refused(500, "M_UNKNOWN")
    python.answers("check_event_for_spam", "await api.sleep(5)")
    alice.try_send(room).refused(500, "M_UNKNOWN")
    swift.answers("check_event_for_spam", deny=True)
    alice.try_send(room).refused(403, "M_FORBIDDEN")
    swift.answers("check_event_for_spam", throw={"status": 418, "errcode": "M_TEAPOT"})
    alice.try_send(room).refused(418, "M_TEAPOT")
    swift.answers("check_event_for_spam", throw="x")
    alice.try_send(room).refused(500, "M_UNKNOWN")
    swift.answers("check_event_for_spam", sleep_ms=60_000)
    alice.try_send(room).refused(500, "M_UNKNOWN")
    modules = told(admin)[:2]
    rise = [[new - old for new, old in zip(counts(module), start)] for module, start in zip(modules, before)]
    assert rise == [[10, 2, 1, 1], [6, 1, 1, 1]]
    for module in modules:
        times = [callback(module, "check_event_for_spam")[key] for key in ("p50_ms", "p90_ms", "p99_ms")]
        assert 0 < times[0] <= times[1] <= times[2]
    assert times[2] > 100

    text = metrics.request("GET", "/_synapse/metrics").body.decode()
    found = {
        (fields["module"], fields["outcome"]): float(value)
        for labels, value in re.findall(r"^axolemma_module_callback_seconds_count\{(.*?)\} (\S+)$", text, re.M)
        for fields in [dict(re.findall(r'(\w+)="(.*?)"', labels))] if fields["callback"] == "check_event_for_spam"
    }
    for module in modules:
        calls, denials, failures, timeouts = counts(module)
        sums = [found.get((module["name"], outcome), 0) for outcome in OUTCOMES]
        assert sums == [calls - denials - failures - timeouts, denials, failures, timeouts], (sums, found)


OUTCOMES = ("ok", "denied", "failed", "timed_out")


def test_callbacks_that_only_hear_are_counted_too(
    both: Any, server: LocalServer, alice: User, admin: User
) -> None:
    before = [counts(module, "on_account_data_updated") for module in told(admin)[:2]]
    alice.put("user", alice.id, "account_data", "org.example.a", body={"x": 1}).ok()
    both[1].answers("on_account_data_updated", throw="x")
    alice.put("user", alice.id, "account_data", "org.example.a", body={"x": 2}).ok()
    after = [counts(module, "on_account_data_updated") for module in told(admin)[:2]]
    rise = [[new - old for new, old in zip(*pair)] for pair in zip(after, before)]
    assert rise == [[2, 0, 1, 0], [2, 0, 0, 0]]


def axolemma(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [Axolemma.binary(), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=60, check=False, text=True, env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_module_list(module_server: MakeModuleServer, tmp_path: Path) -> None:
    swift, python = SwiftPuppet(tmp_path / "s", "swift", CALLBACKS), Puppet(tmp_path / "p", "python", CALLBACKS)
    server = module_server(swift.entry(), python.entry(), start=False)
    done = axolemma(
        "module", "list", "-c", str(server.config), "-c", str(server.overlay), **server.environment)
    assert done.returncode == 0, done
    first, second = re.split(r"\n(?=\S)", done.stdout.strip())
    assert "(swift), at modules.<item 0>" in first and "Puppet" in first
    assert "puppet.Puppet (python), at modules.<item 1>" in second
    for text, puppet in ((first, swift), (second, python)):
        assert sorted(re.search(r"callbacks: (.*)", text)[1].split(", ")) == NAMES
        assert f"answers at: /_synapse/client/puppet/{puppet.name}" in text
        assert json.loads(re.search(r"configuration: (.*)", text)[1])["folder"] == str(puppet.folder)
    assert not Path(server.settings["database"]["args"]["database"]).exists()


EVERY = {
    "spam_checker": [
        "check_event_for_spam", "should_drop_federated_event", "user_may_send_state_event", "user_may_join_room",
        "user_may_invite", "federated_user_may_invite", "user_may_send_3pid_invite", "user_may_create_room",
        "user_may_create_room_alias", "user_may_publish_room", "check_username_for_spam", "check_registration_for_spam",
        "check_login_for_spam", "check_media_file_for_spam",
    ],
    "third_party_rules": [
        "check_event_allowed", "on_create_room", "check_threepid_can_be_invited", "check_visibility_can_be_modified",
        "on_new_event", "check_can_shutdown_room", "check_can_deactivate_user", "on_profile_update",
        "on_user_deactivation_status_changed", "on_add_user_third_party_identifier",
        "on_remove_user_third_party_identifier", "on_threepid_bind",
    ],
    "presence_router": ["get_users_for_states", "get_interested_users"],
    "account_validity": [
        "is_user_expired", "on_user_registration", "on_user_login", "on_legacy_send_mail", "on_legacy_renew",
        "on_legacy_admin_request",
    ],
    "password_auth_provider": [
        "check_3pid_auth", "on_logged_out", "is_3pid_allowed", "get_username_for_registration",
        "get_displayname_for_registration",
    ],
    "account_data": ["on_account_data_updated"],
    "background_update_controller": ["on_update"],
    "media_repository": ["get_media_config_for_user", "is_user_allowed_to_upload_media_of_size"],
    "ratelimit": ["get_ratelimit_override_for_user"],
    "add_extra_fields_to_unsigned_client_event": ["add_field_to_unsigned_callback"],
    "federation": ["on_event_delivered_over_federation"],
}


@pytest.mark.parametrize("kind", [SwiftPuppet, Puppet])
def test_every_callback_can_be_registered(
    module_server: MakeModuleServer, tmp_path: Path, kind: type[Puppet]
) -> None:
    puppet = kind(tmp_path / "strings", "puppet", EVERY)
    server = module_server(puppet.entry(), start=False)
    done = axolemma("module", "list", "-c", str(server.config), "-c", str(server.overlay), **server.environment)
    assert done.returncode == 0, done
    listed = set(re.search(r"callbacks: (.*)", done.stdout)[1].split(", "))
    assert {name for names in EVERY.values() for name in names} - listed == set()


def test_module_list_tells_what_is_wrong(module_server: MakeModuleServer, tmp_path: Path) -> None:
    swift = SwiftPuppet(tmp_path / "s", "swift", CALLBACKS)
    server = module_server(swift.entry(constructor_error="cannot be made"), start=False)
    done = axolemma("module", "list", "-c", str(server.config), "-c", str(server.overlay))
    assert done.returncode == 1 and "cannot be made" in done.stderr
    server = module_server(start=False)
    done = axolemma("module", "list", "-c", str(server.config), "-c", str(server.overlay))
    assert done.returncode == 0 and "No modules are configured" in done.stdout
