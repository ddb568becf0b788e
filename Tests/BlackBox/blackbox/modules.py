"""Servers with modules, and the strings by which tests pull them.

The numbers in the names of these tests are those of the list of behaviours that modules can rely on (docs/modules/coverage.md).

Environment:
  AXOLEMMA_MODULE_PYTHON  the interpreter that runs Python modules (default .venv-modules/bin/python, made by scripts/test)
  AXOLEMMA_PUPPET         the puppet in Swift, a plug-in (default where scripts/example builds it)
"""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from .client import Client
from .server import LocalServer, new_server

ROOT = Path(__file__).resolve().parents[3]
PYTHON = os.environ.get("AXOLEMMA_MODULE_PYTHON", str(ROOT / ".venv-modules/bin/python"))
MODULES = ROOT / "Tests/BlackBox/modules/python"
PLUG_IN = Path(os.environ.get("AXOLEMMA_PUPPET", str(ROOT / ".build/examples/KeywordFilter/debug/libPuppet.so")))


class Puppet:
    """A module of a test's own (python/puppet.py): says what its callbacks answer, and tells how they were called."""

    def __init__(self, folder: Path, name: str, callbacks: dict[str, list[str]]):
        self.folder, self.name, self.callbacks = folder, name, callbacks
        self.folder.mkdir(parents=True, exist_ok=True)

    def entry(self, **more: Any) -> dict:
        """The module's entry in the configuration."""
        config = {"name": self.name, "folder": str(self.folder), "callbacks": self.callbacks, **more}
        return {"module": "puppet.Puppet", "config": config}

    def answers(self, callback: str, body: str) -> None:
        """Has a callback run `body`, a function's body or just an expression."""
        body = textwrap.dedent(body).strip()
        if "\n" not in body and not body.startswith(("return", "raise")):
            body = f"return {body}"
        (self.folder / f"{callback}.py").write_text(body)

    def forget(self) -> None:
        """Back to answers that change nothing, and no calls."""
        for file in self.folder.iterdir():
            file.unlink()

    def calls(self, callback: str) -> list[Any]:
        """The arguments of every call of a callback so far."""
        file = self.folder / "calls.jsonl"
        text = file.read_text() if file.exists() else ""
        # The last line may still be on its way.
        lines = text[: text.rfind("\n") + 1].splitlines()
        return [args for name, args in map(json.loads, lines) if name == callback]

    def wait_for_calls(self, callback: str, count: int = 1, limit: float = 15) -> list[Any]:
        """The calls, once there are as many; for callbacks that nothing waits for."""
        end = time.monotonic() + limit
        while len(self.calls(callback)) < count and time.monotonic() < end:
            time.sleep(0.02)
        calls = self.calls(callback)
        assert len(calls) >= count, f"{callback} was called {len(calls)} times, not {count}"
        return calls

    def run(self, server: LocalServer, body: str) -> dict:
        """Runs a function's body inside the module; `{"result": …}` or `{"exception": …}`."""
        body = textwrap.dedent(body).strip()
        if "\n" not in body and not body.startswith(("return", "raise")):
            body = f"return {body}"
        client = Client(server.base_url)
        try:
            return client.request("POST", f"/_synapse/client/puppet/{self.name}", body.encode()).ok()
        finally:
            client.close()

    def result(self, server: LocalServer, body: str) -> Any:
        """What the body returns; it must not raise."""
        told = self.run(server, body)
        assert "exception" not in told, told
        return told["result"]


class SwiftPuppet(Puppet):
    """The same in Swift (swift/Sources/Puppet): its answers are objects, and it runs commands."""

    def entry(self, **more: Any) -> dict:
        assert PLUG_IN.exists(), f"{PLUG_IN} is not built; run scripts/example"
        return {**super().entry(**more), "module": str(PLUG_IN)}

    def answers(self, callback: str, *answers: Any, **answer: Any) -> None:
        """What a callback answers: by keywords, or several objects of which the first holds whose `when` fits."""
        (self.folder / f"{callback}.json").write_text(json.dumps(list(answers) if answers else answer))

    def run(self, server: LocalServer, call: str, token: str | None = None, **arguments: Any) -> dict:
        """Runs a command in the module; `{"result": …}` or `{"exception": …}`."""
        client = Client(server.base_url, token)
        try:
            body = {"call": call, **arguments}
            return client.request("POST", f"/_synapse/client/puppet/{self.name}", body).ok()
        finally:
            client.close()

    def result(self, server: LocalServer, call: str, **arguments: Any) -> Any:
        told = self.run(server, call, **arguments)
        assert "exception" not in told, told
        return told["result"]


def python_path(*folders: Path) -> dict[str, str]:
    inherited = os.environ.get("PYTHONPATH", "").split(":")
    return {"PYTHONPATH": ":".join(filter(None, [*map(str, [*folders, MODULES]), *inherited]))}


def settings_for_python(**more: Any) -> dict:
    """Settings under which Python modules run in the tests' own environment."""
    return {"module_settings": {"python": PYTHON, "callback_timeout": "10s"}, **more}


def shared_puppet(callbacks: dict[str, list[str]], kind: type[Puppet] = Puppet, **settings: Any) -> Any:
    """A fixture: one server with one puppet for all tests of a file. Make the puppet forget before each test."""

    @pytest.fixture(scope="module")
    def puppet_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalServer, Puppet]]:
        folder = tmp_path_factory.mktemp("puppet")
        puppet = kind(folder / "strings", "puppet", callbacks)
        server = new_server(
            folder / "server", "sqlite", settings_for_python(modules=[puppet.entry()], **settings)
        )
        server.environment.update(python_path())
        server.start()
        yield server, puppet
        server.discard()

    return puppet_server


def logged(server: LocalServer, *words: str, count: int = 1, limit: float = 15) -> list[str]:
    """The lines of the log that hold all these words, once there are as many; the server writes it when it has time."""
    end = time.monotonic() + limit
    while True:
        lines = [line for line in server.log_text().splitlines() if all(word in line for word in words)]
        if len(lines) >= count:
            return lines
        assert time.monotonic() < end, f"the log has {len(lines)} lines with {words}, not {count}"
        time.sleep(0.02)


def ended(server: LocalServer, limit: float = 60) -> tuple[int, str]:
    """Starts a server that is expected not to start: its exit status, and all it wrote."""
    done = subprocess.run(
        server.command(), cwd=server.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=limit,
        stderr=subprocess.STDOUT, env={**os.environ, **server.environment}, check=False,
    )
    assert not server.healthy()
    return done.returncode, done.stdout.decode(errors="replace")
