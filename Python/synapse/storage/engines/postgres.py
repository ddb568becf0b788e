"""PostgreSQL through psycopg2."""

from __future__ import annotations

import re
from typing import Any, Mapping, Optional

from synapse.storage.engines._base import BaseDatabaseEngine, IsolationLevel

#: Text in quotes, which is left alone, or a parameter.
_QUOTED_OR_PARAMETER = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\?")


def _parameter(match: "re.Match[str]") -> str:
    text = match.group()
    return "%s" if text == "?" else text


class PostgresEngine(BaseDatabaseEngine):
    """PostgreSQL; transactions are REPEATABLE READ unless they ask for something else."""

    supports_using_any_list = True
    supports_select_distinct_on = True
    supports_sequences = True
    row_id_name = "ctid"

    def __init__(self, database_config: Optional[Mapping[str, Any]] = None) -> None:
        import psycopg2
        import psycopg2.extensions

        super().__init__(psycopg2, database_config or {})
        self.default_isolation_level = IsolationLevel.REPEATABLE_READ
        self.isolation_level_map = {
            IsolationLevel.READ_COMMITTED: psycopg2.extensions.ISOLATION_LEVEL_READ_COMMITTED,
            IsolationLevel.REPEATABLE_READ: psycopg2.extensions.ISOLATION_LEVEL_REPEATABLE_READ,
            IsolationLevel.SERIALIZABLE: psycopg2.extensions.ISOLATION_LEVEL_SERIALIZABLE,
        }
        self._version: Optional[int] = None

    @property
    def server_version(self) -> str:
        """Such as `15.18`."""
        version = self._version or 0
        return "%i.%i" % (version // 10000, version % 10000)

    def note_connection(self, conn: Any) -> None:
        """Learns what there is to learn from a connection that was opened."""
        self._version = conn.server_version

    def convert_param_style(self, sql: str) -> str:
        """The statement with `%s` in place of `?`, but for those in quotes."""
        if "?" not in sql:
            return sql
        if "'" not in sql and '"' not in sql:
            return sql.replace("?", "%s")
        return _QUOTED_OR_PARAMETER.sub(_parameter, sql)

    def arguments(self, sql: str, args: Any) -> Any:
        """The parameters; `None` if there are none, so that a lone `%` in the statement is no mistake."""
        return args if args or "%%" in sql else None

    def begin(self, conn: Any, autocommit: bool, isolation_level: Optional[IsolationLevel]) -> None:
        """Sets the connection up; psycopg2 begins the transaction with its first statement."""
        if conn.autocommit != autocommit:
            conn.autocommit = autocommit
        if not autocommit:
            level = self.isolation_level_map[isolation_level or self.default_isolation_level]
            if conn.isolation_level != level:
                conn.set_isolation_level(level)

    def is_connection_closed(self, conn: Any) -> bool:
        """Whether the connection is of no use any more."""
        return bool(conn.closed)

    def is_deadlock(self, error: Exception) -> bool:
        """Whether it is a serialisation failure or a deadlock."""
        return getattr(error, "pgcode", None) in ("40001", "40P01")

    def in_transaction(self, conn: Any) -> bool:
        """Whether a transaction is open."""
        return bool(conn.status != 1)

    def lock_table(self, txn: Any, table: str) -> None:
        """Keeps others from writing to the table until the transaction ends."""
        txn.execute("LOCK TABLE %s in EXCLUSIVE MODE" % (table,))

    def executescript(self, cursor: Any, script: str) -> None:
        """Runs several statements within the transaction."""
        cursor.execute(script)
