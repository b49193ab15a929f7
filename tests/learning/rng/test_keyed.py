"""Keyed draws: known answers of Random123, one layout in every implementation, uniform, and independent between keys."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from learning.rng import philox
from learning.rng.keyed import KeyedRandom, row_key, uniforms, words

PI = ("243f6a88", "85a308d3", "13198a2e", "03707344", "a4093822", "299f31d0")
KNOWN = [  # Random123, kat_vectors, philox4x32 10: counter, key -> words
    (["00000000"] * 6, ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]),
    (["ffffffff"] * 6, ["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"]),
    (list(PI), ["d16cfe09", "94fdcceb", "5001e420", "24126ea1"]),
]
PINNED_KEY, PINNED_WORDS = 11206415804441275141, [621279892, 1166377555, 2394156796, 1577638957, 4233529765]
KEYS = np.array([row_key(1, "compressor", node, 5) for node in range(6)], dtype=np.uint64)


@pytest.mark.parametrize(("given", "expected"), KNOWN)
@pytest.mark.parametrize("make", [lambda v: np.array([v], np.uint64), lambda v: torch.tensor([v])])
def test_philox_gives_the_known_answers_of_random123(given, expected, make):
    c0, c1, c2, c3, k0, k1 = (make(int(text, 16)) for text in given)
    answer = philox.philox((c0, c1, c2, c3), (k0, k1))
    assert [f"{int(word[0]):08x}" for word in answer] == expected


def test_coordinates_are_assigned_lane_by_lane():
    key, count, draw = KEYS[:1], 10, 3
    numbers = words(key, count, draw)[0]
    for coordinate in range(count):
        lane, block = divmod(coordinate, 3)
        counter = tuple(np.array([n], np.uint64) for n in (block, draw, 0, 0))
        halves = (key & np.uint64(philox.MASK), key >> np.uint64(32))
        assert numbers[coordinate] == philox.philox(counter, halves)[lane][0]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9, 1024, 1030, 4097])
def test_numba_numpy_and_torch_draw_the_same_words(count):
    by_numba = words(KEYS, count, 2)
    assert philox.has_numba()
    assert (by_numba == philox.numpy_words(KEYS, count, 2)).all()
    assert (by_numba == philox.torch_words(KEYS, count, 2, torch.device("cpu")).numpy()).all()


def test_the_draws_of_a_row_do_not_depend_on_other_rows():
    assert (words(KEYS, 50)[[4, 1]] == words(KEYS[[4, 1]], 50)).all()


def test_row_keys_do_not_change_between_versions():
    assert row_key(7, "compressor", 3, 0, 2) == PINNED_KEY
    assert words(np.array([PINNED_KEY], np.uint64), 5)[0].tolist() == PINNED_WORDS


def test_seed_stream_and_path_each_change_the_key():
    keys = {
        row_key(seed, stream, *path)
        for seed in (-1, 0, 1)
        for stream in ("compressor", "rule", "minibatch")
        for path in ((), (0,), (0, 0), (0, 1), (1, 0))
    }
    assert len(keys) == 45


@pytest.mark.parametrize(("seed", "stream"), [(0, "compresor"), (2**63, "data"), (1.5, "data")])
def test_a_wrong_stream_or_seed_is_rejected_with_its_value(seed, stream):
    with pytest.raises(ValueError, match=str(seed if stream == "data" else stream)):
        row_key(seed, stream)


@pytest.mark.parametrize("shift", [0, 12, 24])
@pytest.mark.parametrize("across", ["coordinates of a row", "rows of consecutive iterations"])
def test_bytes_of_words_are_uniform(shift, across):
    if across == "coordinates of a row":
        numbers = words(KEYS[:1], 200_000)
    else:
        keys = [row_key(0, "compressor", 4, iteration) for iteration in range(50_000)]
        numbers = words(np.array(keys, np.uint64), 4)
    counts = np.bincount(((numbers.ravel() >> shift) & 255).astype(np.int64), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-4


def test_uniforms_lie_in_the_open_interval_with_the_moments_of_a_uniform():
    numbers = uniforms(KEYS, 50_000)
    assert (numbers == (words(KEYS, 50_000) + 0.5) * 2.0**-32).all()
    assert 0 < numbers.min() < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 4 * np.sqrt(1 / 12 / numbers.size)
    assert abs(np.corrcoef(numbers)[0, 1]) < 4 / np.sqrt(50_000)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_uniforms_are_the_top_24_bits_of_the_words(dtype):
    numbers = KeyedRandom(KEYS).uniforms(1000, torch.zeros(1, dtype=dtype), draw=1)
    assert numbers.dtype == dtype
    assert (numbers.double().numpy() == (words(KEYS, 1000, 1) >> 8) * 2.0**-24).all()


@pytest.mark.parametrize("count", [1, 31, 32, 33, 1000])
def test_signs_use_the_words_bit_by_bit(count):
    signs = KeyedRandom(KEYS).signs(count, torch.zeros(1))
    width = -(-count // 32)
    for coordinate in range(count):
        bit, word = divmod(coordinate, width)
        expected = 2.0 * ((words(KEYS, width)[:, word] >> bit) & 1) - 1
        assert (signs[:, coordinate].numpy() == expected).all()


def test_signs_are_fair():
    signs = KeyedRandom(KEYS).signs(50_000, torch.zeros(1, dtype=torch.float64))
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    assert abs(signs.mean().item()) < 4 / np.sqrt(signs.numel())
