"""Distribution shifts: devices whose inputs are transformed, or whose labels are wrong; the test set is unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from learning.datasets.arrays import Arrays
from learning.partitions.sample_splits import Indices
from learning.rng.keyed import row_key, uniforms
from learning.rng.normal_draws import SHIFT, keyed_generator

Owner = Literal["device", "edge"]


@dataclass(frozen=True, eq=False)
class DeviceSamples:
    """The samples of all devices: `parts[i]` are device i's training samples, `groups[i]` its edge server.

    `seed` and `position` (of the shift in its list) key the draws.
    """

    parts: Sequence[Indices]
    groups: Sequence[int]
    seed: int
    position: int

    def draws(self, per: Owner) -> NDArray[np.float64]:
        """Return a uniform number of (0, 1) per device, or one per edge server; independent of other devices."""
        owners = self.groups if per == "edge" else range(len(self.parts))
        keys = [row_key(self.seed, "data", SHIFT, self.position, int(owner)) for owner in owners]
        return uniforms(np.array(keys, dtype=np.uint64), 1)[:, 0]

    def generator(self, device: int) -> np.random.Generator:
        """Return the generator of draws per sample of one device."""
        return keyed_generator(self.seed, SHIFT, self.position, device, 0)


class Shift(Protocol):
    """A part: changes the inputs or the labels of the devices' training samples."""

    def apply(self, arrays: Arrays, devices: DeviceSamples) -> Arrays:
        """Return new arrays with the same test split, a function of the arguments alone.

        Raises ValueError for unsuitable inputs.
        """
        ...


