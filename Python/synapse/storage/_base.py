"""Odds and ends that stores use."""

from __future__ import annotations

import json
from typing import Any, Union

from synapse._missing import missing_names


def db_to_json(db_content: Union[memoryview, bytes, bytearray, str]) -> Any:
    """JSON as either engine gives it, parsed."""
    if isinstance(db_content, memoryview):
        db_content = db_content.tobytes()
    if isinstance(db_content, (bytes, bytearray)):
        db_content = db_content.decode("utf8")
    return json.loads(db_content)


class SQLBaseStore:
    """A store of a module's own over a `DatabasePool`."""

    def __init__(self, database: Any, db_conn: Any = None, hs: Any = None) -> None:
        self.hs = hs
        self.db_pool = database
        self.database_engine = database.engine


__getattr__ = missing_names(__name__)
