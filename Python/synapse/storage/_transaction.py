"""What a function given to the database works with."""

from __future__ import annotations

import logging
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple, Type

from synapse.storage.engines import BaseDatabaseEngine, PostgresEngine

sql_logger = logging.getLogger("synapse.storage.SQL")

CallbackEntry = Tuple[Callable[..., Any], Tuple[Any, ...], "dict[str, Any]"]


class LoggingTransaction:
    """A cursor inside a transaction. Parameters are written `?` on both engines."""

    __slots__ = (
        "txn",
        "name",
        "database_engine",
        "after_callbacks",
        "async_after_callbacks",
        "exception_callbacks",
        "server_name",
    )

    def __init__(
        self,
        txn: Any,
        name: str,
        database_engine: BaseDatabaseEngine,
        after_callbacks: Optional[List[CallbackEntry]] = None,
        async_after_callbacks: Optional[List[CallbackEntry]] = None,
        exception_callbacks: Optional[List[CallbackEntry]] = None,
        *,
        server_name: Optional[str] = None,
    ) -> None:
        self.txn = txn
        self.name = name
        self.database_engine = database_engine
        self.after_callbacks = after_callbacks
        self.async_after_callbacks = async_after_callbacks
        self.exception_callbacks = exception_callbacks
        self.server_name = server_name

    # What happens once the transaction has ended.

    def call_after(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Calls a function on the reactor's thread once the transaction is committed."""
        assert self.after_callbacks is not None, "call_after needs a transaction of runInteraction"
        self.after_callbacks.append((callback, args, kwargs))

    def async_call_after(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Awaits a function on the reactor's thread once the transaction is committed, before its result is given."""
        assert self.async_after_callbacks is not None, "async_call_after needs a transaction of runInteraction"
        self.async_after_callbacks.append((callback, args, kwargs))

    def call_on_exception(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Calls a function on the reactor's thread if the transaction fails for good."""
        assert self.exception_callbacks is not None, "call_on_exception needs a transaction of runInteraction"
        self.exception_callbacks.append((callback, args, kwargs))

    # Statements.

    def execute(self, sql: str, parameters: Any = ()) -> None:
        """Runs a statement."""
        engine = self.database_engine
        statement = engine.convert_param_style(sql)
        self._run(sql, self.txn.execute, statement, parameters)

    def executemany(self, sql: str, *args: Any) -> None:
        """Runs a statement once for each set of parameters."""
        statement = self.database_engine.convert_param_style(sql)
        self._call(sql, self.txn.executemany, statement, *args)

    def execute_batch(self, sql: str, args: Iterable[Iterable[Any]]) -> None:
        """Runs a statement once for each set of parameters, with few round trips."""
        if isinstance(self.database_engine, PostgresEngine):
            from psycopg2.extras import execute_batch

            statement = self.database_engine.convert_param_style(sql)
            self._call(sql, execute_batch, self.txn, statement, args)
        else:
            self.executemany(sql, args)

    def execute_values(
        self, sql: str, values: Iterable[Iterable[Any]], template: Optional[str] = None, fetch: bool = True
    ) -> List[Tuple[Any, ...]]:
        """Runs a statement with `VALUES ?` for all rows at once. PostgreSQL only."""
        if not isinstance(self.database_engine, PostgresEngine):
            raise AssertionError("execute_values works on PostgreSQL only")
        from psycopg2.extras import execute_values

        statement = self.database_engine.convert_param_style(sql)
        return self._call(sql, execute_values, self.txn, statement, values, template=template, fetch=fetch)

    def executescript(self, sql: str) -> None:
        """Runs several statements without parameters as part of the transaction."""
        self._call(sql, self.database_engine.executescript, self.txn, sql)

    def _run(self, sql: str, function: Callable[..., Any], statement: str, parameters: Any) -> None:
        engine = self.database_engine
        parameters = engine.arguments(statement, parameters)
        if parameters is None:
            self._call(sql, function, statement)
        else:
            self._call(sql, function, statement, parameters)
        engine.after_statement(self.txn, sql)

    def _call(self, sql: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if sql_logger.isEnabledFor(logging.DEBUG):
            sql_logger.debug("[SQL] {%s} %s", self.name, " ".join(sql.split()))
        try:
            return function(*args, **kwargs)
        except self.database_engine.module.Error as error:
            clearer = self.database_engine.explain(error, sql)
            if clearer is None:
                raise
            raise clearer from error

    # Results.

    def fetchone(self) -> Optional[Tuple[Any, ...]]:
        """The next row, or `None`."""
        return self.txn.fetchone()

    def fetchmany(self, size: Optional[int] = None) -> List[Tuple[Any, ...]]:
        """The next rows."""
        return self.txn.fetchmany() if size is None else self.txn.fetchmany(size)

    def fetchall(self) -> List[Tuple[Any, ...]]:
        """All rows that are left."""
        return self.txn.fetchall()

    def __iter__(self) -> Iterator[Tuple[Any, ...]]:
        return iter(self.txn)

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed."""
        return self.txn.rowcount

    @property
    def lastrowid(self) -> Any:
        """The number of the row inserted last. SQLite only."""
        return self.txn.lastrowid

    @property
    def description(self) -> Optional[Sequence[Any]]:
        """The columns of the last statement's result."""
        return self.txn.description

    def close(self) -> None:
        """Frees what the cursor holds."""
        self.txn.close()

    def __enter__(self) -> "LoggingTransaction":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Any) -> None:
        self.close()


class LoggingDatabaseConnection:
    """A connection whose cursors are `LoggingTransaction`s, as `runWithConnection` passes it."""

    __slots__ = ("conn", "engine", "default_txn_name")

    def __init__(self, conn: Any, engine: BaseDatabaseEngine, default_txn_name: str = "connection") -> None:
        self.conn = conn
        self.engine = engine
        self.default_txn_name = default_txn_name

    def cursor(
        self,
        *,
        txn_name: Optional[str] = None,
        after_callbacks: Optional[List[CallbackEntry]] = None,
        async_after_callbacks: Optional[List[CallbackEntry]] = None,
        exception_callbacks: Optional[List[CallbackEntry]] = None,
    ) -> LoggingTransaction:
        """A new cursor."""
        return LoggingTransaction(
            self.conn.cursor(),
            txn_name or self.default_txn_name,
            self.engine,
            after_callbacks,
            async_after_callbacks,
            exception_callbacks,
        )

    def commit(self) -> None:
        """Ends the transaction and keeps what it did."""
        self.conn.commit()

    def rollback(self) -> None:
        """Ends the transaction and undoes what it did."""
        self.conn.rollback()

    def close(self) -> None:
        """Closes the connection."""
        self.conn.close()

    def __enter__(self) -> "LoggingDatabaseConnection":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Any
    ) -> Optional[bool]:
        if kind is None:
            self.commit()
        else:
            self.rollback()
        return None
