"""Throw-away databases on the PostgreSQL server that AXOLEMMA_TEST_POSTGRES names."""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess

VARIABLE = "AXOLEMMA_TEST_POSTGRES"


def available() -> bool:
    return bool(os.environ.get(VARIABLE))


def query(sql: str, dbname: str | None = None) -> str:
    """Runs a statement and returns the rows as psql prints them unaligned."""
    connection = os.environ[VARIABLE] + (f" dbname={dbname}" if dbname else "")
    return subprocess.run(
        ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", connection, "-c", sql],
        check=True, stdout=subprocess.PIPE, text=True,
    ).stdout.strip()


class Database:
    """A database of its own, there until `drop()`."""

    def __init__(self) -> None:
        self.name = f"axolemma_test_{secrets.token_hex(6)}"
        query(f"CREATE DATABASE {self.name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")

    @property
    def arguments(self) -> dict[str, str | int]:
        """As the `args` of a configuration's `database`."""
        pairs = dict(pair.split("=", 1) for pair in shlex.split(os.environ[VARIABLE]))
        arguments: dict[str, str | int] = {name: pairs[name] for name in ("host", "user", "password") if name in pairs}
        return {**arguments, "port": int(pairs.get("port", 5432)), "dbname": self.name, "cp_min": 2, "cp_max": 8}

    def size(self) -> int:
        return int(query(f"SELECT pg_database_size('{self.name}')"))

    def drop(self) -> None:
        query(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
