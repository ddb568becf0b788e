"""What both engines offer."""

from __future__ import annotations

import abc
from enum import IntEnum
from typing import Any, Optional


class IsolationLevel(IntEnum):
    """How far a transaction is kept apart from others; SQLite knows only the last."""

    READ_COMMITTED = 1
    REPEATABLE_READ = 2
    SERIALIZABLE = 3


class IncorrectDatabaseSetup(RuntimeError):
    """The database cannot be used as it is."""


class BaseDatabaseEngine(abc.ABC):
    """The differences between the engines, as far as modules and the helpers meet them."""

    #: The DB-API module.
    module: Any
    #: Whether one thread does all the work.
    single_threaded: bool = False
    supports_using_any_list: bool = False
    supports_returning: bool = True
    supports_select_distinct_on: bool = False
    supports_sequences: bool = False
    row_id_name: str = "rowid"

    def __init__(self, module: Any, config: Any = None) -> None:
        self.module = module
        self.config = config

    @property
    @abc.abstractmethod
    def server_version(self) -> str:
        """The version of the software, for people."""

    @abc.abstractmethod
    def convert_param_style(self, sql: str) -> str:
        """A statement with `?` for its parameters, as the DB-API module takes it."""

    @abc.abstractmethod
    def begin(self, conn: Any, autocommit: bool, isolation_level: Optional[IsolationLevel]) -> None:
        """Begins a transaction, or leaves each statement to itself."""

    @abc.abstractmethod
    def is_connection_closed(self, conn: Any) -> bool:
        """Whether the connection is of no use any more."""

    @abc.abstractmethod
    def is_deadlock(self, error: Exception) -> bool:
        """Whether the transaction failed only because of others, and may succeed when run again."""

    @abc.abstractmethod
    def in_transaction(self, conn: Any) -> bool:
        """Whether a transaction is open."""

    @abc.abstractmethod
    def lock_table(self, txn: Any, table: str) -> None:
        """Keeps others from writing to a table until the transaction ends."""

    @abc.abstractmethod
    def executescript(self, cursor: Any, script: str) -> None:
        """Runs several statements."""

    def after_statement(self, cursor: Any, sql: str) -> None:  # noqa: B027
        """Looks at a statement that has run."""

    def explain(self, error: Exception, sql: str) -> Optional[Exception]:
        """The error to raise in place of `error` where there is a clearer one."""
        return None

    def arguments(self, sql: str, args: Any) -> Any:
        """The parameters of a statement, as the DB-API module takes them."""
        return args
