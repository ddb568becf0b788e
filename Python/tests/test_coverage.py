"""The page of what works (docs/modules/coverage.md) against the contract, the code and the tests."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/module-coverage"


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    loader = SourceFileLoader("module_coverage", str(SCRIPT))
    spec = importlib.util.spec_from_loader("module_coverage", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_contract_and_the_code_name_the_same(coverage: ModuleType) -> None:
    assert coverage.disagreements(coverage.contract()) == []


def test_what_waits_for_nothing_has_a_test(coverage: ModuleType) -> None:
    assert coverage.Coverage().untested() == []


def test_the_page_is_fresh(coverage: ModuleType) -> None:
    assert coverage.PAGE.read_text() == coverage.Coverage().page(), "run 'make docs'"


def test_numbers_in_names_are_understood(coverage: ModuleType) -> None:
    assert coverage.numbers("test_b1_b2_an_answer") == {"B1", "B2"}
    assert coverage.numbers("test_a4_to_a8_what_is_wrong") == {"A4", "A5", "A6", "A7", "A8"}
    assert coverage.numbers("test_swift_b3_the_first") == {"B3"}
    assert coverage.numbers("test_g9_h7_what_is_cached") == {"G9", "H7"}
    assert coverage.numbers("test_a_loop") == set()
