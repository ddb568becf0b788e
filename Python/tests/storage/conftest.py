"""Databases as the server gives them to the host, and a reactor that runs as long as a test waits for something."""

from __future__ import annotations

import os
import queue
import sqlite3
import uuid
from typing import Any, Callable, Dict, Iterator, List

import pytest
from twisted.internet import defer, task

from axolemma_host.database import make_database_pool

POSTGRES = os.environ.get("AXOLEMMA_TEST_POSTGRES")

ENGINES = ["sqlite"] + (["postgresql"] if POSTGRES else [])

#: As the server writes a view of its data.
USERS_VIEW = """CREATE TEMP VIEW users AS
SELECT name AS name, admin AS admin FROM server.users;
CREATE TEMP TRIGGER axolemma_users_insert INSTEAD OF INSERT ON users
BEGIN SELECT RAISE(ABORT, 'users shows the server''s own data; use ModuleApi.register_user'); END;
CREATE TEMP TRIGGER axolemma_users_update INSTEAD OF UPDATE ON users
BEGIN SELECT RAISE(ABORT, 'users shows the server''s own data; use ModuleApi.register_user'); END;
"""


class TestReactor(task.Clock):
    """Time that a test moves, and calls from threads that run while a test waits."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self._calls: "queue.Queue[Callable[[], Any]]" = queue.Queue()
        self.triggers: List[Callable[[], Any]] = []

    def callFromThread(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Called on the test's thread when it next waits."""
        self._calls.put(lambda: function(*args, **kwargs))

    def addSystemEventTrigger(self, phase: str, event: str, function: Callable[..., Any], *args: Any) -> None:
        """Remembers what is to be done at the end."""
        self.triggers.append(lambda: function(*args))

    def wait(self, awaitable: Any) -> Any:
        """The result of a coroutine or Deferred, or its exception."""
        results: List[Any] = []
        deferred = awaitable if isinstance(awaitable, defer.Deferred) else defer.ensureDeferred(awaitable)
        deferred.addBoth(results.append)
        while not results:
            self._calls.get(timeout=30)()
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]


@pytest.fixture
def reactor() -> Iterator[TestReactor]:
    reactor = TestReactor()
    yield reactor
    for trigger in reactor.triggers:
        done = trigger()
        if isinstance(done, defer.Deferred):
            reactor.wait(done)


def sqlite_description(directory: Any) -> Dict[str, Any]:
    path = os.path.join(str(directory), "home server.db")
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("CREATE TABLE users (number INTEGER PRIMARY KEY, name TEXT, admin BIGINT)")
        conn.execute("INSERT INTO users (name, admin) VALUES ('@alice:example.org', 0)")
    conn.close()
    modules = os.path.join(str(directory), "modules.db")
    return {
        "database": {"engine": "sqlite", "modules": modules, "server": path},
        "compat_views": {"sqlite": [USERS_VIEW]},
    }


def postgres_description(name: str) -> Dict[str, Any]:
    import psycopg2

    assert POSTGRES is not None
    conn = psycopg2.connect(POSTGRES)
    conn.autocommit = True
    conn.cursor().execute("CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'" % name)
    conn.close()
    dsn = psycopg2.extensions.make_dsn(POSTGRES, dbname=name)
    conn = psycopg2.connect(dsn)
    with conn, conn.cursor() as cursor:
        cursor.execute(
            """
            CREATE SCHEMA axolemma; CREATE SCHEMA modules; CREATE SCHEMA synapse_compat;
            CREATE TABLE axolemma.users (name TEXT, admin BIGINT);
            INSERT INTO axolemma.users VALUES ('@alice:example.org', 0);
            CREATE VIEW synapse_compat.users AS SELECT name, admin FROM axolemma.users;
            CREATE FUNCTION synapse_compat.refuse_write() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = TG_ARGV[0]; END $$;
            CREATE TRIGGER refuse_write INSTEAD OF INSERT OR UPDATE OR DELETE ON synapse_compat.users
            FOR EACH ROW EXECUTE FUNCTION
                synapse_compat.refuse_write('users shows the server''s own data; use ModuleApi.register_user')
            """
        )
    conn.close()
    return {"database": {"engine": "postgresql", "dsn": dsn, "search_path": ["modules", "synapse_compat"]}}


def drop_postgres(name: str) -> None:
    import psycopg2

    conn = psycopg2.connect(POSTGRES)
    conn.autocommit = True
    conn.cursor().execute("DROP DATABASE IF EXISTS %s WITH (FORCE)" % name)
    conn.close()


@pytest.fixture(params=ENGINES)
def server(request: Any, tmp_path: Any) -> Iterator[Dict[str, Any]]:
    """What the server says of its database."""
    if request.param == "sqlite":
        yield sqlite_description(tmp_path)
        return
    name = "axolemma_test_" + uuid.uuid4().hex
    try:
        yield postgres_description(name)
    finally:
        drop_postgres(name)


@pytest.fixture
def pool(server: Dict[str, Any], reactor: TestReactor) -> Any:
    return make_database_pool(server, reactor)
