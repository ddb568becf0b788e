"""Connections to the database, and the threads that use them."""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
import time
from typing import Any, Callable, Dict, List, Optional
from urllib.parse import quote

from twisted.internet import defer, threads
from twisted.python.threadpool import ThreadPool

from synapse.storage.database import DatabasePool
from synapse.storage.engines import BaseDatabaseEngine, PostgresEngine, Sqlite3Engine
from synapse.storage.engines.sqlite import ModuleConnection

logger = logging.getLogger(__name__)

#: How long SQLite waits for another process to write, in seconds.
BUSY_TIMEOUT = 10.0


class Connections:
    """Runs functions with a connection of its own in a database thread. Nothing is opened before it is needed."""

    def __init__(self, engine: BaseDatabaseEngine, connect: Callable[[], Any], size: int, reactor: Any) -> None:
        self._engine = engine
        self._connect = connect
        self._reactor = reactor
        self._threads = ThreadPool(minthreads=0, maxthreads=max(1, size), name="modules-database")
        self._idle: List[Any] = []
        self._lock = threading.Lock()
        self._current = threading.local()
        self._started = False
        self._stopped = False

    def is_running(self) -> bool:
        """Whether functions can be run."""
        return not self._stopped

    def run(self, function: Callable[[Any], Any]) -> "defer.Deferred[Any]":
        """Calls `function` with a connection in a database thread."""
        if self._stopped:
            return defer.fail(RuntimeError("The database of modules is closed: the server stops"))
        if not self._started:
            self._started = True
            self._threads.start()
            self._reactor.addSystemEventTrigger("during", "shutdown", self.close)
        return threads.deferToThreadPool(self._reactor, self._threads, self._with_connection, function)

    def _with_connection(self, function: Callable[[Any], Any]) -> Any:
        with self._lock:
            conn = self._idle.pop() if self._idle else None
        if conn is None or self._engine.is_connection_closed(conn):
            conn = self._connect()
        self._current.conn = conn
        try:
            return function(conn)
        finally:
            # A retry may have put another in its place.
            conn = self._current.conn
            self._current.conn = None
            if conn is not None:
                self._put_back(conn)

    def _put_back(self, conn: Any) -> None:
        engine = self._engine
        if engine.is_connection_closed(conn):
            return
        if engine.in_transaction(conn):
            try:
                conn.rollback()
            except Exception:
                logger.warning("A database connection is given up", exc_info=True)
                return
        with self._lock:
            if not self._stopped:
                self._idle.append(conn)
                return
        conn.close()

    def before_retry(self, conn: Any, attempt: int) -> Any:
        """Waits a little in the database thread, and gives the connection to try again with."""
        time.sleep(0.005 * 2**attempt * random.random())
        if self._engine.is_connection_closed(conn):
            self._current.conn = None
            conn = self._connect()
            self._current.conn = conn
        return conn

    def close(self) -> "defer.Deferred[None]":
        """Lets what runs end, then closes all connections."""
        if self._stopped:
            return defer.succeed(None)
        self._stopped = True
        if not self._started:
            return defer.succeed(None)
        done: "defer.Deferred[None]" = defer.Deferred()

        def stop() -> None:
            self._threads.stop()
            with self._lock:
                idle, self._idle = self._idle, []
            for conn in idle:
                try:
                    conn.close()
                except Exception:
                    logger.debug("A database connection did not close", exc_info=True)
            self._reactor.callFromThread(done.callback, None)

        threading.Thread(target=stop, name="modules-database-stop", daemon=True).start()
        return done


def make_database_pool(server: Dict[str, Any], reactor: Any, hs: Any = None) -> DatabasePool:
    """The pool for what the server says of itself: its members `database` and `compat_views`."""
    database = server.get("database")
    if not database:
        raise RuntimeError("The server did not say where modules have their tables")
    if database["engine"] == "postgresql":
        return _postgres_pool(database, reactor, hs)
    views = (server.get("compat_views") or {}).get("sqlite") or []
    return _sqlite_pool(database, views, reactor, hs)


def _sqlite_pool(database: Dict[str, Any], views: List[str], reactor: Any, hs: Any) -> DatabasePool:
    engine = Sqlite3Engine({"name": "sqlite3", "args": {"database": database["modules"]}}, views)
    synchronous = database.get("synchronous", "FULL")
    if synchronous not in ("FULL", "NORMAL"):
        raise ValueError("synchronous must be FULL or NORMAL, not %s" % (synchronous,))

    def connect() -> sqlite3.Connection:
        conn = sqlite3.connect(
            _uri(database["modules"]),
            timeout=BUSY_TIMEOUT,
            # Transactions are begun by the engine.
            isolation_level=None,
            # A connection is used by one thread at a time, but not always by the same.
            check_same_thread=False,
            factory=ModuleConnection,
            uri=True,
        )
        try:
            conn.execute("PRAGMA journal_mode = WAL").fetchone()
            conn.execute("PRAGMA synchronous = %s" % (synchronous,))
            conn.execute("PRAGMA journal_size_limit = 33554432").fetchone()
            conn.execute("PRAGMA temp_store = MEMORY")
            if database.get("server"):
                conn.execute("ATTACH DATABASE ? AS server", (_uri(database["server"], "?mode=ro"),))
                engine.fit_views(conn)
        except BaseException:
            conn.close()
            raise
        return conn

    # As upstream: one thread, so that transactions of modules follow one another.
    return DatabasePool(Connections(engine, connect, 1, reactor), engine, hs)


def _uri(path: str, query: str = "") -> str:
    return "file:" + quote(path) + query


def _postgres_pool(database: Dict[str, Any], reactor: Any, hs: Any) -> DatabasePool:
    engine = PostgresEngine({"name": "psycopg2", "args": {}})
    path = database.get("search_path") or ["modules", "synapse_compat"]

    def connect() -> Any:
        conn = engine.module.connect(database["dsn"], application_name="axolemma modules")
        try:
            conn.autocommit = True
            with conn.cursor() as cursor:
                cursor.execute("SET search_path TO " + ", ".join(_quoted(name) for name in path))
                cursor.execute("SET bytea_output TO 'hex'")
            conn.autocommit = False
            engine.note_connection(conn)
        except BaseException:
            conn.close()
            raise
        return conn

    size: Optional[int] = database.get("connections")
    return DatabasePool(Connections(engine, connect, size or 5, reactor), engine, hs)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
