"""Random numbers of network, devices and dynamics, each keyed by seed, stream, path and ordinal."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

PER_ORDINAL = 4
"""Uniforms per ordinal: one Philox4x64 counter block."""


def generator(seed: int, stream: str, *path: int) -> np.random.Generator:
    """A generator whose sequence is a function of its arguments: Philox keyed by blake2b-128."""
    name = "/".join((str(seed), stream, *map(str, path)))
    key = int.from_bytes(blake2b(name.encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def uniforms(seed: int, stream: str, *path: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
    """Uniforms in [0, 1), shape [len(ordinals), 4]; row k depends on `ordinals[k]` only.

    The cost is proportional to max(ordinals) - min(ordinals) + 1; siblings have neighbouring ordinals.
    """
    wanted = np.asarray(ordinals, dtype=np.int64)
    if wanted.size == 0:
        return np.empty((0, PER_ORDINAL))
    first, last = int(wanted.min()), int(wanted.max())
    source = generator(seed, stream, *path)
    source.bit_generator.advance(first)  # type: ignore[attr-defined]  # Philox has it, the stub's base class does not
    block = source.random((last - first + 1, PER_ORDINAL))
    return np.asarray(block[wanted - first], dtype=np.float64)


def normals(seed: int, stream: str, *path: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
    """Standard normals, shape [len(ordinals)]; entry k depends on `ordinals[k]` only (Box-Muller)."""
    uniform = uniforms(seed, stream, *path, ordinals=ordinals)
    radius = np.sqrt(-2.0 * np.log1p(-uniform[:, 0]))
    return np.asarray(radius * np.cos(2.0 * np.pi * uniform[:, 1]), dtype=np.float64)
