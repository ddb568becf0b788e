"""What the engines have in common, for type checkers."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from typing_extensions import Protocol

SQLQueryParameters = Union[Sequence[Any], Mapping[str, Any]]


class Cursor(Protocol):
    """A cursor of the DB-API."""

    description: Any
    rowcount: int

    def execute(self, sql: str, parameters: SQLQueryParameters = ...) -> Any:
        """Runs a statement."""

    def executemany(self, sql: str, parameters: Sequence[SQLQueryParameters]) -> Any:
        """Runs a statement once for each set of parameters."""

    def fetchone(self) -> Optional[Tuple[Any, ...]]:
        """The next row."""

    def fetchmany(self, size: Optional[int] = ...) -> List[Tuple[Any, ...]]:
        """The next rows."""

    def fetchall(self) -> List[Tuple[Any, ...]]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Tuple[Any, ...]]: ...

    def close(self) -> None:
        """Frees what the cursor holds."""


class Connection(Protocol):
    """A connection of the DB-API."""

    def close(self) -> None:
        """Closes the connection."""

    def cursor(self) -> Cursor:
        """A new cursor."""

    def commit(self) -> None:
        """Ends the transaction and keeps what it did."""

    def rollback(self) -> None:
        """Ends the transaction and undoes what it did."""
