"""What modules see of the server's data."""

from __future__ import annotations

import sqlite3

import pytest

from synapse.storage.engines import Sqlite3Engine


def test_the_servers_data_can_be_read(pool, reactor):
    assert reactor.wait(pool.simple_select_list("users", None, ["name"])) == [("@alice:example.org",)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO users (name) VALUES ('@x:y')",
        "UPDATE users SET admin = 1",
        "INSERT INTO users (name) VALUES ('@x:y') ON CONFLICT DO NOTHING",
        "DELETE FROM users",
    ],
)
def test_a_write_to_it_says_what_to_do_instead(pool, reactor, statement):
    attempts = []

    def interaction(txn):
        attempts.append(1)
        txn.execute(statement)

    with pytest.raises(pool.engine.module.DatabaseError, match="ModuleApi"):
        reactor.wait(pool.runInteraction("desc", interaction))
    assert len(attempts) == 1


def test_the_servers_file_is_attached_for_reading_only(pool, reactor):
    if not isinstance(pool.engine, Sqlite3Engine):
        pytest.skip("only SQLite attaches files")
    with pytest.raises(sqlite3.IntegrityError, match="ModuleApi"):
        reactor.wait(pool.execute("desc", "UPDATE server.users SET admin = 1"))


def test_a_table_of_the_modules_own_comes_first(pool, reactor):
    def interaction(txn):
        txn.execute("CREATE TABLE users (label TEXT)")
        txn.execute("INSERT INTO users (label) VALUES (?)", ("mine",))
        txn.execute("SELECT label FROM users")
        return txn.fetchall()

    def failing(txn):
        interaction(txn)
        raise ValueError()

    with pytest.raises(ValueError):
        reactor.wait(pool.runInteraction("desc", failing))
    assert reactor.wait(pool.execute("desc", "SELECT name FROM users")) == [("@alice:example.org",)]
    assert reactor.wait(pool.runInteraction("desc", interaction)) == [("mine",)]
    assert reactor.wait(pool.execute("desc", "SELECT label FROM users")) == [("mine",)]
    reactor.wait(pool.execute("desc", "DROP TABLE users"))
    assert reactor.wait(pool.execute("desc", "SELECT name FROM users")) == [("@alice:example.org",)]
