"""Servers that a test starts, stops, kills and starts again."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from . import postgres
from .client import PASSWORD, Client, User, register_by_secret

SECRET = "black box"
SYNAPSE = os.environ.get("AXOLEMMA_TEST_SYNAPSE")
_UNLIMITED = {"per_second": 100_000, "burst_count": 100_000}

# No rate limit, so that tests are not slowed down; the tests of the limits set their own.
NO_LIMITS: dict[str, Any] = {
    "rc_message": _UNLIMITED,
    "rc_registration": _UNLIMITED,
    "rc_registration_token_validity": _UNLIMITED,
    "rc_login": {"address": _UNLIMITED, "account": _UNLIMITED, "failed_attempts": _UNLIMITED},
    "rc_admin_redaction": _UNLIMITED,
    "rc_joins": {"local": _UNLIMITED, "remote": _UNLIMITED},
    "rc_joins_per_room": _UNLIMITED,
    "rc_invites": {"per_room": _UNLIMITED, "per_user": _UNLIMITED, "per_issuer": _UNLIMITED},
    "rc_room_creation": _UNLIMITED,
}

_names = itertools.count(1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Homeserver:
    """A server at an address, and users on it."""

    secret: str = SECRET

    def __init__(self, base_url: str):
        self.base_url = base_url

    def client(self) -> Client:
        return Client(self.base_url)

    def user(self, name: str = "user", admin: bool = False, **body: Any) -> User:
        """A new user whose name begins with `name`."""
        localpart = f"{name}-{secrets.token_hex(3)}{next(_names)}"
        client = Client(self.base_url)
        try:
            if admin:
                session = register_by_secret(client, self.secret, localpart, admin=True).ok()
            else:
                request = {"username": localpart, "password": PASSWORD, "auth": {"type": "m.login.dummy"}, **body}
                session = client.post("register", body=request).ok()
        finally:
            client.close()
        return User(self.base_url, session)

    def users(self, *names: str) -> list[User]:
        return [self.user(name) for name in names]

    def login(self, user: User, **body: Any) -> User:
        """Another session of a user."""
        identifier = {"type": "m.id.user", "user": user.localpart}
        request = {"type": "m.login.password", "identifier": identifier, "password": user.password, **body}
        return User(self.base_url, Client(self.base_url).post("login", body=request).ok())


class LocalServer(Homeserver):
    """A server of our own on a free port, with its data in `directory`."""

    def __init__(self, directory: Path, engine: str = "sqlite", settings: dict | None = None):
        self.port = free_port()
        super().__init__(f"http://127.0.0.1:{self.port}")
        self.directory, self.engine = directory, engine
        self.directory.mkdir(parents=True, exist_ok=True)
        self.database = postgres.Database() if engine == "postgresql" else None
        self.process: subprocess.Popen | None = None
        self.log = directory / "server.log"
        # Environment variables beside the tests' own.
        self.environment: dict[str, str] = {}
        self.settings: dict[str, Any] = {
            "listeners": [
                {
                    "port": self.port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": False,
                    "resources": [{"names": ["client"]}],
                }
            ],
            "database": self._database_settings(),
            "registration_shared_secret": self.secret,
            "enable_registration": True,
            "enable_registration_without_verification": True,
            "allow_public_rooms_without_auth": True,
            "room_list_publication_rules": [{"action": "allow"}],
            "caches": {"sync_response_cache_duration": 0},
            "bcrypt_rounds": 4,
            "report_stats": False,
            **NO_LIMITS,
            **(settings or {}),
        }
        self.prepare()

    # What differs between servers.
    def prepare(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def write_settings(self) -> None:
        raise NotImplementedError

    def _database_settings(self) -> dict:
        if self.database:
            return {"name": "psycopg2", "args": self.database.arguments}
        return {"name": "sqlite3", "args": {"database": str(self.directory / "homeserver.db")}}

    # Life.
    def start(self, limit: float = 30) -> float:
        """Starts the server and returns the seconds until it first answered that it is well."""
        assert self.process is None, "it runs already"
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.environment},
            )
        while not self.healthy():
            if self.process.poll() is not None:
                status, self.process = self.process.returncode, None
                raise AssertionError(f"the server ended with status {status} while starting:\n{self.log_tail()}")
            if time.monotonic() - began > limit:
                self.kill()
                raise AssertionError(f"the server was not well {limit} s after its start:\n{self.log_tail()}")
            time.sleep(0.005)
        return time.monotonic() - began

    def healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        except http.client.HTTPException:
            return False
        finally:
            connection.close()

    def stop(self, limit: float = 25) -> float:
        """Asks the server to end; returns the seconds it took. Its exit status must be 0."""
        process, self.process = self.process, None
        assert process is not None, "it does not run"
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not end within {limit} s of SIGTERM:\n{self.log_tail()}") from None
        assert status == 0, f"the server ended with status {status} after SIGTERM:\n{self.log_tail()}"
        return time.monotonic() - began

    def kill(self) -> None:
        """Ends the server at once, as a crash would."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()

    def restart(self) -> float:
        self.stop()
        return self.start()

    def discard(self) -> None:
        """Ends the server in any state and deletes what is outside its directory."""
        self.kill()
        if self.database:
            self.database.drop()
            self.database = None

    # What it left behind.
    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self) -> str:
        return self.log_text()[-4000:]

    # Lines look as Synapse's do, or are JSON; a trap of the Swift runtime looks like nothing else.
    _ERROR = re.compile(r' - (ERROR|CRITICAL) - |"level": ?"(ERROR|CRITICAL)"|Fatal error|Thread \d+ crashed')

    def log_errors(self) -> list[str]:
        """The lines of the log at level error or above."""
        return [line for line in self.log_text().splitlines() if self._ERROR.search(line)]

    def database_size(self) -> int:
        """Bytes of the database, its write-ahead log included."""
        if self.database:
            return self.database.size()
        return sum(file.stat().st_size for file in self.directory.glob("homeserver.db*"))


