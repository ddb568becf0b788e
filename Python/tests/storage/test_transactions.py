"""Transactions: results, rolling back, running again, callbacks."""

from __future__ import annotations

import logging

import pytest

from axolemma_host.database import make_database_pool
from synapse.storage.database import DatabasePool, LoggingTransaction
from synapse.storage.engines import IsolationLevel, PostgresEngine, Sqlite3Engine


@pytest.fixture
def notes(pool, reactor):
    """A pool with an empty table."""
    reactor.wait(pool.execute("create", "CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT)"))
    return pool


def count(pool, reactor):
    return reactor.wait(pool.execute("count", "SELECT COUNT(*) FROM notes"))[0][0]


def test_the_result_and_the_arguments_pass_through(pool, reactor):
    def interaction(txn, first, *, second):
        assert isinstance(txn, LoggingTransaction)
        assert isinstance(txn.database_engine, (PostgresEngine, Sqlite3Engine))
        txn.execute("SELECT ?, 'really?', ?", (first, second))
        assert len(txn.description) == 3
        return list(txn)

    assert reactor.wait(pool.runInteraction("desc", interaction, "a%", second="b")) == [("a%", "really?", "b")]


def test_what_raises_is_rolled_back(notes, reactor):
    def interaction(txn):
        txn.execute("INSERT INTO notes VALUES (?, ?)", (1, "x"))
        raise KeyError("no")

    with pytest.raises(KeyError):
        reactor.wait(notes.runInteraction("desc", interaction))
    assert count(notes, reactor) == 0
    # The connection is as good as before.
    reactor.wait(notes.simple_insert("notes", {"id": 1, "body": "y"}))
    assert count(notes, reactor) == 1


def test_ddl_is_part_of_the_transaction(pool, reactor):
    def interaction(txn):
        txn.execute("CREATE TABLE other (id BIGINT)")
        txn.execute("INSERT INTO other VALUES (1)")
        raise ValueError()

    with pytest.raises(ValueError):
        reactor.wait(pool.runInteraction("desc", interaction))
    reactor.wait(pool.execute("create", "CREATE TABLE other (id BIGINT)"))


def test_operational_errors_run_it_five_times_at_most(notes, reactor):
    attempts = []

    def interaction(txn, failures):
        attempts.append(1)
        txn.execute("INSERT INTO notes VALUES (?, ?)", (len(attempts), "x"))
        if len(attempts) <= failures:
            raise notes.engine.module.OperationalError("again")
        return len(attempts)

    assert reactor.wait(notes.runInteraction("desc", interaction, 4)) == 5
    assert count(notes, reactor) == 1
    with pytest.raises(notes.engine.module.OperationalError):
        reactor.wait(notes.runInteraction("desc", interaction, 12))
    assert len(attempts) == 10


def test_callbacks_are_those_of_the_run_that_counts(notes, reactor):
    calls = []
    attempts = []

    async def later(*args):
        calls.append(("async", *args))

    def interaction(txn, fail):
        attempts.append(1)
        txn.call_after(calls.append, ("after", len(attempts)))
        txn.async_call_after(later, len(attempts))
        txn.call_on_exception(calls.append, ("exception", len(attempts)))
        if fail or len(attempts) == 1:
            raise (ValueError() if fail else notes.engine.module.OperationalError("again"))

    reactor.wait(notes.runInteraction("desc", interaction, False))
    assert calls == [("async", 2), ("after", 2)]
    del calls[:]
    with pytest.raises(ValueError):
        reactor.wait(notes.runInteraction("desc", interaction, True))
    assert calls == [("exception", 3)]


def test_two_that_get_in_each_others_way_both_succeed(notes, server, reactor):
    reactor.wait(notes.simple_insert("notes", {"id": 1, "body": "0"}))
    other = make_database_pool(server, reactor)

    def add(txn):
        txn.execute("SELECT body FROM notes WHERE id = 1")
        (body,) = txn.fetchone()
        txn.execute("UPDATE notes SET body = ? WHERE id = 1", (str(int(body) + 1),))

    from twisted.internet import defer

    runs = [defer.ensureDeferred(p.runInteraction("add", add)) for p in (notes, other, notes, other)]
    for run in runs:
        reactor.wait(run)
    assert reactor.wait(notes.simple_select_one_onecol("notes", {"id": 1}, "body")) == "4"


