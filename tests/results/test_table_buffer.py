"""A trace keeps typed rows: as cheap as their bytes, and the tables they become are those of plain dictionaries."""

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
SCENES: dict[str, dict[str, str]] = {
    "plain": {},
    "joules": {"energy": "{compute: {active_power: 2 W}}", "network": CELL},
    "lost uploads": {"network": LOSSY},
    "cut off": {"stop": "{rounds: 30, deadline: 100 ms}"},
    "cut off in round 1": {"stop": "{rounds: 30, deadline: 10 ms}"},
}


@given(st.lists(CELLS))
def test_what_was_appended_is_read_back(cells: list[Any]) -> None:
    rows = Rows(ALL)
    for k, (*numbers, name) in enumerate(cells):
        assert rows.append(*numbers, rows.code[name]) == k
    said = [dict(zip(ALL, row, strict=True)) for row in cells]
    assert list(rows) == said == [rows[k] for k in range(len(rows))] == rows[:]
    assert {name: rows.column(name).tolist() for name in ALL} == {
        name: [r[name] for r in said] for name in ALL
    }


def test_a_place_is_counted_from_either_end_and_not_beyond() -> None:
    rows = Rows({"a": "whole"})
    rows.append(3)
    rows.append(4)
    assert (rows[-1], rows[-2]) == ({"a": 4}, {"a": 3})
    with pytest.raises(IndexError, match="no row 2 in a table of 2"):
        rows[2]


def test_a_number_that_does_not_fit_is_refused_not_cut() -> None:
    with pytest.raises(struct.error):
        Rows({"a": "whole"}).append(2**63)


class Dictionaries(Rows):
    """The same table kept as it once was: a dictionary per row."""

    def __init__(self, columns: dict[str, Kind]) -> None:
        super().__init__(columns)
        self.kept: list[dict[str, Any]] = []

    def append(self, *cells: float) -> int:
        told, names = zip(self.columns.items(), cells, strict=True), list(self.code)
        self.kept.append({c: names[int(x)] if kind == "name" else x for (c, kind), x in told})
        return len(self.kept) - 1

    def put(self, place: int, column: str, value: float) -> None:
        named = self.columns[column] == "name"
        self.kept[place][column] = list(self.code)[int(value)] if named else value

    def add(self, place: int, column: str, value: float) -> None:
        self.kept[place][column] += value

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, place: Any) -> Any:
        return self.kept[place]


def saved(table: pd.DataFrame, path: Path) -> bytes:
    write_table(table, path, "0" * 16)
    return path.read_bytes()


@pytest.mark.parametrize("name", SCENES)
def test_the_tables_are_byte_for_byte_those_of_dictionaries(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = recipe("hier_favg", **SCENES[name])
    now = execute(scene, engine="timing").trace
    monkeypatch.setattr("netsim.protocol.trace.Rows", Dictionaries)
    once = execute(scene, engine="timing", verify=False).trace  # whose laws read rows, which lie elsewhere here
    for rows, kept in ((now.messages, once.messages), (now.nodes, once.nodes)):
        assert isinstance(kept, Dictionaries)
        table = pd.DataFrame(kept.kept, columns=list(NODES) if not kept.kept else None)
        assert saved(to_data_frame(rows), tmp_path / "a.parquet") == saved(table, tmp_path / "a.parquet")


def test_the_instant_a_message_was_sent_is_a_real_number_even_at_nought() -> None:
    """SimPy's clock begins at the integer 0: a run cut off before any other event had a column of integers."""
    cut = execute(recipe("hier_favg", stop="{rounds: 1, deadline: 1 us}"), engine="timing").trace
    assert to_data_frame(cut.messages)["sent_s"].tolist() == [0.0] * len(cut.messages)
    assert to_data_frame(cut.messages)["sent_s"].dtype == float


@pytest.mark.parametrize("columns", [MESSAGES, {**NODES, **dict.fromkeys(ENERGY_COLUMNS, "real")}])
def test_a_row_costs_less_than_120_bytes(columns: dict[str, Kind]) -> None:
    rows, cells = Rows(columns), [0] * len(columns)
    rows.code["device0"]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20_000):
        rows.append(*cells)
    spent = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert rows.bytes_per_row <= spent / len(rows) < 120


def test_what_is_still_under_way_has_no_arrival() -> None:
    cut = execute(recipe("hier_favg", stop="{rounds: 3, deadline: 10 ms}"), engine="timing").trace
    assert math.isnan(cut.messages[-1]["arrived_s"])
    assert not math.isnan(cut.messages[0]["arrived_s"])