class Axolemma(LocalServer):
    """The server under test, as `axolemma generate` configures it, with the tests' settings over it."""

    @staticmethod
    def binary() -> str:
        root = Path(__file__).resolve().parents[3]
        return os.environ.get("AXOLEMMA_BINARY", str(root / ".build/debug/axolemma"))

    def prepare(self) -> None:
        self.config = self.directory / "homeserver.yaml"
        self.overlay = self.directory / "tests.json"
        subprocess.run(
            [self.binary(), "generate", "--server-name", "localhost", "--data-directory", str(self.directory),
             "-c", str(self.config)],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self.write_settings()

    def write_settings(self) -> None:
        # JSON is YAML: the tests show that it is read.
        self.overlay.write_text(json.dumps(self.settings, indent=1))

    def command(self) -> list[str]:
        return [self.binary(), "serve", "-c", str(self.config), "-c", str(self.overlay)]


class Synapse(LocalServer):
    """The reference: shows that the tests, and the benchmark, ask for what is usual. Never needed to test Axolemma."""

    def __init__(self, directory: Path, engine: str = "sqlite", settings: dict | None = None, *, python: str):
        self.python = python
        super().__init__(directory, engine, settings)

    def prepare(self) -> None:
        key = self.directory / "signing.key"
        key.write_text(f"ed25519 a_test {secrets.token_urlsafe(32).replace('-', 'A').replace('_', 'B')}\n")
        log = {
            "version": 1, "disable_existing_loggers": False, "root": {"level": "WARNING", "handlers": ["console"]},
            "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        }
        (self.directory / "log.yaml").write_text(json.dumps(log))
        self.settings.update({
            "server_name": "localhost", "signing_key_path": str(key), "log_config": str(self.directory / "log.yaml"),
            "media_store_path": str(self.directory / "media"), "pid_file": str(self.directory / "pid"),
            "trusted_key_servers": [], "suppress_key_server_warning": True,
        })
        self.write_settings()

    def write_settings(self) -> None:
        (self.directory / "homeserver.yaml").write_text(json.dumps(self.settings))

    def command(self) -> list[str]:
        return [self.python, "-m", "synapse.app.homeserver", "-c", str(self.directory / "homeserver.yaml")]

    def log_errors(self) -> list[str]:
        return []


def new_server(directory: Path, engine: str, settings: dict | None = None) -> LocalServer:
    """A server to test: Axolemma, or the reference in its place."""
    if SYNAPSE:
        return Synapse(directory, engine, settings, python=SYNAPSE)
    return Axolemma(directory, engine, settings)