def test_a_generator_as_an_argument_is_named_in_the_log(notes, reactor, caplog):
    with caplog.at_level(logging.ERROR):
        reactor.wait(notes.runInteraction("desc", lambda txn, rows: list(rows), (n for n in [1])))
    assert "generator" in caplog.text


def test_isolation_and_autocommit(notes, reactor):
    def level(txn):
        txn.execute("SHOW transaction_isolation")
        return txn.fetchone()[0]

    if isinstance(notes.engine, PostgresEngine):
        run = notes.runInteraction
        assert reactor.wait(run("desc", level)) == "repeatable read"
        assert reactor.wait(run("desc", level, isolation_level=IsolationLevel.READ_COMMITTED)) == "read committed"
        assert reactor.wait(run("desc", level, isolation_level=IsolationLevel.SERIALIZABLE)) == "serializable"

    def two(txn):
        txn.execute("INSERT INTO notes VALUES (1, 'kept')")
        raise ValueError()

    with pytest.raises(ValueError):
        reactor.wait(notes.runInteraction("desc", two, db_autocommit=True))
    assert count(notes, reactor) == 1


def test_run_with_connection(notes, reactor):
    def with_connection(conn):
        with conn.cursor() as txn:
            txn.execute("INSERT INTO notes VALUES (?, ?)", (1, "x"))
        conn.rollback()
        return "done"

    assert reactor.wait(notes.runWithConnection(with_connection)) == "done"
    assert count(notes, reactor) == 0


def test_scripts_and_values(notes, reactor):
    def script(txn):
        txn.executescript("INSERT INTO notes VALUES (1, 'a;b'); INSERT INTO notes VALUES (2, 'c');\n-- end\n")
        raise ValueError()

    with pytest.raises(ValueError):
        reactor.wait(notes.runInteraction("desc", script))
    assert count(notes, reactor) == 0

    def values(txn):
        return txn.execute_values("INSERT INTO notes VALUES ? RETURNING id", [(1, "a"), (2, "b")])

    if isinstance(notes.engine, PostgresEngine):
        assert sorted(reactor.wait(notes.runInteraction("desc", values))) == [(1,), (2,)]
    else:
        with pytest.raises(AssertionError):
            reactor.wait(notes.runInteraction("desc", values))


def test_a_lone_percent_sign_is_no_parameter(notes, reactor):
    reactor.wait(notes.simple_insert("notes", {"id": 1, "body": "50%"}))
    assert reactor.wait(notes.execute("like", "SELECT id FROM notes WHERE body LIKE '%0%'")) == [(1,)]


def test_tables_survive_a_restart(notes, server, reactor):
    reactor.wait(notes.simple_insert("notes", {"id": 1, "body": "kept"}))
    other = make_database_pool(server, reactor)
    assert count(other, reactor) == 1


def test_cursor_to_dict(notes, reactor):
    reactor.wait(notes.simple_insert("notes", {"id": 1, "body": "x"}))

    def interaction(txn):
        txn.execute("SELECT id, body FROM notes")
        return DatabasePool.cursor_to_dict(txn)

    assert reactor.wait(notes.runInteraction("desc", interaction)) == [{"id": 1, "body": "x"}]


def test_a_lost_connection_is_replaced(notes, reactor):
    if not isinstance(notes.engine, PostgresEngine):
        pytest.skip("SQLite has no connection to lose")
    attempts = []

    def interaction(txn):
        attempts.append(1)
        if len(attempts) == 1:
            txn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        txn.execute("SELECT 42")
        return txn.fetchone()

    assert reactor.wait(notes.runInteraction("desc", interaction)) == (42,)
    assert len(attempts) == 2
