"""Common statements inside a transaction."""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from synapse.api.errors import StoreError
from synapse.storage._transaction import LoggingTransaction
from synapse.storage.engines import BaseDatabaseEngine


def make_in_list_sql_clause(
    database_engine: BaseDatabaseEngine, column: str, iterable: Collection[Any], *, negative: bool = False
) -> Tuple[str, List[Any]]:
    """The comparison of a column with a list, and its parameters."""
    if database_engine.supports_using_any_list:
        if negative:
            return "%s != ALL(?)" % (column,), [list(iterable)]
        return "%s = ANY(?)" % (column,), [list(iterable)]
    values = list(iterable)
    return "%s %s (%s)" % (column, "NOT IN" if negative else "IN", ",".join("?" for _ in values)), values


def make_tuple_in_list_sql_clause(
    database_engine: BaseDatabaseEngine, columns: Tuple[str, ...], iterable: Collection[Tuple[Any, ...]]
) -> Tuple[str, List[Any]]:
    """The comparison of several columns with a list of tuples, and its parameters."""
    rows = list(iterable)
    if not rows:
        return "FALSE" if database_engine.supports_using_any_list else "0", []
    row = "(%s)" % (",".join("?" for _ in columns),)
    values = [value for values in rows for value in values]
    return "(%s) IN (VALUES %s)" % (",".join(columns), ",".join(row for _ in rows)), values


def make_tuple_comparison_clause(keys: List[Tuple[str, Any]]) -> Tuple[str, List[Any]]:
    """The comparison of several columns, in this order, with values: greater than."""
    columns = ",".join(column for column, _ in keys)
    marks = ",".join("?" for _ in keys)
    return "(%s) > (%s)" % (columns, marks), [value for _, value in keys]


