"""Calls of compressors with checks of their contract; faults of external parts are reported as such."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from learning.compressors import Compressor, Encoded, StatefulCompressor
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from torch import Tensor, dtype


class PartError(ValueError):
    """A part violates its contract; the message names the part and the violation."""


def payload_bits(codec: Compressor, dim: int) -> int | None:
    """Return `codec.bits(dim)`. Raises PartError unless it is a whole number >= 0 or None."""
    try:
        bits = codec.bits(dim)
    except ValueError as error:
        raise PartError(f"{_name(codec)} at d = {dim}: {error}") from error
    if bits is not None and (not isinstance(bits, int) or bits < 0):
        raise PartError(
            f"{_name(codec)}: bits({dim}) must be an int >= 0, or None if sizes depend on values; got {bits!r}"
        )
    return bits


def encode(codec: Compressor, rows: Tensor, rng: KeyedRandom) -> Encoded:
    """Return `codec.encode(rows, rng)` for rows [K, d].

    Raises PartError where an external part raises an error, returns values of another shape or type, or no size per
    row where its `bits` is None. Errors of the built-in parts pass unchanged.
    """
    shape, dtype = tuple(rows.shape), rows.dtype
    with _attributed_errors(codec, "encode"):
        encoded = codec.encode(rows, rng)
    _check(codec, encoded, shape, dtype)
    return encoded


def encode_with_memory(
    codec: StatefulCompressor, rows: Tensor, memory: Tensor, rng: KeyedRandom
) -> tuple[Encoded, Tensor]:
    """Return `codec.remember(rows, memory, rng)`, with the same checks as `encode`."""
    shape, dtype = tuple(rows.shape), rows.dtype
    with _attributed_errors(codec, "remember"):
        encoded, after = codec.remember(rows, memory, rng)
    _check(codec, encoded, shape, dtype)
    if tuple(after.shape) != shape or after.dtype != dtype:
        raise PartError(f"{_name(codec)}: remember() must return a memory {list(shape)} of {dtype}")
    return encoded, after


@contextmanager
def _attributed_errors(codec: Compressor, method: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise PartError(f"{_name(codec)}: {error}") from error
    except Exception as error:
        if type(codec).__module__.startswith("learning."):
            raise
        raise PartError(f"{_name(codec)}: {method}() raised {type(error).__name__}: {error}") from error


def _check(codec: Compressor, encoded: Encoded, shape: tuple[int, ...], dtype: dtype) -> None:
    if not isinstance(encoded, Encoded):
        raise PartError(
            f"{_name(codec)}: encode() must return Encoded(values, bits), got {type(encoded).__name__}"
        )
    if tuple(encoded.values.shape) != shape or encoded.values.dtype != dtype:
        got = f"{list(encoded.values.shape)} of {encoded.values.dtype}"
        raise PartError(f"{_name(codec)}: encode() must return values {list(shape)} of {dtype}, got {got}")
    if codec.bits(shape[1]) is None and (encoded.bits is None or len(encoded.bits) != shape[0]):
        raise PartError(
            f"{_name(codec)}: bits(dim) is None, so encode() must return one size per row, got {encoded.bits}"
        )


def _name(part: object) -> str:
    return f"part {type(part).__module__}:{type(part).__qualname__}"