@dataclass(frozen=True)
class Rotation:
    """Images rotated by one angle per device (or edge server), bilinear, with 0 outside the image.

    `degrees: 45` draws the angle uniformly from -45 to 45. `angles: [0, 90, 180, 270]` draws one of these with equal
    probability, as for the clusters of IFCA (arXiv:2006.04088).
    """

    citations: ClassVar[Mapping[str, str]] = {"ghosh2020ifca": ""}

    degrees: float | None = None
    angles: tuple[float, ...] = ()
    per: Owner = "device"

    def __post_init__(self) -> None:
        _check_per(self.per)
        if (self.degrees is None) == (not self.angles):
            raise ValueError(
                f"exactly one of degrees and angles must be given, got {self.degrees} and {list(self.angles)}; drop one"
            )
        if self.degrees is not None and not 0 < self.degrees <= 180:
            raise ValueError(f"degrees must be in (0, 180], got {self.degrees}; 180 is every angle")

    def apply(self, arrays: Arrays, devices: DeviceSamples) -> Arrays:
        """Return rotated images. Raises ValueError where samples are not images."""
        if arrays.train_x.ndim != 4:
            inputs = list(arrays.train_x.shape[1:])
            raise ValueError(
                f"a rotation needs images [channels, height, width], got inputs {inputs}; leave it out"
            )
        angles = self._angles(devices.draws(self.per))
        return _transform_each(
            arrays, devices, f"rotated {self._description()}", lambda x, i: _rotate(x, float(angles[i]))
        )

    def _angles(self, draws: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.degrees is not None:
            return self.degrees * (2 * draws - 1)
        return np.array(self.angles)[(draws * len(self.angles)).astype(np.int64)]

    def _description(self) -> str:
        spread = f"within {self.degrees:g}" if self.degrees is not None else f"by one of {list(self.angles)}"
        return f"{spread} degrees per {self.per}"


@dataclass(frozen=True)
class Brightness:
    """Values times one factor per device (or edge server), uniform in 1 - spread ... 1 + spread.

    Bytes are limited to 255; floating values are not limited.
    """

    spread: float = 0.5
    per: Owner = "device"

    def __post_init__(self) -> None:
        _check_per(self.per)
        if not 0 < self.spread <= 1:
            raise ValueError(
                f"spread must be in (0, 1], got {self.spread}; 1 goes from black to twice as bright"
            )

    def apply(self, arrays: Arrays, devices: DeviceSamples) -> Arrays:
        """Return scaled inputs of any kind."""
        factors = 1 + self.spread * (2 * devices.draws(self.per) - 1)
        description = f"brightness within {self.spread:g} per {self.per}"
        return _transform_each(arrays, devices, description, lambda x, i: x.astype(np.float64) * factors[i])


@dataclass(frozen=True)
class LabelFlip:
    """Adversaries: a `fraction` of the devices, rounded to an integer, trains on wrong labels.

    `to: reverse` turns class y of C into class C - 1 - y (Fang et al., arXiv:1911.11815), `next` into y + 1 modulo C,
    `random` into another class for each sample. The adversaries of a lower fraction are among those of a higher one.
    """

    citations: ClassVar[Mapping[str, str]] = {"fang2019poisoning": ""}

    fraction: float
    to: Literal["reverse", "next", "random"] = "reverse"

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise ValueError(
                f"fraction must be in (0, 1], got {self.fraction}; 0.2 is a fifth of the devices"
            )
        if self.to not in ("reverse", "next", "random"):
            raise ValueError(f"to must be reverse, next or random, got {self.to!r}; choose one of these")

    def apply(self, arrays: Arrays, devices: DeviceSamples) -> Arrays:
        """Return arrays in which the labels of the adversaries' samples are replaced."""
        labels = arrays.train_y.copy()
        adversaries = self.adversaries(devices)
        for device in adversaries:
            own = devices.parts[device]
            labels[own] = self._flipped(labels[own], arrays.classes, devices.generator(device))
        description = f"labels flipped ({self.to}) on {len(adversaries)} of {len(devices.parts)} devices"
        return replace(arrays, train_y=labels, provenance=f"{arrays.provenance}; {description}")

    def adversaries(self, devices: DeviceSamples) -> list[int]:
        """Return the adversarial devices in rising order: those with the smallest draws."""
        count = round(self.fraction * len(devices.parts))
        return sorted(np.argsort(devices.draws("device"), kind="stable")[:count].tolist())

    def _flipped(
        self, y: NDArray[np.int64], classes: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        if self.to == "reverse":
            return classes - 1 - y
        offset = generator.integers(1, classes, len(y)) if self.to == "random" else np.int64(1)
        return (y + offset) % classes


def apply_shifts(
    arrays: Arrays, shifts: Sequence[Shift], parts: Sequence[Indices], groups: Sequence[int], seed: int
) -> Arrays:
    """Return the arrays after all shifts, in order; the test split and the normalisation are unchanged."""
    for position, shift in enumerate(shifts):
        arrays = shift.apply(arrays, DeviceSamples(parts, groups, seed, position))
    return arrays


def _transform_each(arrays: Arrays, devices: DeviceSamples, description: str, change: Any) -> Arrays:
    """Transform training samples device by device with change(samples [n, *inputs], device); their type is kept."""
    x = arrays.train_x.copy()
    for device, own in enumerate(devices.parts):
        changed = change(arrays.train_x[own], device)
        x[own] = np.clip(np.rint(changed), 0, 255) if x.dtype == np.uint8 else changed
    return replace(arrays, train_x=x, provenance=f"{arrays.provenance}; {description}")


def _rotate(images: NDArray[Any], angle: float) -> NDArray[Any]:
    """Return images [n, C, H, W] rotated counter-clockwise (row 0 on top) about their centre."""
    from scipy.ndimage import rotate

    height, width = images.shape[2:]
    if angle % 90 == 0 and height == width:
        return np.rot90(images, int(angle // 90), axes=(2, 3))
    rotated: NDArray[Any] = rotate(
        images.astype(np.float32), angle, axes=(3, 2), reshape=False, order=1, mode="constant"
    )
    return rotated


def _check_per(per: str) -> None:
    if per not in ("device", "edge"):
        raise ValueError(f"per must be device or edge, got {per!r}; choose one of these")


SHIFTS: dict[str, type[Shift]] = {"rotation": Rotation, "brightness": Brightness, "label_flip": LabelFlip}
