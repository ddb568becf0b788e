"""E16. Tables of modules in Swift, on both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from blackbox.modules import Puppet, SwiftPuppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

TABLE = "CREATE TABLE puppet_things (name TEXT, number BIGINT)"
ROWS = ["SELECT name, number FROM puppet_things ORDER BY number"]


def test_e16_tables_of_a_module(module_server: MakeModuleServer, tmp_path: Path, engine: str) -> None:
    puppet = SwiftPuppet(tmp_path / "strings", "puppet", {})
    server = module_server(puppet.entry(), engine=engine)
    assert puppet.result(server, "database.engine") == engine
    puppet.result(server, "database.migrate", sql=[TABLE])
    puppet.result(server, "database.migrate", sql=[TABLE])
    insert = ["INSERT INTO puppet_things VALUES ($1, $2)"]
    assert puppet.result(server, "database.write", sql=insert, values=["one", 1]) == 1
    assert puppet.result(server, "database.write", sql=insert, values=[None, None]) == 1
    told = puppet.run(server, "database.write", sql=insert, values=["two", 2], throw="out")
    assert (told["exception"], told["message"]) == ("Failure", "out")
    assert "exception" in puppet.run(server, "database.write", sql=[*insert, "NONSENSE"], values=["three", 3])
    rows = puppet.result(server, "database.read", sql=["SELECT name, number FROM puppet_things WHERE name = 'one'"])
    assert rows == [["one", 1]]
    assert puppet.result(server, "database.read", sql=["SELECT count(*) FROM puppet_things"]) == [[2]]
    assert "exception" in puppet.run(server, "database.read", sql=["DELETE FROM puppet_things"])

    server.kill()
    server.start()
    # The migration that ran is not run again; the next one is.
    puppet.result(server, "database.migrate", sql=[TABLE, "DELETE FROM puppet_things WHERE name IS NULL"])
    assert puppet.result(server, "database.read", sql=ROWS) == [["one", 1]]


def test_e16_the_servers_own_tables_can_be_read_but_not_changed(
    module_server: MakeModuleServer, tmp_path: Path, engine: str
) -> None:
    puppet = SwiftPuppet(tmp_path / "strings", "puppet", {})
    server = module_server(puppet.entry(), engine=engine)
    alice = server.user("alice")
    query = ["SELECT name FROM users WHERE name = $1"]
    assert puppet.result(server, "database.read", sql=query, values=[alice.id]) == [[alice.id]]
    assert "exception" in puppet.run(server, "database.write", sql=["UPDATE users SET admin = 1"])
    assert puppet.result(server, "users.info", user=alice.id)["is_admin"] is False


def test_e16_modules_of_both_languages_share_one_database(
    module_server: MakeModuleServer, tmp_path: Path, engine: str
) -> None:
    swift, python = SwiftPuppet(tmp_path / "s", "swift", {}), Puppet(tmp_path / "p", "python", {})
    server = module_server(swift.entry(), python.entry(), engine=engine)
    swift.result(server, "database.migrate", sql=[TABLE])
    swift.result(server, "database.write", sql=["INSERT INTO puppet_things VALUES ('one', 1)"])
    rows = python.result(server, """
        def get(txn):
            txn.execute("SELECT name, number FROM puppet_things")
            found = txn.fetchall()
            txn.execute("INSERT INTO puppet_things VALUES (?, ?)", ("two", 2))
            return found
        return await api.run_db_interaction("get", get)
    """)
    assert rows == [["one", 1]]
    assert swift.result(server, "database.read", sql=ROWS) == [["one", 1], ["two", 2]]
