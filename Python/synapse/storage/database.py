"""The pool of connections, its transactions and helpers."""

from __future__ import annotations

import inspect
import logging
from typing import Any, Callable, Collection, Iterable, List, Mapping, Optional, Sequence, Tuple, TypeVar

from synapse._missing import missing_names
from synapse.storage._statements import (
    Statements,
    make_in_list_sql_clause,
    make_tuple_comparison_clause,
    make_tuple_in_list_sql_clause,
)
from synapse.storage._transaction import CallbackEntry, LoggingDatabaseConnection, LoggingTransaction
from synapse.storage.background_updates import BackgroundUpdater
from synapse.storage.engines import BaseDatabaseEngine, IsolationLevel

logger = logging.getLogger(__name__)
transaction_logger = logging.getLogger("synapse.storage.txn")

R = TypeVar("R")

#: How often a transaction is run at most, where the database is what fails.
MOST_ATTEMPTS = 5


class DatabasePool(Statements):
    """The database of modules' tables, seen with the server's data.

    `connections` runs functions with a connection in a database thread: `axolemma_host.database.Connections`.
    """

    def __init__(self, connections: Any, engine: BaseDatabaseEngine, hs: Any = None) -> None:
        self.hs = hs
        self.engine = engine
        self.server_name = getattr(hs, "hostname", None)
        self._connections = connections
        self._last_transaction = 0
        self.updates = BackgroundUpdater(self)

    def name(self) -> str:
        """What the server's configuration calls the database."""
        return "master"

    def is_running(self) -> bool:
        """Whether transactions can be run."""
        return self._connections.is_running()

    # Transactions.

    def new_transaction(
        self,
        conn: Any,
        desc: str,
        after_callbacks: List[CallbackEntry],
        async_after_callbacks: List[CallbackEntry],
        exception_callbacks: List[CallbackEntry],
        func: Callable[..., R],
        *args: Any,
        db_autocommit: bool = False,
        isolation_level: Optional[IsolationLevel] = None,
        **kwargs: Any,
    ) -> R:
        """Runs `func` in a transaction of a connection, again up to five times if the database asks for that."""
        if isinstance(conn, LoggingDatabaseConnection):
            conn = conn.conn
        self._last_transaction += 1
        name = "%s-%x" % (desc, self._last_transaction)
        for argument in [*args, *kwargs.values()]:
            if inspect.isgenerator(argument):
                logger.error("A generator can't be an argument of a database function: %s may run again", desc)
        engine = self.engine
        attempt = 1
        while True:
            del after_callbacks[:], async_after_callbacks[:], exception_callbacks[:]
            try:
                engine.begin(conn, db_autocommit, isolation_level)
                cursor = LoggingTransaction(
                    conn.cursor(), name, engine, after_callbacks, async_after_callbacks, exception_callbacks
                )
                try:
                    result = func(cursor, *args, **kwargs)
                finally:
                    cursor.close()
                if engine.in_transaction(conn):
                    conn.commit()
                return result
            except engine.module.OperationalError as error:
                self._roll_back(conn, name)
                if attempt >= MOST_ATTEMPTS:
                    raise
                problem: Exception = error
            except engine.module.DatabaseError as error:
                self._roll_back(conn, name)
                if attempt >= MOST_ATTEMPTS or not engine.is_deadlock(error):
                    raise
                problem = error
            except BaseException:
                self._roll_back(conn, name)
                raise
            transaction_logger.warning("[TXN] {%s} failed, attempt %d of %d: %s", name, attempt, MOST_ATTEMPTS, problem)
            conn = self._connections.before_retry(conn, attempt)
            attempt += 1

    def _roll_back(self, conn: Any, name: str) -> None:
        engine = self.engine
        if engine.is_connection_closed(conn):
            return
        try:
            if engine.in_transaction(conn):
                conn.rollback()
        except engine.module.Error as error:
            transaction_logger.warning("[TXN EROLL] {%s} %s", name, error)

    async def runInteraction(
        self,
        desc: str,
        func: Callable[..., R],
        *args: Any,
        db_autocommit: bool = False,
        isolation_level: Optional[IsolationLevel] = None,
        **kwargs: Any,
    ) -> R:
        """Runs `func(txn, *args, **kwargs)` in a transaction in a database thread and gives what it returns."""
        after: List[CallbackEntry] = []
        async_after: List[CallbackEntry] = []
        on_exception: List[CallbackEntry] = []
        try:
            result = await self._connections.run(
                lambda conn: self.new_transaction(
                    conn,
                    desc,
                    after,
                    async_after,
                    on_exception,
                    func,
                    *args,
                    db_autocommit=db_autocommit,
                    isolation_level=isolation_level,
                    **kwargs,
                )
            )
        except BaseException:
            for callback, its_args, its_kwargs in on_exception:
                callback(*its_args, **its_kwargs)
            raise
        for callback, its_args, its_kwargs in async_after:
            await callback(*its_args, **its_kwargs)
        for callback, its_args, its_kwargs in after:
            callback(*its_args, **its_kwargs)
        return result

    async def runWithConnection(
        self,
        func: Callable[..., R],
        *args: Any,
        db_autocommit: bool = False,
        isolation_level: Optional[IsolationLevel] = None,
        **kwargs: Any,
    ) -> R:
        """Runs `func(conn, *args, **kwargs)` in a database thread; it commits or rolls back by itself."""

        def with_connection(conn: Any) -> R:
            self.engine.begin(conn, db_autocommit, isolation_level)
            try:
                result = func(LoggingDatabaseConnection(conn, self.engine, "runWithConnection"), *args, **kwargs)
                if self.engine.in_transaction(conn):
                    conn.commit()
                return result
            except BaseException:
                self._roll_back(conn, "runWithConnection")
                raise

        return await self._connections.run(with_connection)

    async def execute(self, desc: str, query: str, *args: Any) -> List[Tuple[Any, ...]]:
        """Runs a query and gives its rows."""

        def interaction(txn: LoggingTransaction) -> List[Tuple[Any, ...]]:
            txn.execute(query, args)
            return txn.fetchall() if txn.description is not None else []

        return await self.runInteraction(desc, interaction)

    # Single statements, each in a transaction of its own.

    async def simple_insert(self, table: str, values: Mapping[str, Any], desc: str = "simple_insert") -> None:
        """Inserts a row."""
        await self.runInteraction(desc, self.simple_insert_txn, table, values)

    async def simple_insert_returning(
        self, table: str, values: Mapping[str, Any], returning: Sequence[str], desc: str = "simple_insert_returning"
    ) -> Tuple[Any, ...]:
        """Inserts a row and gives columns of it."""
        return await self.runInteraction(desc, self.simple_insert_returning_txn, table, values, returning)

    async def simple_insert_many(
        self,
        table: str,
        keys: Optional[Collection[str]] = None,
        values: Collection[Any] = (),
        desc: str = "simple_insert_many",
    ) -> None:
        """Inserts rows."""
        await self.runInteraction(desc, self.simple_insert_many_txn, table, keys, values)

    async def simple_upsert(
        self,
        table: str,
        keyvalues: Mapping[str, Any],
        values: Mapping[str, Any],
        insertion_values: Optional[Mapping[str, Any]] = None,
        where_clause: Optional[str] = None,
        desc: str = "simple_upsert",
    ) -> bool:
        """Inserts a row, or changes the one that is there."""
        return await self.runInteraction(
            desc, self.simple_upsert_txn, table, keyvalues, values, insertion_values or {}, where_clause
        )

    async def simple_upsert_many(
        self,
        table: str,
        key_names: Collection[str],
        key_values: Collection[Collection[Any]],
        value_names: Collection[str],
        value_values: Collection[Collection[Any]],
        desc: str = "simple_upsert_many",
    ) -> None:
        """Inserts rows, or changes those that are there."""
        await self.runInteraction(
            desc, self.simple_upsert_many_txn, table, key_names, key_values, value_names, value_values
        )

    async def simple_select_one(
        self,
        table: str,
        keyvalues: Mapping[str, Any],
        retcols: Collection[str],
        allow_none: bool = False,
        desc: str = "simple_select_one",
    ) -> Optional[Tuple[Any, ...]]:
        """The one row that matches."""
        return await self.runInteraction(
            desc, self.simple_select_one_txn, table, keyvalues, retcols, allow_none, db_autocommit=True
        )

    async def simple_select_one_onecol(
        self,
        table: str,
        keyvalues: Mapping[str, Any],
        retcol: str,
        allow_none: bool = False,
        desc: str = "simple_select_one_onecol",
    ) -> Optional[Any]:
        """A column of the row that matches."""
        return await self.runInteraction(
            desc, self.simple_select_one_onecol_txn, table, keyvalues, retcol, allow_none, db_autocommit=True
        )

    async def simple_select_onecol(
        self,
        table: str,
        keyvalues: Optional[Mapping[str, Any]],
        retcol: str,
        desc: str = "simple_select_onecol",
    ) -> List[Any]:
        """A column of all rows that match."""
        return await self.runInteraction(
            desc, self.simple_select_onecol_txn, table, keyvalues, retcol, db_autocommit=True
        )

    async def simple_select_list(
        self,
        table: str,
        keyvalues: Optional[Mapping[str, Any]],
        retcols: Collection[str],
        desc: str = "simple_select_list",
    ) -> List[Tuple[Any, ...]]:
        """All rows that match."""
        return await self.runInteraction(
            desc, self.simple_select_list_txn, table, keyvalues, retcols, db_autocommit=True
        )

    async def simple_select_list_paginate(
        self, table: str, orderby: str, start: int, limit: int, retcols: Collection[str], **options: Any
    ) -> List[Tuple[Any, ...]]:
        """A page of the rows that match."""
        desc = options.pop("desc", "simple_select_list_paginate")
        return await self.runInteraction(
            desc, self.simple_select_list_paginate_txn, table, orderby, start, limit, retcols, **options
        )

    async def simple_search_list(
        self, table: str, term: Optional[str], col: str, retcols: Collection[str], desc: str = "simple_search_list"
    ) -> Optional[List[Tuple[Any, ...]]]:
        """All rows whose column holds a text."""
        return await self.runInteraction(desc, self.simple_search_list_txn, table, term, col, retcols)

    async def simple_select_many_batch(
        self,
        table: str,
        column: str,
        iterable: Iterable[Any],
        retcols: Collection[str],
        keyvalues: Optional[Mapping[str, Any]] = None,
        desc: str = "simple_select_many_batch",
        batch_size: int = 100,
    ) -> List[Tuple[Any, ...]]:
        """All rows that match, with one of several values in a column; asks for a hundred values at a time."""
        values = list(iterable)
        rows: List[Tuple[Any, ...]] = []
        for start in range(0, len(values), batch_size):
            rows += await self.runInteraction(
                desc,
                self.simple_select_many_txn,
                table,
                column,
                values[start : start + batch_size],
                keyvalues or {},
                retcols,
                db_autocommit=True,
            )
        return rows

    async def simple_update(
        self, table: str, keyvalues: Mapping[str, Any], updatevalues: Mapping[str, Any], desc: str = "simple_update"
    ) -> int:
        """Changes all rows that match and tells how many."""
        return await self.runInteraction(desc, self.simple_update_txn, table, keyvalues, updatevalues)

    async def simple_update_one(
        self,
        table: str,
        keyvalues: Mapping[str, Any],
        updatevalues: Mapping[str, Any],
        desc: str = "simple_update_one",
    ) -> None:
        """Changes the one row that matches."""
        await self.runInteraction(desc, self.simple_update_one_txn, table, keyvalues, updatevalues)

    async def simple_update_many(
        self,
        table: str,
        key_names: Collection[str],
        key_values: Collection[Iterable[Any]],
        value_names: Collection[str],
        value_values: Iterable[Iterable[Any]],
        desc: str = "simple_update_many",
    ) -> None:
        """Changes rows, each to values of its own."""
        await self.runInteraction(
            desc, self.simple_update_many_txn, table, key_names, key_values, value_names, list(value_values)
        )

    async def simple_delete(self, table: str, keyvalues: Mapping[str, Any], desc: str = "simple_delete") -> int:
        """Deletes all rows that match and tells how many."""
        return await self.runInteraction(desc, self.simple_delete_txn, table, keyvalues)

    async def simple_delete_one(
        self, table: str, keyvalues: Mapping[str, Any], desc: str = "simple_delete_one"
    ) -> None:
        """Deletes the one row that matches."""
        await self.runInteraction(desc, self.simple_delete_one_txn, table, keyvalues)

    async def simple_delete_many(
        self,
        table: str,
        column: str,
        iterable: Collection[Any],
        keyvalues: Mapping[str, Any],
        desc: str = "simple_delete_many",
    ) -> int:
        """Deletes all rows that match, with one of several values in a column, and tells how many."""
        return await self.runInteraction(desc, self.simple_delete_many_txn, table, column, iterable, keyvalues)


__all__ = [
    "DatabasePool",
    "LoggingDatabaseConnection",
    "LoggingTransaction",
    "make_in_list_sql_clause",
    "make_tuple_comparison_clause",
    "make_tuple_in_list_sql_clause",
]

__getattr__ = missing_names(__name__)
