"""The helpers for common statements."""

from __future__ import annotations

import pytest

from synapse.api.errors import StoreError
from synapse.storage.database import DatabasePool, make_tuple_in_list_sql_clause


@pytest.fixture
def notes(pool, reactor):
    """A pool with a table of three rows."""
    reactor.wait(pool.execute("create", "CREATE TABLE notes (id BIGINT PRIMARY KEY, owner TEXT, body TEXT)"))
    reactor.wait(
        pool.simple_insert_many("notes", ("id", "owner", "body"), [(1, "a", "x"), (2, "a", "y"), (3, "b", "z")])
    )
    return pool


@pytest.fixture
def inside(notes, reactor):
    """Calls a helper inside a transaction."""

    def call(helper, *args, **kwargs):
        return reactor.wait(notes.runInteraction("desc", helper, *args, **kwargs))

    return call


def test_selecting(inside):
    assert inside(DatabasePool.simple_select_one_txn, "notes", {"id": 1}, ["owner", "body"]) == ("a", "x")
    assert inside(DatabasePool.simple_select_one_txn, "notes", {"id": 9}, ["id"], allow_none=True) is None
    with pytest.raises(StoreError) as missing:
        inside(DatabasePool.simple_select_one_txn, "notes", {"id": 9}, ["id"])
    assert missing.value.code == 404
    with pytest.raises(StoreError) as several:
        inside(DatabasePool.simple_select_one_txn, "notes", {"owner": "a"}, ["id"])
    assert several.value.code == 500
    assert inside(DatabasePool.simple_select_one_onecol_txn, "notes", {"id": 2}, "body") == "y"
    assert inside(DatabasePool.simple_select_one_onecol_txn, "notes", {"id": 9}, "body", allow_none=True) is None
    with pytest.raises(StoreError):
        inside(DatabasePool.simple_select_one_onecol_txn, "notes", {"id": 9}, "body")
    assert sorted(inside(DatabasePool.simple_select_onecol_txn, "notes", {"owner": "a"}, "id")) == [1, 2]
    assert len(inside(DatabasePool.simple_select_list_txn, "notes", None, ["id"])) == 3
    assert inside(DatabasePool.simple_select_list_txn, "notes", {"owner": "b"}, ["id", "body"]) == [(3, "z")]
    many = inside(DatabasePool.simple_select_many_txn, "notes", "id", [1, 3, 7], {"owner": "a"}, ["body"])
    assert many == [("x",)]
    assert inside(DatabasePool.simple_select_many_txn, "notes", "id", [], {}, ["body"]) == []
    page = inside(DatabasePool.simple_select_list_paginate_txn, "notes", "id", 1, 5, ["id"], order_direction="DESC")
    assert page == [(2,), (1,)]


def test_changing(inside, notes):
    assert inside(DatabasePool.simple_update_txn, "notes", {"owner": "a"}, {"body": "w"}) == 2
    inside(DatabasePool.simple_update_one_txn, "notes", {"id": 3}, {"body": "v"})
    for keys, code in (({"id": 9}, 404), ({"owner": "a"}, 500)):
        with pytest.raises(StoreError) as error:
            inside(DatabasePool.simple_update_one_txn, "notes", keys, {"body": "u"})
        assert error.value.code == code
    inside(DatabasePool.simple_insert_txn, "notes", {"id": 4, "owner": "c"})
    assert inside(notes.simple_upsert_txn, "notes", {"id": 4}, {"owner": "d"}, {"body": "only when new"}) is True
    assert inside(notes.simple_upsert_txn, "notes", {"id": 4}, {}, {"owner": "e"}) is False
    assert inside(DatabasePool.simple_select_one_txn, "notes", {"id": 4}, ["owner", "body"]) == ("d", None)
    inside(notes.simple_upsert_many_txn, "notes", ["id"], [[4], [5]], ["owner"], [["f"], ["g"]])
    assert inside(DatabasePool.simple_select_one_onecol_txn, "notes", {"id": 5}, "owner") == "g"
    inside(DatabasePool.simple_update_many_txn, "notes", ["id"], [[4], [5]], ["owner"], [["h"], ["i"]])
    assert inside(DatabasePool.simple_select_one_onecol_txn, "notes", {"id": 4}, "owner") == "h"


def test_deleting(inside):
    assert inside(DatabasePool.simple_delete_txn, "notes", {"owner": "a"}) == 2
    inside(DatabasePool.simple_delete_one_txn, "notes", {"id": 3})
    with pytest.raises(StoreError):
        inside(DatabasePool.simple_delete_one_txn, "notes", {"id": 3})
    assert inside(DatabasePool.simple_delete_many_txn, "notes", "id", [1, 2], {}) == 0


def test_single_statements(notes, reactor):
    wait = reactor.wait
    wait(notes.simple_insert("notes", {"id": 4, "owner": "c", "body": "t"}))
    assert wait(notes.simple_upsert("notes", {"id": 4}, {"owner": "d"})) is True
    wait(notes.simple_upsert_many("notes", ["id"], [[4], [5]], ["owner"], [["e"], ["e"]]))
    assert wait(notes.simple_select_one("notes", {"id": 4}, ["owner"])) == ("e",)
    assert wait(notes.simple_select_one_onecol("notes", {"id": 1}, "body")) == "x"
    assert sorted(wait(notes.simple_select_onecol("notes", {"owner": "e"}, "id"))) == [4, 5]
    assert wait(notes.simple_select_list("notes", {"id": 2}, ["body"])) == [("y",)]
    batches = wait(notes.simple_select_many_batch("notes", "id", [1, 2, 3, 9], ["id"], batch_size=2))
    assert sorted(batches) == [(1,), (2,), (3,)]
    assert wait(notes.simple_update("notes", {"id": 1}, {"body": "s"})) == 1
    wait(notes.simple_update_one("notes", {"id": 1}, {"body": "r"}))
    assert wait(notes.simple_delete("notes", {"id": 1})) == 1
    wait(notes.simple_delete_one("notes", {"id": 2}))
    assert wait(notes.simple_delete_many("notes", "id", [3, 4], {})) == 2
    assert wait(notes.execute("rows", "SELECT id FROM notes WHERE owner = ?", "e")) == [(5,)]
    assert wait(notes.updates.has_completed_background_updates()) is True


def test_comparison_with_tuples(notes, reactor):
    clause, args = make_tuple_in_list_sql_clause(notes.engine, ("id", "owner"), [(1, "a"), (3, "a")])
    assert reactor.wait(notes.execute("tuples", "SELECT id FROM notes WHERE " + clause, *args)) == [(1,)]


def test_rows_are_tuples_that_can_be_asked_by_column(inside, notes):
    row = inside(DatabasePool.simple_select_one_txn, "notes", {"id": 1}, ["id", "body"])
    assert row == (1, "x")
    assert (row["body"], row[0], row.get("none"), dict(row)) == ("x", 1, None, {"id": 1, "body": "x"})
    number, body = row
    assert {**row} == {"id": number, "body": body}
    with pytest.raises(KeyError):
        row["none"]
    (listed,) = inside(DatabasePool.simple_select_list_txn, "notes", {"id": 2}, ("id", "owner"))
    assert listed["owner"] == "a"


def test_rows_to_insert_may_be_dicts(inside):
    rows = [{"id": 7, "owner": "q"}, {"owner": "r", "id": 8}]
    inside(DatabasePool.simple_insert_many_txn, table="notes", values=rows)
    assert inside(DatabasePool.simple_select_one_onecol_txn, "notes", {"id": 8}, "owner") == "r"
