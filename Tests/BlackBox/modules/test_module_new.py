"""What `axolemma module new` writes builds, passes its tests and can be loaded as it stands."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Callable

import pytest
from blackbox.modules import PLUG_IN, PYTHON
from blackbox.server import Axolemma, LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

# scripts/example has it written, and builds and tests it.
SWIFT = PLUG_IN.with_name("libRoomKeeper.so")


def run(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        check=False, text=True, env={**os.environ, **environment},
    )


def new(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return run(Axolemma.binary(), "module", "new", *arguments, folder=folder)


def refuses_a_word(server: LocalServer) -> None:
    alice = server.user("alice")
    room = alice.create_room()
    alice.send(room, "tea at five?")
    denied = alice.try_send(room, "to the casino!").refused(403, "M_FORBIDDEN")
    assert denied["error"] == "That word is not wanted here"


def test_a_module_in_swift_as_it_is_written(module_server: MakeModuleServer) -> None:
    assert SWIFT.exists(), f"{SWIFT} is not built; run scripts/example"
    refuses_a_word(module_server({"module": str(SWIFT), "config": {"word": "casino"}}))


def test_a_module_in_python_as_it_is_written(module_server: MakeModuleServer, tmp_path: Path) -> None:
    done = new(tmp_path, "TeaRoom2go", "--language", "python")
    assert done.returncode == 0, done.stdout
    package, installed = tmp_path / "TeaRoom2go", tmp_path / "installed"
    done = run(
        PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(installed),
        str(package), folder=tmp_path,
    )
    assert done.returncode == 0, done.stdout
    done = run(
        PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package / "tests"), folder=tmp_path,
        PYTHONPATH=str(installed),
    )
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout
    # Its README says how it is named.
    (name,) = re.findall(r"- module: (\S+)", (package / "README.md").read_text())
    refuses_a_word(module_server({"module": name, "config": {"word": "casino"}}, path=(installed,)))


@pytest.mark.parametrize("language", ["swift", "python"])
def test_what_is_there_is_not_written_over(tmp_path: Path, language: str) -> None:
    (tmp_path / "Mine").mkdir()
    done = new(tmp_path, "Mine", "--language", language, "--axolemma", str(tmp_path))
    assert done.returncode != 0 and "exists already" in done.stdout
    assert list((tmp_path / "Mine").iterdir()) == []


@pytest.mark.parametrize("name", ["mine", "My-Module", "Möbel", "../Mine", ""])
def test_a_name_has_to_be_one_of_a_type(tmp_path: Path, name: str) -> None:
    done = new(tmp_path, name, "--axolemma", str(tmp_path))
    assert done.returncode != 0 and "cannot name a module" in done.stdout
    assert list(tmp_path.iterdir()) == []
