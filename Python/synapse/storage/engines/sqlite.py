"""SQLite through Python's `sqlite3`."""

from __future__ import annotations

import re
import sqlite3
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from synapse.storage.engines._base import BaseDatabaseEngine, IsolationLevel

_VIEW = re.compile(r"CREATE TEMP VIEW (\w+)", re.IGNORECASE)
_REFUSAL = re.compile(r"RAISE\(ABORT, '((?:[^']|'')*)'\)")
#: What SQLite says of writes that never reach a trigger.
_REFUSED = ("because it is a view", "cannot UPSERT a view", "readonly database")
_TRANSACTION_CONTROL = re.compile(r"\s*(BEGIN|COMMIT|END)\b", re.IGNORECASE)


class ModuleConnection(sqlite3.Connection):
    """A connection to `modules.db` with the server's database attached."""

    #: The version of the schema of `modules.db` that the views were last compared with.
    seen_schema: Optional[int] = None


class Sqlite3Engine(BaseDatabaseEngine):
    """SQLite; transactions are deferred: they take the lock for writing with their first write."""

    single_threaded = True

    def __init__(self, database_config: Optional[Mapping[str, Any]] = None, compat_views: Sequence[str] = ()) -> None:
        super().__init__(sqlite3, database_config or {})
        #: The views of the server's data: name in lower case and what makes it.
        self.views: List[Tuple[str, str]] = []
        self._refusals: Dict[str, str] = {}
        for script in compat_views:
            found = _VIEW.search(script)
            if found is None:
                continue
            name = found.group(1).lower()
            self.views.append((name, script))
            refusal = _REFUSAL.search(script)
            if refusal is not None:
                self._refusals[name] = refusal.group(1).replace("''", "'")

    @property
    def server_version(self) -> str:
        """The library's version."""
        return sqlite3.sqlite_version

    def convert_param_style(self, sql: str) -> str:
        """The statement itself."""
        return sql

    def begin(self, conn: Any, autocommit: bool, isolation_level: Optional[IsolationLevel]) -> None:
        """Begins a deferred transaction, which is the only kind there is."""
        self.fit_views(conn)
        if not autocommit:
            conn.execute("BEGIN")

    def fit_views(self, conn: Any) -> None:
        """Takes away the views whose names modules gave to tables of their own, and brings back the others.

        SQLite looks for a name among the temporary views first, so a view would hide the module's table.
        """
        (version,) = conn.execute("PRAGMA main.schema_version").fetchone()
        if getattr(conn, "seen_schema", None) == version or not self.views:
            return
        own = _names(conn, "main", "table", "view")
        shown = _names(conn, "temp", "view")
        for name, script in self.views:
            if name in own and name in shown:
                conn.execute('DROP VIEW temp."%s"' % (name,))
            elif name not in own and name not in shown:
                conn.executescript(script)
        if isinstance(conn, ModuleConnection):
            conn.seen_schema = version

    def after_statement(self, cursor: Any, sql: str) -> None:
        """Shows a table as soon as it is made, if a view has its name."""
        if not self.views or sql.lstrip()[:6].upper() not in ("CREATE", "ALTER "):
            return
        conn = cursor.connection
        shown = _names(conn, "temp", "view")
        for name in _names(conn, "main", "table", "view"):
            if name in shown:
                conn.execute('DROP VIEW temp."%s"' % (name,))

    def explain(self, error: Exception, sql: str) -> Optional[Exception]:
        """Says what to do instead of writing to the server's data."""
        message = str(error)
        if not any(part in message for part in _REFUSED):
            return None
        words = {word.lower() for word in re.findall(r"\w+", sql)}
        for name, refusal in self._refusals.items():
            if name in words:
                return sqlite3.IntegrityError(refusal)
        return sqlite3.IntegrityError("%s; the server's data is changed through ModuleApi only" % (message,))

    def is_connection_closed(self, conn: Any) -> bool:
        """Whether the connection was closed."""
        try:
            conn.cursor().close()
        except sqlite3.ProgrammingError:
            return True
        return False

    def is_deadlock(self, error: Exception) -> bool:
        """Whether another process was in the way."""
        return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)

    def in_transaction(self, conn: Any) -> bool:
        """Whether a transaction is open."""
        return bool(conn.in_transaction)

    def lock_table(self, txn: Any, table: str) -> None:
        """Nothing: a transaction that writes has locked all tables."""

    def executescript(self, cursor: Any, script: str) -> None:
        """Runs several statements as part of the transaction, which `sqlite3`'s own function would commit first."""
        for statement in statements_of(script):
            if _TRANSACTION_CONTROL.match(statement) is None:
                cursor.execute(statement)
                self.after_statement(cursor, statement)


def _names(conn: Any, schema: str, *kinds: str) -> Set[str]:
    """The names in a schema, in lower case, as SQLite does not tell cases apart."""
    marks = ",".join("?" for _ in kinds)
    rows = conn.execute("SELECT lower(name) FROM %s.sqlite_master WHERE type IN (%s)" % (schema, marks), kinds)
    return {name for (name,) in rows.fetchall()}


def statements_of(script: str) -> Iterator[str]:
    """The statements of a script, one by one."""
    start = 0
    while start < len(script):
        end = script.find(";", start)
        while end >= 0 and not sqlite3.complete_statement(script[start : end + 1]):
            end = script.find(";", end + 1)
        statement = script[start:] if end < 0 else script[start : end + 1]
        if statement.strip(" \t\r\n;"):
            yield statement
        if end < 0:
            return
        start = end + 1
