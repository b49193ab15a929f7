"""Typed rows of the trace: memory per row, and equality of the tables with those of dictionaries."""

from __future__ import annotations

import math
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.protocol.trace import ENERGY_COLUMNS, MESSAGES, NODES
from netsim.results.run_folder import write_table
from netsim.results.table_buffer import Kind, Rows
from netsim.simulation.result_assembly import to_data_frame
from netsim.simulation.run import execute
from tests.simulation.runs import recipe

ALL: dict[str, Kind] = {"a": "whole", "b": "small", "c": "real", "d": "flag", "e": "name"}
CELLS = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**31), 2**31 - 1),
    st.floats(allow_nan=False),
    st.booleans(),
    st.text(max_size=3),
)
CELL = "\n  - cell: {preset: urban_micro, uplink: 2 MHz, downlink: 1 MHz}\n  - wired: {rate: 10 Mbit/s}\n"
LOSSY = "\n" + "  - wired: {rate: 10 Mbit/s, loss: {erasure: {probability: 0.3}}}\n" * 2
RUNS: dict[str, dict[str, str]] = {
    "plain": {},
    "joules": {"energy": "{compute: {active_power: 2 W}}", "network": CELL},
    "lost uploads": {"network": LOSSY},
    "cut off": {"stop": "{rounds: 30, deadline: 100 ms}"},
    "cut off in round 1": {"stop": "{rounds: 30, deadline: 10 ms}"},
}


@given(st.lists(CELLS))
def test_appended_rows_are_read_unchanged(cells: list[Any]) -> None:
    rows = Rows(ALL)
    for k, (*numbers, name) in enumerate(cells):
        assert rows.append(*numbers, rows.code[name]) == k
    expected = [dict(zip(ALL, row, strict=True)) for row in cells]
    assert list(rows) == expected == [rows[k] for k in range(len(rows))] == rows[:]
    assert {name: rows.column(name).tolist() for name in ALL} == {
        name: [r[name] for r in expected] for name in ALL
    }


def test_rows_are_indexed_from_both_ends() -> None:
    rows = Rows({"a": "whole"})
    rows.append(3)
    rows.append(4)
    assert (rows[-1], rows[-2]) == ({"a": 4}, {"a": 3})
    with pytest.raises(IndexError, match="no row 2 in a table of 2"):
        rows[2]


def test_a_number_out_of_range_is_refused() -> None:
    with pytest.raises(struct.error):
        Rows({"a": "whole"}).append(2**63)


class DictionaryRows(Rows):
    """A reference implementation of the table with a dictionary per row."""

    def __init__(self, columns: dict[str, Kind]) -> None:
        super().__init__(columns)
        self.stored: list[dict[str, Any]] = []

    def append(self, *cells: float) -> int:
        kinds, names = zip(self.columns.items(), cells, strict=True), list(self.code)
        self.stored.append({c: names[int(x)] if kind == "name" else x for (c, kind), x in kinds})
        return len(self.stored) - 1

    def put(self, index: int, column: str, value: float) -> None:
        is_name = self.columns[column] == "name"
        self.stored[index][column] = list(self.code)[int(value)] if is_name else value

    def add(self, index: int, column: str, value: float) -> None:
        self.stored[index][column] += value

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, index: Any) -> Any:
        return self.stored[index]


def saved(table: pd.DataFrame, path: Path) -> bytes:
    write_table(table, path, "0" * 16)
    return path.read_bytes()


@pytest.mark.parametrize("name", RUNS)
def test_tables_equal_those_built_from_dictionaries_byte_for_byte(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = recipe("hier_favg", **RUNS[name])
    typed = execute(scene, engine="timing").trace
    monkeypatch.setattr("netsim.protocol.trace.Rows", DictionaryRows)
    reference = execute(
        scene, engine="timing", verify=False
    ).trace  # the invariants read typed rows, which do not exist here
    for rows, stored in ((typed.messages, reference.messages), (typed.nodes, reference.nodes)):
        assert isinstance(stored, DictionaryRows)
        table = pd.DataFrame(stored.stored, columns=list(NODES) if not stored.stored else None)
        assert saved(to_data_frame(rows), tmp_path / "a.parquet") == saved(table, tmp_path / "a.parquet")


def test_the_send_time_is_a_float_also_at_zero() -> None:
    """SimPy's clock starts at the integer 0, which must not give a column of integers."""
    trace = execute(recipe("hier_favg", stop="{rounds: 1, deadline: 1 us}"), engine="timing").trace
    assert to_data_frame(trace.messages)["sent_s"].tolist() == [0.0] * len(trace.messages)
    assert to_data_frame(trace.messages)["sent_s"].dtype == float


@pytest.mark.parametrize("columns", [MESSAGES, {**NODES, **dict.fromkeys(ENERGY_COLUMNS, "real")}])
def test_a_row_uses_less_than_120_bytes(columns: dict[str, Kind]) -> None:
    rows, cells = Rows(columns), [0] * len(columns)
    rows.code["device0"]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20_000):
        rows.append(*cells)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert rows.bytes_per_row <= used / len(rows) < 120


def test_messages_in_transmission_have_no_arrival_time() -> None:
    trace = execute(recipe("hier_favg", stop="{rounds: 3, deadline: 10 ms}"), engine="timing").trace
    assert math.isnan(trace.messages[-1]["arrived_s"])
    assert not math.isnan(trace.messages[0]["arrived_s"])
