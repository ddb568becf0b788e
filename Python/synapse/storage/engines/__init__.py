"""The database software behind the tables."""

from __future__ import annotations

from typing import Any, Mapping

from synapse._missing import missing_names
from synapse.storage.engines._base import BaseDatabaseEngine, IncorrectDatabaseSetup, IsolationLevel
from synapse.storage.engines.postgres import PostgresEngine
from synapse.storage.engines.sqlite import Sqlite3Engine


def create_engine(database_config: Mapping[str, Any]) -> BaseDatabaseEngine:
    """The engine that a `database` section of the configuration names."""
    name = database_config["name"]
    if name == "sqlite3":
        return Sqlite3Engine(database_config)
    if name == "psycopg2":
        return PostgresEngine(database_config)
    raise RuntimeError("Unsupported database engine '%s'" % (name,))


__all__ = [
    "create_engine",
    "BaseDatabaseEngine",
    "PostgresEngine",
    "Sqlite3Engine",
    "IncorrectDatabaseSetup",
    "IsolationLevel",
]

__getattr__ = missing_names(__name__)
