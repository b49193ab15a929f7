"""The compiled kernels of compression: lengths, norms and votes equal straightforward computations bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from learning.aggregation.rules import add_votes
from learning.aggregation.vote_kernels import BLOCK as VOTE_BLOCK
from learning.compressors import Qsgd, Sign
from learning.compressors.elias import encode_levels, omega_code, torch_coded_bits
from learning.compressors.elias_lengths import LANES, elias_bits, omega_length
from learning.compressors.kernel_rows import as_kernel_rows
from learning.compressors.norms import MAX_DEPTH, STRIDE, norm
from learning.compressors.norms import WIDTH as BLOCK
from learning.rng.keyed import KeyedRandom
from tests.conftest import REPOSITORY

GAPS = [1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 65, 126, 127, 128, 129, 255, 256, 1000]


def length(levels: np.ndarray) -> int:
    return int(elias_bits(levels.astype(np.uint16), int(levels.max()), np.empty(2 * LANES, np.uint16)))


def test_omega_lengths_equal_those_of_the_codes() -> None:
    numbers = np.array([n for k in range(40) for n in (2**k - 1, 2**k, 2**k + 1) if n])
    assert [omega_length(n) for n in numbers] == omega_code(numbers)[1].tolist()


@given(
    st.lists(
        st.tuples(st.sampled_from(GAPS), st.sampled_from([1, 1, 1, 2, 3, 4, 16, 300, 65535])), max_size=60
    ),
    st.integers(1, 200),
)
def test_lengths_equal_those_of_the_coded_bits(steps: list[tuple[int, int]], tail: int) -> None:
    """Gaps on either side of every power of two and of a word, levels likewise, both codes."""
    levels = np.zeros(sum(gap for gap, _ in steps) + tail, np.int64)
    for place, (_, level) in zip(np.cumsum([gap for gap, _ in steps], dtype=int), steps, strict=True):
        levels[place - 1] = level
    assert length(levels) == len(encode_levels(levels)[1])


@pytest.mark.parametrize("density", [0.001, 0.02, 0.2, 0.6, 1.0])
@pytest.mark.parametrize("top", [1, 2, 3, 4, 15, 16, 17, 255, 65535])
def test_lengths_of_many_levels_equal_those_of_torch(density: float, top: int) -> None:
    noise = np.random.default_rng(top)
    levels = (noise.random(10_007) < density) * noise.integers(1, top + 1, 10_007)
    levels[77] = top
    assert [length(levels)] == torch_coded_bits(torch.from_numpy(levels)[None]).tolist()


def test_counters_of_sixteen_bits_do_not_overflow() -> None:
    """Each of the LANES counters counts 65,540 levels of 3, each a gap of one bit, a sign and three bits."""
    dim = 65_540 * LANES
    assert length(np.full(dim, 3)) == omega_length(dim + 1) + 5 * dim


@pytest.mark.parametrize(
    "dim", [1, 2, 3, BLOCK, 2 * BLOCK, 2 * BLOCK + 1, 4 * BLOCK + 7, 21_840, 3 * 2**14 - 1, 100_001]
)
def test_long_norms_are_added_by_a_halving_tree(dim: int) -> None:
    """Up to the last bit of the double-precision sum, which remains in the scratch memory."""
    row = np.random.default_rng(dim).standard_normal(dim).astype(np.float32) ** 5
    tree = np.zeros(1 << (dim - 1).bit_length())
    tree[:dim] = row.astype(np.float64) ** 2
    while len(tree) > 1:
        tree = tree[: len(tree) // 2] + tree[len(tree) // 2 :]
    scratch = np.empty(MAX_DEPTH * STRIDE)
    assert norm(row, scratch) == np.float32(np.sqrt(tree[0]))
    assert dim == 1 or scratch[0] == tree[0]


@pytest.mark.parametrize("voters", range(1, 10))
def test_votes_are_counted_as_by_torch(voters: int) -> None:
    numbers = torch.Generator().manual_seed(voters)
    rows = torch.where(torch.rand(voters, 2 * VOTE_BLOCK + 16, generator=numbers) < 0.5, -1.0, 1.0)[
        :, : 2 * VOTE_BLOCK + 5
    ]
    rows[0, [3, 2 * VOTE_BLOCK + 4]] = torch.nan
    counts = torch.arange(2 * VOTE_BLOCK + 5.0)
    expected = counts + rows.sum(0)
    add_votes(counts, rows)
    assert torch.equal(counts.nan_to_num(1e9), expected.nan_to_num(1e9))


@pytest.mark.parametrize("codec", [Qsgd(4, 32), Qsgd(4, 32, "elias"), Sign()], ids=repr)
def test_rows_with_gaps_between_them_are_coded_in_place(codec: Qsgd | Sign) -> None:
    keys = np.arange(5, dtype=np.uint64)
    wide = torch.randn(5, 144, generator=torch.Generator().manual_seed(1))
    rows, gaps = wide[:, :131], wide[:, 131:].clone()
    alone = codec.encode(rows.clone(), KeyedRandom(keys))
    sent = codec.encode(rows, KeyedRandom(keys))
    assert sent.values.data_ptr() == wide.data_ptr()
    assert torch.equal(sent.values, alone.values)
    assert torch.equal(wide[:, 131:], gaps)


@pytest.mark.parametrize(
    "rows",
    [torch.zeros(4, 6).t(), torch.zeros(1, 4).expand(3, 4), torch.zeros(20)[5:17].as_strided((2, 4), (8, 1))],
)
def test_rows_that_are_not_stored_row_by_row_are_copied(rows: torch.Tensor) -> None:
    copy, memory = as_kernel_rows(rows)
    memory[:, : rows.shape[1]] = 1.0
    assert copy.min() == 1.0
    assert rows.max() == 0.0


def test_compiled_code_of_other_sources_is_not_taken_from_the_cache(tmp_path: Path) -> None:
    """Numba alone would keep the old code of an inlined function that is defined in another file."""
    package, code = tmp_path / "learning", "from learning.compressors.kernels import half; print(half(8))"
    for folder in ("compressors", "rng"):
        (package / folder).mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in ("philox.py", "philox_numba.py"):
        (package / "rng" / name).write_text((REPOSITORY / "learning" / "rng" / name).read_text())
    (package / "compressors" / "kernels.py").write_text(
        "from learning.rng.philox_numba import compiled\nfrom learning.compressors.callee import part\n\n\n"
        "@compiled\ndef half(n):\n    return part(n)\n"
    )
    outputs = []
    for divisor in (2, 4):
        (package / "compressors" / "callee.py").write_text(
            f"from learning.rng.philox_numba import compiled\n\n\n@compiled\ndef part(n):\n    return n / {divisor}\n"
        )
        command = [sys.executable, "-B", "-c", code]
        outputs.append(
            subprocess.run(
                command,
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(tmp_path)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
    assert outputs == ["4.0\n", "2.0\n"]
