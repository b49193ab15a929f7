"""Shifts: transformations per device, keyed by the device; label flips by the requested number of adversaries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from learning.datasets.arrays import Arrays
from learning.datasets.digits import Digits
from learning.datasets.synthetic import Synthetic
from learning.models.architectures import Logistic
from learning.partitions.distribution_shift import (
    SHIFTS,
    Brightness,
    DeviceSamples,
    LabelFlip,
    Rotation,
    Shift,
    apply_shifts,
)
from learning.tasks.task import make_task

EVERY: list[Shift] = [
    Rotation(45.0), Rotation(angles=(0.0, 90.0)), Rotation(30.0, per="edge"), Brightness(), Brightness(0.2, "edge"),
    LabelFlip(0.5), LabelFlip(0.5, "next"), LabelFlip(0.5, "random"),
]  # fmt: skip


def arrays(count: int = 40, kind: Any = np.uint8, side: int = 8, channels: int = 2) -> Arrays:
    drawn = np.random.default_rng(0)
    x = drawn.integers(0, 256, (count, channels, side, side)).astype(kind)
    y = np.arange(count) % 10
    return Arrays(x, y, x[:5], y[:5], 10, (0.5,) * channels, (0.3,) * channels, "made up")


def device_samples(devices: int, each: int = 2, seed: int = 1, position: int = 0) -> DeviceSamples:
    parts = np.split(np.arange(devices * each), devices)
    return DeviceSamples(parts, [device // 2 for device in range(devices)], seed, position)


def dots(devices: int) -> Arrays:
    """One 33x33 image per device with a blot 10 pixels right of the middle."""
    x = np.zeros((devices, 1, 33, 33), dtype=np.float32)
    x[:, 0, 15:18, 25:28] = 1.0
    y = np.zeros(devices, dtype=np.int64)
    return Arrays(x, y, x[:1], y[:1], 2, (0.0,), (1.0,), "dots")


def blot_angles(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Direction of each image's centre of mass from its middle, in degrees, counter-clockwise with row 0 on top."""
    axis = np.arange(33) - 16.0
    mass = images[:, 0]
    return np.degrees(np.arctan2(-(mass.sum(2) @ axis), mass.sum(1) @ axis))


@pytest.mark.parametrize("shift", EVERY, ids=repr)
def test_shifts_preserve_shapes_types_the_test_split_and_their_input(shift: Shift) -> None:
    before, untouched = arrays(), arrays()
    after = shift.apply(before, device_samples(20))
    assert (after.train_x.shape, after.train_x.dtype) == (before.train_x.shape, np.uint8)
    assert after.train_y.dtype == np.int64
    assert np.array_equal(before.train_x, untouched.train_x)
    assert np.array_equal(before.train_y, untouched.train_y)
    assert after.test_x is before.test_x
    assert after.provenance.startswith("made up; ")
    assert not (
        np.array_equal(after.train_x, before.train_x) and np.array_equal(after.train_y, before.train_y)
    )


@pytest.mark.parametrize("shift", EVERY, ids=repr)
def test_a_shift_depends_on_seed_and_position_only(shift: Shift) -> None:
    def view(held: DeviceSamples) -> tuple[bytes, bytes]:
        after = shift.apply(arrays(), held)
        return after.train_x.tobytes(), after.train_y.tobytes()

    assert view(device_samples(20)) == view(device_samples(20))
    assert (
        len(
            {view(device_samples(20)), view(device_samples(20, seed=2)), view(device_samples(20, position=1))}
        )
        == 3
    )


@pytest.mark.parametrize("shift", [Rotation(45.0), Brightness()], ids=repr)
def test_the_shift_of_a_device_does_not_depend_on_other_devices(shift: Shift) -> None:
    many, few = (shift.apply(arrays(), device_samples(devices)).train_x for devices in (20, 5))
    assert np.array_equal(many[:10], few[:10])


def test_an_image_is_rotated_by_the_angle_of_its_device() -> None:
    turned = Rotation(60.0).apply(dots(500), device_samples(500, each=1)).train_x
    angles = blot_angles(turned)
    expected = 60 * (2 * device_samples(500, each=1).draws("device") - 1)
    assert np.abs(angles - expected).max() < 0.5
    assert stats.kstest(angles, stats.uniform(-60, 120).cdf).pvalue > 0.01


def test_right_angles_are_exact_and_equally_likely() -> None:
    turned = Rotation(angles=(0.0, 90.0, 180.0, 270.0)).apply(dots(800), device_samples(800, each=1)).train_x
    angles = np.rint(blot_angles(turned)) % 360
    counts = np.array([(angles == angle).sum() for angle in (0, 90, 180, 270)])
    assert counts.sum() == 800
    assert stats.chisquare(counts).pvalue > 0.01
    assert (turned.sum((1, 2, 3)) == 9).all()


