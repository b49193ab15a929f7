"""Calls a compressor and holds it to its contract: a stranger's fault is told as theirs, not as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from learning.compressors import Compressor, Encoded, Remembering
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from torch import Tensor, dtype


class PartError(ValueError):
    """A part from outside broke its contract; the text names it and says how."""


def payload_bits(codec: Compressor, dim: int) -> int | None:
    """`codec.bits(dim)`, held to a whole number >= 0 or None. Raises PartError."""
    try:
        bits = codec.bits(dim)
    except ValueError as error:
        raise PartError(f"{_name(codec)} at d = {dim}: {error}") from error
    if bits is not None and (not isinstance(bits, int) or bits < 0):
        raise PartError(
            f"{_name(codec)}: bits({dim}) must be an int >= 0, or None if sizes depend on values; got {bits!r}"
        )
    return bits


def encoded(codec: Compressor, rows: Tensor, rng: KeyedRandom) -> Encoded:
    """`codec.encode(rows, rng)`, held to values like the rows and one size per row where `bits` has no law.

    Raises PartError for what a stranger's part raises or returns; our own parts' errors pass as they are.
    """
    shape, dtype = tuple(rows.shape), rows.dtype
    with _blaming(codec, "encode"):
        sent = codec.encode(rows, rng)
    _check(codec, sent, shape, dtype)
    return sent


def remembered(codec: Remembering, rows: Tensor, memory: Tensor, rng: KeyedRandom) -> tuple[Encoded, Tensor]:
    """`codec.remember(rows, memory, rng)`, held to its contract as `encoded`."""
    shape, dtype = tuple(rows.shape), rows.dtype
    with _blaming(codec, "remember"):
        sent, after = codec.remember(rows, memory, rng)
    _check(codec, sent, shape, dtype)
    if tuple(after.shape) != shape or after.dtype != dtype:
        raise PartError(f"{_name(codec)}: remember() must return a memory {list(shape)} of {dtype}")
    return sent, after


@contextmanager
def _blaming(codec: Compressor, method: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise PartError(f"{_name(codec)}: {error}") from error
    except Exception as error:
        if type(codec).__module__.startswith("learning."):
            raise
        raise PartError(f"{_name(codec)}: {method}() raised {type(error).__name__}: {error}") from error


def _check(codec: Compressor, sent: Encoded, shape: tuple[int, ...], dtype: dtype) -> None:
    if not isinstance(sent, Encoded):
        raise PartError(
            f"{_name(codec)}: encode() must return Encoded(values, bits), got {type(sent).__name__}"
        )
    if tuple(sent.values.shape) != shape or sent.values.dtype != dtype:
        got = f"{list(sent.values.shape)} of {sent.values.dtype}"
        raise PartError(f"{_name(codec)}: encode() must return values {list(shape)} of {dtype}, got {got}")
    if codec.bits(shape[1]) is None and (sent.bits is None or len(sent.bits) != shape[0]):
        raise PartError(
            f"{_name(codec)}: bits(dim) is None, so encode() must return one size per row, got {sent.bits}"
        )


def _name(part: object) -> str:
    return f"part {type(part).__module__}:{type(part).__qualname__}"