class Row(Tuple[Any, ...]):
    """A row of a result: a tuple, as upstream gives it since 1.97, that can be asked by column, as before."""

    columns: Tuple[str, ...]

    def __new__(cls, columns: Sequence[str], values: Iterable[Any]) -> "Row":
        """A row of values in the order of the columns."""
        row = super().__new__(cls, values)  # type: ignore[type-var]
        row.columns = tuple(columns)
        return row

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            try:
                return tuple.__getitem__(self, self.columns.index(key))
            except ValueError:
                raise KeyError(key) from None
        return tuple.__getitem__(self, key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a column, or `default`."""
        return self[key] if key in self.columns else default

    def keys(self) -> Tuple[str, ...]:
        """The columns."""
        return self.columns

    def items(self) -> List[Tuple[str, Any]]:
        """The columns with their values."""
        return list(zip(self.columns, self))


def _rows(columns: Iterable[str], txn: LoggingTransaction) -> List[Tuple[Any, ...]]:
    columns = tuple(columns)
    return [Row(columns, values) for values in txn.fetchall()]


def _keys_and_rows(
    keys: Optional[Collection[str]], values: Iterable[Any]
) -> Tuple[Collection[str], List[Tuple[Any, ...]]]:
    """What is to be inserted; before 1.50 it was given as dicts, without `keys`."""
    rows = list(values)
    if keys is None:
        keys = list(rows[0].keys()) if rows else ()
        return keys, [tuple(row[key] for key in keys) for row in rows]
    return keys, [tuple(row) for row in rows]


def _where(keyvalues: Optional[Mapping[str, Any]]) -> Tuple[str, List[Any]]:
    if not keyvalues:
        return "", []
    return " WHERE " + " AND ".join("%s = ?" % (column,) for column in keyvalues), list(keyvalues.values())


class Statements:
    """The helpers of `DatabasePool` that work inside a transaction.

    Names of tables and columns become part of the statement as they are.
    """

    @staticmethod
    def cursor_to_dict(txn: Any) -> List[Dict[str, Any]]:
        """The rows of a result as dicts (gone upstream since 1.97; older modules call it)."""
        columns = [column[0] for column in txn.description or ()]
        return [dict(zip(columns, row)) for row in txn]

    @staticmethod
    def simple_insert_txn(txn: LoggingTransaction, table: str, values: Mapping[str, Any]) -> None:
        """Inserts a row."""
        txn.execute(
            "INSERT INTO %s (%s) VALUES (%s)" % (table, ", ".join(values), ", ".join("?" for _ in values)),
            tuple(values.values()),
        )

    @staticmethod
    def simple_insert_returning_txn(
        txn: LoggingTransaction, table: str, values: Mapping[str, Any], returning: Sequence[str]
    ) -> Tuple[Any, ...]:
        """Inserts a row and gives columns of it."""
        txn.execute(
            "INSERT INTO %s (%s) VALUES (%s) RETURNING %s"
            % (table, ", ".join(values), ", ".join("?" for _ in values), ", ".join(returning)),
            tuple(values.values()),
        )
        row = txn.fetchone()
        assert row is not None
        return row

    @staticmethod
    def simple_insert_many_txn(
        txn: LoggingTransaction,
        table: str,
        keys: Optional[Collection[str]] = None,
        values: Iterable[Iterable[Any]] = (),
    ) -> None:
        """Inserts rows: the values of `keys` in their order, or dicts if there are no `keys`."""
        keys, rows = _keys_and_rows(keys, values)
        if rows:
            txn.execute_batch(
                "INSERT INTO %s (%s) VALUES (%s)" % (table, ", ".join(keys), ", ".join("?" for _ in keys)), rows
            )

    @staticmethod
    def simple_select_one_txn(
        txn: LoggingTransaction,
        table: str,
        keyvalues: Mapping[str, Any],
        retcols: Collection[str],
        allow_none: bool = False,
    ) -> Optional[Tuple[Any, ...]]:
        """The one row that matches; `None` if none does and `allow_none` is set."""
        where, args = _where(keyvalues)
        txn.execute("SELECT %s FROM %s%s" % (", ".join(retcols), table, where), args)
        rows = txn.fetchmany(2)
        if not rows:
            if allow_none:
                return None
            raise StoreError(404, "No row found (%s)" % (table,))
        if len(rows) > 1:
            raise StoreError(500, "More than one row matched (%s)" % (table,))
        return Row(tuple(retcols), rows[0])

    @staticmethod
    def simple_select_one_onecol_txn(
        txn: LoggingTransaction, table: str, keyvalues: Mapping[str, Any], retcol: str, allow_none: bool = False
    ) -> Optional[Any]:
        """A column of the first row that matches; `None` if none does and `allow_none` is set."""
        rows = Statements.simple_select_onecol_txn(txn, table, keyvalues, retcol)
        if rows:
            return rows[0]
        if allow_none:
            return None
        raise StoreError(404, "No row found (%s)" % (table,))

    @staticmethod
    def simple_select_onecol_txn(
        txn: LoggingTransaction, table: str, keyvalues: Optional[Mapping[str, Any]], retcol: str
    ) -> List[Any]:
        """A column of all rows that match."""
        where, args = _where(keyvalues)
        txn.execute("SELECT %s FROM %s%s" % (retcol, table, where), args)
        return [row[0] for row in txn]

    @staticmethod
    def simple_select_list_txn(
        txn: LoggingTransaction, table: str, keyvalues: Optional[Mapping[str, Any]], retcols: Iterable[str]
    ) -> List[Tuple[Any, ...]]:
        """All rows that match; all there are without `keyvalues`."""
        where, args = _where(keyvalues)
        retcols = list(retcols)
        txn.execute("SELECT %s FROM %s%s" % (", ".join(retcols), table, where), args)
        return _rows(retcols, txn)

    @staticmethod
    def simple_select_many_txn(
        txn: LoggingTransaction,
        table: str,
        column: str,
        iterable: Collection[Any],
        keyvalues: Mapping[str, Any],
        retcols: Iterable[str],
    ) -> List[Tuple[Any, ...]]:
        """All rows that match, with one of several values in a column."""
        if not iterable:
            return []
        clause, args = make_in_list_sql_clause(txn.database_engine, column, iterable)
        clauses = [clause] + ["%s = ?" % (key,) for key in keyvalues]
        retcols = list(retcols)
        txn.execute(
            "SELECT %s FROM %s WHERE %s" % (", ".join(retcols), table, " AND ".join(clauses)),
            args + list(keyvalues.values()),
        )
        return _rows(retcols, txn)

    @staticmethod
    def simple_select_list_paginate_txn(
        txn: LoggingTransaction,
        table: str,
        orderby: str,
        start: int,
        limit: int,
        retcols: Iterable[str],
        filters: Optional[Mapping[str, Any]] = None,
        keyvalues: Optional[Mapping[str, Any]] = None,
        exclude_keyvalues: Optional[Mapping[str, Any]] = None,
        order_direction: str = "ASC",
    ) -> List[Tuple[Any, ...]]:
        """A page of the rows that match."""
        if order_direction not in ("ASC", "DESC"):
            raise ValueError("order_direction must be one of 'ASC' or 'DESC'.")
        clauses: List[str] = []
        args: List[Any] = []
        for comparison, conditions in (("LIKE", filters), ("=", keyvalues), ("!=", exclude_keyvalues)):
            for column, value in (conditions or {}).items():
                clauses.append("%s %s ?" % (column, comparison))
                args.append(value)
        where = " WHERE " + " AND ".join(clauses) if clauses else ""
        retcols = list(retcols)
        txn.execute(
            "SELECT %s FROM %s%s ORDER BY %s %s LIMIT ? OFFSET ?"
            % (", ".join(retcols), table, where, orderby, order_direction),
            args + [limit, start],
        )
        return _rows(retcols, txn)

    @staticmethod
    def simple_search_list_txn(
        txn: LoggingTransaction, table: str, term: Optional[str], col: str, retcols: Iterable[str]
    ) -> Optional[List[Tuple[Any, ...]]]:
        """All rows whose column holds a text."""
        if not term:
            return None
        retcols = list(retcols)
        txn.execute("SELECT %s FROM %s WHERE %s LIKE ?" % (", ".join(retcols), table, col), ("%" + term + "%",))
        return _rows(retcols, txn)

    @staticmethod
    def simple_update_txn(
        txn: LoggingTransaction, table: str, keyvalues: Optional[Mapping[str, Any]], updatevalues: Mapping[str, Any]
    ) -> int:
        """Changes all rows that match and tells how many."""
        where, args = _where(keyvalues)
        assignments = ", ".join("%s = ?" % (column,) for column in updatevalues)
        txn.execute("UPDATE %s SET %s%s" % (table, assignments, where), list(updatevalues.values()) + args)
        return txn.rowcount

    @staticmethod
    def simple_update_many_txn(
        txn: LoggingTransaction,
        table: str,
        key_names: Collection[str],
        key_values: Collection[Iterable[Any]],
        value_names: Collection[str],
        value_values: Collection[Iterable[Any]],
    ) -> None:
        """Changes rows, each to values of its own."""
        if len(value_values) != len(key_values):
            raise ValueError("%d sets of values for %d keys" % (len(value_values), len(key_values)))
        rows = [tuple(values) + tuple(keys) for keys, values in zip(key_values, value_values)]
        if rows:
            txn.execute_batch(
                "UPDATE %s SET %s WHERE %s"
                % (
                    table,
                    ", ".join("%s = ?" % (column,) for column in value_names),
                    " AND ".join("%s = ?" % (column,) for column in key_names),
                ),
                rows,
            )

    @staticmethod
    def simple_update_one_txn(
        txn: LoggingTransaction, table: str, keyvalues: Mapping[str, Any], updatevalues: Mapping[str, Any]
    ) -> None:
        """Changes the one row that matches."""
        count = Statements.simple_update_txn(txn, table, keyvalues, updatevalues)
        if count == 0:
            raise StoreError(404, "No row found (%s)" % (table,))
        if count > 1:
            raise StoreError(500, "More than one row matched (%s)" % (table,))

    @staticmethod
    def simple_delete_txn(txn: LoggingTransaction, table: str, keyvalues: Mapping[str, Any]) -> int:
        """Deletes all rows that match and tells how many."""
        where, args = _where(keyvalues)
        txn.execute("DELETE FROM %s%s" % (table, where), args)
        return txn.rowcount

    @staticmethod
    def simple_delete_one_txn(txn: LoggingTransaction, table: str, keyvalues: Mapping[str, Any]) -> None:
        """Deletes the one row that matches."""
        count = Statements.simple_delete_txn(txn, table, keyvalues)
        if count == 0:
            raise StoreError(404, "No row found (%s)" % (table,))
        if count > 1:
            raise StoreError(500, "More than one row matched (%s)" % (table,))

    @staticmethod
    def simple_delete_many_txn(
        txn: LoggingTransaction, table: str, column: str, values: Collection[Any], keyvalues: Mapping[str, Any]
    ) -> int:
        """Deletes all rows that match, with one of several values in a column, and tells how many."""
        if not values:
            return 0
        clause, args = make_in_list_sql_clause(txn.database_engine, column, values)
        clauses = [clause] + ["%s = ?" % (key,) for key in keyvalues]
        txn.execute("DELETE FROM %s WHERE %s" % (table, " AND ".join(clauses)), args + list(keyvalues.values()))
        return txn.rowcount

    @staticmethod
    def simple_delete_many_batch_txn(
        txn: LoggingTransaction, table: str, keys: Collection[str], values: Iterable[Iterable[Any]]
    ) -> None:
        """Deletes rows, each by a set of columns' values."""
        rows = [tuple(row) for row in values]
        if rows:
            txn.execute_batch(
                "DELETE FROM %s WHERE %s" % (table, " AND ".join("%s = ?" % (key,) for key in keys)), rows
            )

    # Upserts need a unique index on their key columns.

    def simple_upsert_txn(
        self,
        txn: LoggingTransaction,
        table: str,
        keyvalues: Mapping[str, Any],
        values: Mapping[str, Any],
        insertion_values: Optional[Mapping[str, Any]] = None,
        where_clause: Optional[str] = None,
    ) -> bool:
        """Inserts a row, or changes the one that is there; tells whether anything changed."""
        columns: Dict[str, Any] = dict(keyvalues)
        columns.update(values)
        columns.update(insertion_values or {})
        if values:
            change = "UPDATE SET " + ", ".join("%s=EXCLUDED.%s" % (column, column) for column in values)
        else:
            change = "NOTHING"
        txn.execute(
            "INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s)%s DO %s"
            % (
                table,
                ", ".join(columns),
                ", ".join("?" for _ in columns),
                ", ".join(keyvalues),
                " WHERE %s" % (where_clause,) if where_clause else "",
                change,
            ),
            list(columns.values()),
        )
        return bool(txn.rowcount)

    def simple_upsert_many_txn(
        self,
        txn: LoggingTransaction,
        table: str,
        key_names: Collection[str],
        key_values: Collection[Iterable[Any]],
        value_names: Collection[str],
        value_values: Iterable[Iterable[Any]],
    ) -> None:
        """Inserts rows, or changes those that are there."""
        names = list(key_names) + list(value_names)
        if value_names:
            rows = [tuple(keys) + tuple(values) for keys, values in zip(key_values, value_values)]
            change = "UPDATE SET " + ", ".join("%s=EXCLUDED.%s" % (column, column) for column in value_names)
        else:
            rows = [tuple(keys) for keys in key_values]
            change = "NOTHING"
        if rows:
            txn.execute_batch(
                "INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) DO %s"
                % (table, ", ".join(names), ", ".join("?" for _ in names), ", ".join(key_names), change),
                rows,
            )
