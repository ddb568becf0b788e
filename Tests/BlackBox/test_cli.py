"""The command line, the configuration, signals, listeners, logs and the pages for operators."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable

import pytest
from blackbox.client import CLIENT, PASSWORD, Client, User
from blackbox.server import SECRET, Axolemma, LocalServer, free_port

pytestmark = pytest.mark.own_server
MakeServer = Callable[..., LocalServer]
SUBCOMMANDS = ["serve", "generate", "check-config", "register-user"]


def run(*arguments: str, input: str | None = None) -> subprocess.CompletedProcess:
    """Runs `axolemma` to its end, without a terminal."""
    return subprocess.run(
        [Axolemma.binary(), *arguments], input=input, stdin=None if input is not None else subprocess.DEVNULL,
        capture_output=True, text=True, timeout=30, start_new_session=True,
    )


def wait_for(condition: Callable[[], object], limit: float = 10) -> object:
    """The first true value of `condition`, polled."""
    until = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)
    return value


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """A configuration as `generate` writes it."""
    data = tmp_path / "data"
    answer = run("generate", "--server-name", "example.org", "--data-directory", str(data))
    assert answer.returncode == 0, answer
    return data / "homeserver.yaml"


@pytest.fixture
def server(make_server: MakeServer) -> LocalServer:
    started = make_server()
    started.start()
    return started


class TestHelp:
    def test_it_names_the_commands(self) -> None:
        answer = run("--help")
        assert answer.returncode == 0
        for command in SUBCOMMANDS:
            assert command in answer.stdout

    @pytest.mark.parametrize("command", SUBCOMMANDS)
    def test_every_command_explains_itself(self, command: str) -> None:
        answer = run(command, "--help")
        assert answer.returncode == 0 and "USAGE" in answer.stdout and len(answer.stdout) > 200

    def test_the_version_is_told(self) -> None:
        answer = run("--version")
        assert answer.returncode == 0 and re.search(r"\d+\.\d+", answer.stdout)

    @pytest.mark.parametrize("arguments", [["nonsense"], ["serve"], ["serve", "--nonsense"], ["generate"]])
    def test_what_it_does_not_understand_is_refused_with_a_hint(self, arguments: list[str]) -> None:
        answer = run(*arguments)
        assert answer.returncode == 64 and answer.stderr and not answer.stdout


class TestGenerate:
    def test_it_writes_a_configuration_and_a_key(self, generated: Path) -> None:
        text = generated.read_text()
        assert "example.org" in text and text.count("\n#") > 5
        key = generated.parent / "example.org.signing.key"
        algorithm, name, seed = key.read_text().split()
        assert algorithm == "ed25519" and name.startswith("a_") and len(seed) == 43
        for secret in (generated, key):
            assert stat.S_IMODE(secret.stat().st_mode) & 0o077 == 0, f"others may read {secret}"

    def test_what_it_writes_is_valid(self, generated: Path) -> None:
        answer = run("check-config", "-c", str(generated))
        assert answer.returncode == 0, answer
        assert "Warning" not in answer.stderr

    def test_nothing_is_overwritten(self, generated: Path) -> None:
        before = generated.read_text()
        answer = run("generate", "--server-name", "other.org", "--data-directory", str(generated.parent))
        assert answer.returncode == 1 and str(generated) in answer.stderr
        assert generated.read_text() == before

    def test_a_key_that_is_there_is_kept(self, generated: Path) -> None:
        key = generated.parent / "example.org.signing.key"
        before = key.read_text()
        generated.unlink()
        assert run("generate", "--server-name", "example.org", "--data-directory", str(generated.parent)).returncode == 0
        assert key.read_text() == before

    def test_an_impossible_name_is_refused(self, tmp_path: Path) -> None:
        answer = run("generate", "--server-name", "not a name", "--data-directory", str(tmp_path))
        assert answer.returncode == 64 and "not a name" in answer.stderr


class TestCheckConfig:
    def check(self, path: Path, text: str) -> subprocess.CompletedProcess:
        path.write_text(text)
        return run("check-config", "-c", str(path))

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        answer = run("check-config", "-c", str(tmp_path / "absent.yaml"))
        assert answer.returncode == 1 and "absent.yaml" in answer.stderr

    def test_broken_yaml_is_refused_with_its_line(self, tmp_path: Path) -> None:
        answer = self.check(tmp_path / "broken.yaml", "server_name: a\nlisteners: [\n")
        assert answer.returncode == 1 and "broken.yaml" in answer.stderr

    def test_a_wrong_type_names_file_and_option(self, generated: Path) -> None:
        overlay = generated.parent / "overlay.yaml"
        overlay.write_text("enable_registration: perhaps\n")
        answer = run("check-config", "-c", str(generated), "-c", str(overlay))
        assert answer.returncode == 1 and "overlay.yaml" in answer.stderr and "enable_registration" in answer.stderr

    def test_an_option_without_support_is_named_in_a_warning(self, generated: Path) -> None:
        overlay = generated.parent / "overlay.yaml"
        overlay.write_text("user_directory:\n  enabled: true\nno_such_option: 1\n")
        answer = run("check-config", "-c", str(generated), "-c", str(overlay))
        assert answer.returncode == 0, answer
        assert "no_such_option" in answer.stderr

    def test_a_missing_server_name_is_refused(self, tmp_path: Path) -> None:
        answer = self.check(tmp_path / "empty.yaml", "report_stats: false\n")
        assert answer.returncode == 1 and "server_name" in answer.stderr

    def test_a_faulty_configuration_does_not_start(self, generated: Path) -> None:
        overlay = generated.parent / "overlay.yaml"
        overlay.write_text("listeners: nonsense\n")
        answer = run("serve", "-c", str(generated), "-c", str(overlay))
        assert answer.returncode == 1 and "listeners" in answer.stderr

    def test_a_directory_of_files_is_merged_in_order_of_names(self, generated: Path) -> None:
        directory = generated.parent / "conf.d"
        directory.mkdir()
        (directory / "20-later.yaml").write_text("enable_registration: perhaps\n")
        (directory / "10-earlier.yaml").write_text("enable_registration: true\n")
        (directory / "ignored.txt").write_text("nonsense: [\n")
        answer = run("check-config", "-c", str(generated), "-c", str(directory))
        assert answer.returncode == 1 and "20-later.yaml" in answer.stderr
        (directory / "20-later.yaml").write_text("enable_registration: false\n")
        assert run("check-config", "-c", str(generated), "-c", str(directory)).returncode == 0


def test_the_page_of_options_is_up_to_date() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/options.md").read_text()
    answer = run("check-config", "--list-options")
    assert answer.returncode == 0 and page.endswith(answer.stdout), "run: make docs"


class TestConfiguration:
    def test_json_alone_is_a_configuration(self, generated: Path, make_server: MakeServer) -> None:
        server = make_server()
        assert isinstance(server, Axolemma)
        whole = server.directory / "whole.json"
        key = next(server.directory.glob("*.signing.key"))
        whole.write_text(json.dumps({**server.settings, "server_name": "localhost", "signing_key_path": str(key)}))
        assert run("check-config", "-c", str(whole)).returncode == 0
        server.command = lambda: [Axolemma.binary(), "serve", "-c", str(whole)]  # type: ignore[method-assign]
        server.start()
        server.user("alice").get("account", "whoami").ok()

    def test_a_later_file_wins(self, make_server: MakeServer) -> None:
        server = make_server()
        assert isinstance(server, Axolemma)
        closed = server.directory / "closed.yaml"
        closed.write_text("enable_registration: false\n")
        first = server.command()
        server.command = lambda: [*first, "-c", str(closed)]  # type: ignore[method-assign]
        server.start()
        body = {"username": "alice", "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        server.client().post("register", body=body).refused(403, "M_FORBIDDEN")


class TestRegisterUser:
    def register(self, server: LocalServer, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess:
        assert isinstance(server, Axolemma)
        return run(
            "register-user", "-c", str(server.config), "-c", str(server.overlay), *arguments, server.base_url, input=input
        )

    def signs_in(self, server: LocalServer, name: str, password: str = PASSWORD) -> bool:
        identifier = {"type": "m.id.user", "user": name}
        body = {"type": "m.login.password", "identifier": identifier, "password": password}
        return server.client().post("login", body=body).status == 200

    def test_it_makes_a_user(self, server: LocalServer) -> None:
        answer = self.register(server, "-u", "alice", "-p", PASSWORD, "--no-admin")
        assert answer.returncode == 0, answer
        assert "@alice:localhost" in answer.stdout
        assert self.signs_in(server, "alice")

    def test_the_password_may_come_from_a_file(self, server: LocalServer) -> None:
        secret = server.directory / "password"
        secret.write_text("from a file\n")
        assert self.register(server, "-u", "bob", "--password-file", str(secret), "--admin").returncode == 0
        assert self.signs_in(server, "bob", "from a file")

    def test_a_name_that_is_taken_fails_unless_that_is_fine(self, server: LocalServer) -> None:
        arguments = ("-u", "carol", "-p", PASSWORD, "--no-admin")
        assert self.register(server, *arguments).returncode == 0
        answer = self.register(server, *arguments)
        assert answer.returncode == 70 and "carol" in answer.stderr
        assert self.register(server, *arguments, "--exists-ok").returncode == 0

    def test_the_secret_can_be_given(self, server: LocalServer) -> None:
        answer = run("register-user", "-k", SECRET, "-u", "dave", "-p", PASSWORD, "--no-admin", server.base_url)
        assert answer.returncode == 0, answer
        answer = run("register-user", "-k", "wrong", "-u", "erin", "-p", PASSWORD, "--no-admin", server.base_url)
        assert answer.returncode == 70 and answer.stderr

    def test_a_server_that_is_not_there_is_named(self) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        answer = run("register-user", "-k", SECRET, "-u", "x", "-p", PASSWORD, "--no-admin", url)
        assert answer.returncode == 70 and url in answer.stderr

    def test_a_password_is_asked_for_at_a_terminal_and_not_shown(self, server: LocalServer) -> None:
        assert isinstance(server, Axolemma)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(Axolemma.binary(), [
                "axolemma", "register-user", "-c", str(server.config), "-c", str(server.overlay), "-u", "frank",
                "--no-admin", server.base_url,
            ])
        shown = b""

        def read_until(words: bytes) -> None:
            nonlocal shown
            until = time.monotonic() + 20
            while words not in shown and time.monotonic() < until:
                if select.select([terminal], [], [], 0.1)[0]:
                    try:
                        shown += os.read(terminal, 4096)
                    except OSError:
                        return  # the other end is closed
            assert words in shown, shown

        read_until(b"Password: ")
        os.write(terminal, b"typed secret\n")
        read_until(b"Confirm password: ")
        os.write(terminal, b"typed secret\n")
        read_until(b"@frank:localhost")
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        assert os.waitstatus_to_exitcode(status) == 0
        assert b"typed secret" not in shown
        assert self.signs_in(server, "frank", "typed secret")


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_ends_in_peace_although_clients_wait(self, server: LocalServer, number: signal.Signals) -> None:
        people = server.users(*["waiter"] * 3)
        tokens = [person.sync()["next_batch"] for person in people]
        ended: list[str] = []

        def wait(person: User, since: str) -> None:
            try:
                ended.append(str(person.get("sync", since=since, timeout=60_000).status))
            except Exception as error:
                ended.append(type(error).__name__)

        threads = [threading.Thread(target=wait, args=pair) for pair in zip(people, tokens)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        process, server.process = server.process, None
        assert process is not None
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(20) == 0, server.log_tail()
        assert time.monotonic() - began < 20
        for thread in threads:
            thread.join(10)
        assert len(ended) == 3
        assert server.log_errors() == []

    def test_requests_under_way_are_answered(self, server: LocalServer) -> None:
        alice = server.user("alice")
        room = alice.create_room()
        answered: list[str] = []

        def send() -> None:
            try:
                while True:
                    answered.append(alice.send(room))
            except (OSError, AssertionError, Exception):
                return

        thread = threading.Thread(target=send)
        thread.start()
        wait_for(lambda: len(answered) > 5)
        server.stop(20)
        thread.join(10)
        server.start()
        kept = {e["event_id"] for e in User(server.base_url, {"user_id": alice.id, "access_token": alice.token}).all_messages(room)}
        assert set(answered) <= kept

    def test_sighup_opens_the_log_again(self, make_server: MakeServer) -> None:
        server = make_server()
        assert isinstance(server, Axolemma)
        log = server.directory / "own.log"
        (server.directory / "log.yaml").write_text(
            "version: 1\n"
            "formatters: {precise: {format: '%(asctime)s - %(name)s - %(levelname)s - %(message)s'}}\n"
            f"handlers: {{file: {{class: logging.handlers.WatchedFileHandler, formatter: precise, filename: {log}}}}}\n"
            "root: {level: INFO, handlers: [file]}\n"
        )
        server.settings["log_config"] = str(server.directory / "log.yaml")
        server.write_settings()
        server.start()
        wait_for(lambda: log.exists() and log.stat().st_size > 0)
        log.rename(server.directory / "own.log.1")
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        wait_for(log.exists)
        assert server.healthy()
        server.stop()
        assert log.stat().st_size > 0, "nothing was logged to the new file"

    def test_it_tells_systemd_when_it_is_ready(self, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
        server = make_server()
        path = str(server.directory / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(10)
            monkeypatch.setenv("NOTIFY_SOCKET", path)
            server.start()
            assert b"READY=1" in notify.recv(4096)
            server.stop()
            assert b"STOPPING=1" in notify.recv(4096)


class TestListeners:
    def add(self, server: LocalServer, **listener: object) -> None:
        assert isinstance(server, Axolemma)
        server.settings["listeners"].append({"type": "http", "resources": [{"names": ["client"]}], **listener})
        server.write_settings()

    def test_a_unix_socket(self, make_server: MakeServer, tmp_path_factory: pytest.TempPathFactory) -> None:
        server = make_server()
        # A path of a socket has a small limit.
        path = Path(f"/tmp/axolemma-{os.getpid()}-{free_port()}.sock")
        self.add(server, path=str(path), mode=0o660)
        try:
            server.start()
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            client = Client(f"unix://{path}")
            client.request("GET", "/_matrix/client/versions").ok()
            # A socket that a killed server left behind is no hindrance.
            server.kill()
            server.start()
            client.close()
            client.request("GET", "/_matrix/client/versions").ok()
        finally:
            server.discard()
            path.unlink(missing_ok=True)

    def test_tls(self, make_server: MakeServer) -> None:
        server = make_server()
        assert isinstance(server, Axolemma)
        certificate, key = server.directory / "tls.crt", server.directory / "tls.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1",
             "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True,
        )
        port = free_port()
        server.settings.update(tls_certificate_path=str(certificate), tls_private_key_path=str(key))
        self.add(server, port=port, bind_addresses=["127.0.0.1"], tls=True)
        server.start()
        client = Client(f"https://127.0.0.1:{port}")
        client.request("GET", "/_matrix/client/versions").ok()
        alice = server.user("alice")
        secure = User(f"https://127.0.0.1:{port}", {"user_id": alice.id, "access_token": alice.token})
        secure.send(secure.create_room(), "over TLS")

    def test_tls_without_a_certificate_is_refused(self, make_server: MakeServer) -> None:
        server = make_server()
        self.add(server, port=free_port(), bind_addresses=["127.0.0.1"], tls=True)
        answer = run(*server.command()[1:])
        assert answer.returncode == 1 and "tls_certificate_path" in answer.stderr

    def test_a_port_that_is_taken_is_named(self, make_server: MakeServer) -> None:
        server = make_server()
        with socket.socket() as other:
            other.bind(("127.0.0.1", server.port))
            other.listen()
            answer = run(*server.command()[1:])
        assert answer.returncode != 0 and str(server.port) in answer.stderr + answer.stdout

    def test_behind_a_proxy_the_client_is_who_the_proxy_says(self, make_server: MakeServer) -> None:
        server = make_server()
        server.settings["listeners"][0]["x_forwarded"] = True
        server.write_settings()  # type: ignore[attr-defined]
        server.start()
        alice = server.user("alice")
        alice.request("GET", f"{CLIENT}/account/whoami", headers={"X-Forwarded-For": "203.0.113.9, 127.0.0.1"}).ok()
        # When a session was last seen is written from time to time, and at the latest when the server ends.
        server.restart()
        device = alice.get("devices", alice.device or "").ok()
        assert device.get("last_seen_ip") in ("203.0.113.9", "127.0.0.1", None)


class TestPagesForOperators:
    def test_health_needs_no_account(self, server: LocalServer) -> None:
        answer = server.client().request("GET", "/health")
        assert answer.status == 200 and answer.body.strip() == b"OK"

    def test_metrics_are_for_prometheus(self, make_server: MakeServer) -> None:
        server = make_server()
        assert isinstance(server, Axolemma)
        port = free_port()
        server.settings["enable_metrics"] = True
        server.settings["listeners"].append({"port": port, "type": "metrics", "bind_addresses": ["127.0.0.1"]})
        server.write_settings()
        server.start()
        alice = server.user("alice")
        alice.send(alice.create_room())
        answer = Client(f"http://127.0.0.1:{port}").request("GET", "/_synapse/metrics")
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
        names = set(re.findall(r"^([a-z_:]+)[ {]", answer.body.decode(), re.M))
        assert any(name.startswith("axolemma_") for name in names)
        assert "process_resident_memory_bytes" in names and "process_cpu_seconds_total" in names
        for line in answer.body.decode().splitlines():
            assert line.startswith("#") or re.fullmatch(r"[a-zA-Z_:][\w:]*(\{.*\})? \S+", line), line
        # Not on the port of clients.
        assert server.client().request("GET", "/_synapse/metrics").status == 404