def test_devices_of_an_edge_server_share_their_angle() -> None:
    angles = blot_angles(Rotation(60.0, per="edge").apply(dots(20), device_samples(20, each=1)).train_x)
    assert np.allclose(angles[::2], angles[1::2])
    assert len(set(np.round(angles, 3))) == 10


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_brightness_multiplies_and_limits_bytes_to_255(kind: Any) -> None:
    before = arrays(kind=kind)
    after = Brightness(1.0).apply(before, device_samples(20)).train_x
    factors = np.repeat(2 * device_samples(20).draws("device"), 2)[:, None, None, None]
    expected = before.train_x.astype(np.float64) * factors
    if kind == np.uint8:
        expected = np.clip(np.rint(expected), 0, 255)
    assert np.allclose(after, expected, rtol=1e-6)
    assert factors.max() > 1.5


def test_factors_of_many_devices_are_uniform() -> None:
    one = replace(dots(2000), train_x=np.ones((2000, 1, 1, 1), dtype=np.float32))
    factors = Brightness(0.4).apply(one, device_samples(2000, each=1)).train_x.ravel()
    assert stats.kstest(factors, stats.uniform(0.6, 0.8).cdf).pvalue > 0.01


@pytest.mark.parametrize(("fraction", "count"), [(0.1, 2), (0.25, 5), (0.26, 5), (1.0, 20)])
def test_the_requested_fraction_of_devices_flips_all_labels_and_no_other_device_does(
    fraction: float, count: int
) -> None:
    before, held = arrays(), device_samples(20)
    flip = LabelFlip(fraction)
    wrong = flip.apply(before, held).train_y != before.train_y
    assert np.flatnonzero(wrong.reshape(20, 2).all(1)).tolist() == flip.adversaries(held)
    assert wrong.reshape(20, 2).any(1).sum() == len(flip.adversaries(held)) == count


def test_every_device_is_equally_likely_an_adversary() -> None:
    hits = np.zeros(10)
    for seed in range(2000):
        hits[LabelFlip(0.3).adversaries(device_samples(10, seed=seed))] += 1
    assert hits.sum() == 6000
    assert np.abs(hits - 600).max() < 4.5 * np.sqrt(2000 * 0.3 * 0.7)


def test_a_higher_fraction_adds_adversaries() -> None:
    few, many = (set(LabelFlip(share).adversaries(device_samples(30))) for share in (0.2, 0.5))
    assert few < many


@pytest.mark.parametrize(("to", "expected"), [("reverse", 6), ("next", 4)])
def test_a_flipped_three_of_ten_becomes(to: Any, expected: int) -> None:
    threes = replace(arrays(), train_y=np.full(40, 3))
    assert set(LabelFlip(1.0, to).apply(threes, device_samples(20)).train_y) == {expected}


def test_random_flips_are_uniform_over_the_other_classes() -> None:
    held, threes = device_samples(10, each=500), replace(arrays(5000, side=1), train_y=np.full(5000, 3))
    counts = np.bincount(LabelFlip(1.0, "random").apply(threes, held).train_y, minlength=10)
    assert counts[3] == 0
    assert stats.chisquare(np.delete(counts, 3)).pvalue > 0.01


def test_successive_shifts_have_separate_draws() -> None:
    one = apply_shifts(
        dots(50), [Rotation(20.0), Rotation(20.0)], device_samples(50, 1).parts, [0] * 50, 1
    ).train_x
    sums = 20 * (2 * device_samples(50, 1).draws("device") - 1) + 20 * (
        2 * device_samples(50, 1, position=1).draws("device") - 1
    )
    assert np.abs(blot_angles(one) - sums).max() < 1.0


def test_a_shifted_task_has_another_fingerprint_and_provenance() -> None:
    plain, turned = (
        make_task(Digits(), None, Logistic(), [0, 0, 1], 3, shifts=s) for s in ((), (Rotation(20.0),))
    )
    assert plain.fingerprint != turned.fingerprint
    assert "rotated within 20 degrees per device" in turned.provenance


def test_rotation_rejects_inputs_that_are_not_images() -> None:
    flat = replace(arrays(), train_x=np.zeros((40, 7)))
    with pytest.raises(ValueError, match=r"needs images .*got inputs \[7\]; leave it out"):
        Rotation(20.0).apply(flat, device_samples(20))
    with pytest.raises(ValueError, match="1 shifts; remove them"):
        make_task(Synthetic(), None, None, [0, 0], 1, shifts=[Brightness()])


@pytest.mark.parametrize(
    ("part", "arguments", "message"),
    [
        (Rotation, {}, "exactly one of degrees and angles must be given, got None and"),
        (Rotation, {"degrees": 20.0, "angles": (1.0,)}, "got 20.0 and"),
        (Rotation, {"degrees": 190.0}, "got 190.0; 180 is every angle"),
        (Rotation, {"degrees": 20.0, "per": "region"}, "got 'region'; choose"),
        (Brightness, {"spread": 0.0}, "got 0.0; 1 goes"), (Brightness, {"per": "all"}, "got 'all'"),
        (LabelFlip, {"fraction": 1.2}, "got 1.2; 0.2 is"), (LabelFlip, {"fraction": 0.1, "to": "prev"}, "got 'prev'"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_rejected_with_its_value(
    part: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        part(**arguments)


def test_every_registered_shift_is_tested() -> None:
    assert {type(shift) for shift in EVERY} == set(SHIFTS.values())
