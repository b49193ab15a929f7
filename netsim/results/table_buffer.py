"""Table buffer: rows of typed columns in one growing buffer, which takes less memory than Python objects."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

Kind: TypeAlias = Literal["whole", "small", "real", "flag", "name"]
"""whole: int64; small: int32; real: float64; flag: bool; name: a text, stored as an integer code."""

Cell: TypeAlias = int | float | bool | str
Row: TypeAlias = dict[str, Cell]


class NameCodes(dict[str, int]):
    """Integer codes of names, assigned at first use."""

    def __missing__(self, name: str) -> int:
        self[name] = len(self)
        return self[name]


class Rows(Sequence[Row]):
    """An append-only table of typed columns; reading one gives the rows as dictionaries.

    `columns` maps names to kinds, in order. Memory per row: 8 bytes per whole or real, 4 per small or name,
    1 per flag, and an eighth more while the buffer grows.
    """

    def __init__(self, columns: Mapping[str, Kind]) -> None:
        self.columns = dict(columns)
        codes = [_CODES[kind] for kind in columns.values()]
        self._cells = struct.Struct("<" + "".join(codes))
        self._pack, self._size = self._cells.pack, self._cells.size
        self._types = np.dtype([(name, _TYPES[code]) for name, code in zip(columns, codes, strict=True)])
        starts = [struct.calcsize("<" + "".join(codes[:k])) for k in range(len(codes))]
        cells = [struct.Struct("<" + code) for code in codes]
        self._layout = dict(zip(columns, zip(cells, starts, strict=True), strict=True))
        self._buffer = bytearray()
        self._count = 0
        self.code = NameCodes()

    def append(self, *cells: float) -> int:
        """Add a row, a cell per column with names as their `code`, and return its place.

        Raises struct.error for a whole number beyond its column's bits.
        """
        row = self._count
        self._buffer += self._pack(*cells)
        self._count = row + 1
        return row

    def put(self, row: int, column: str, value: float) -> None:
        """Write a number (for a name its `code`) into an existing row."""
        cell, start = self._layout[column]
        cell.pack_into(self._buffer, row * self._size + start, value)

    def add(self, row: int, column: str, value: float) -> None:
        """Add to a number in an existing row."""
        cell, start = self._layout[column]
        (known,) = cell.unpack_from(self._buffer, row * self._size + start)
        self.put(row, column, known + value)

    def column(self, name: str) -> NDArray[np.generic]:
        """A copy of a column: int64, float64, bool, or the names as objects."""
        kind = self.columns[name]
        found: NDArray[np.generic] = np.frombuffer(self._buffer, dtype=self._types)[name]
        if kind == "name":
            return np.array([*self.code, None], dtype=object)[found.astype(np.intp)]
        return found.astype(np.int64 if kind == "small" else found.dtype)

    @property
    def bytes_per_row(self) -> int:
        """Bytes per row, without the spare capacity of the buffer."""
        return self._size

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, row: int) -> Row: ...

    @overload
    def __getitem__(self, row: slice) -> list[Row]: ...

    def __getitem__(self, row: int | slice) -> Row | list[Row]:
        """Return a row, or a list of rows."""
        if isinstance(row, slice):
            return [self[k] for k in range(*row.indices(len(self)))]
        index = row + len(self) if row < 0 else row
        if not 0 <= index < len(self):
            raise IndexError(f"no row {row} in a table of {len(self)}")
        return self._row(self._cells.unpack_from(self._buffer, index * self._size), list(self.code))

    def __iter__(self) -> Iterator[Row]:
        names = list(self.code)
        return (self._row(cells, names) for cells in self._cells.iter_unpack(bytes(self._buffer)))

    def __repr__(self) -> str:
        return repr(list(self))

    def _row(self, cells: Sequence[Cell], names: Sequence[str]) -> Row:
        named = zip(self.columns.items(), cells, strict=True)
        return {name: names[int(cell)] if kind == "name" else cell for (name, kind), cell in named}


_CODES: dict[Kind, str] = {"whole": "q", "small": "i", "real": "d", "flag": "?", "name": "i"}
_TYPES = {"q": "<i8", "i": "<i4", "d": "<f8", "?": "?"}
