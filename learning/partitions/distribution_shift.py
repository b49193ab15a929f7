"""Shifts: devices that see the world differently, or lie about it, while the test set stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from learning.datasets.arrays import Arrays
from learning.partitions.sharing import Indices
from learning.rng.data_draws import SHIFT, keyed_generator
from learning.rng.keyed import row_key, uniforms

Owner = Literal["device", "edge"]


@dataclass(frozen=True, eq=False)
class DeviceSamples:
    """Who has what: `parts[i]` are device i's training samples, `groups[i]` its edge server.

    `seed` and `place` (of the shift in its list) key the draws.
    """

    parts: Sequence[Indices]
    groups: Sequence[int]
    seed: int
    place: int

    def draws(self, per: Owner) -> NDArray[np.float64]:
        """A uniform of (0, 1) for every device: its own, or its edge server's; others' numbers do not move it."""
        owners = self.groups if per == "edge" else range(len(self.parts))
        keys = [row_key(self.seed, "data", SHIFT, self.place, int(owner)) for owner in owners]
        return uniforms(np.array(keys, dtype=np.uint64), 1)[:, 0]

    def generator(self, device: int) -> np.random.Generator:
        """For draws per sample of one device."""
        return keyed_generator(self.seed, SHIFT, self.place, device, 0)


class Shift(Protocol):
    """A part: changes what the devices' training samples look like, or what they are labelled as."""

    def apply(self, arrays: Arrays, holdings: DeviceSamples) -> Arrays:
        """New arrays with the same test split, a function of the arguments alone; ValueError for wrong inputs."""
        ...


@dataclass(frozen=True)
class Rotation:
    """Images turned by an angle of each device's (or edge server's) own, bilinear, with 0 where nothing was.

    `degrees: 45` draws it uniformly from -45 to 45. `angles: [0, 90, 180, 270]` deals one of these with equal
    chances, as the clusters of IFCA (arXiv:2006.04088) are made.
    """

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

    def apply(self, arrays: Arrays, holdings: DeviceSamples) -> Arrays:
        """Raises ValueError where samples are no images."""
        if arrays.train_x.ndim != 4:
            inputs = list(arrays.train_x.shape[1:])
            raise ValueError(
                f"a rotation needs images [channels, height, width], got inputs {inputs}; leave it out"
            )
        drawn = holdings.draws(self.per)
        angles = self._angles(drawn)
        return _each(arrays, holdings, f"rotated {self._said()}", lambda x, i: _turned(x, float(angles[i])))

    def _angles(self, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.degrees is not None:
            return self.degrees * (2 * drawn - 1)
        return np.array(self.angles)[(drawn * len(self.angles)).astype(np.int64)]

    def _said(self) -> str:
        how = f"within {self.degrees:g}" if self.degrees is not None else f"by one of {list(self.angles)}"
        return f"{how} degrees per {self.per}"


@dataclass(frozen=True)
class Brightness:
    """Values times a factor of each device's (or edge server's) own, uniform in 1 - spread ... 1 + spread.

    Bytes stop at 255; floating values do not.
    """

    spread: float = 0.5
    per: Owner = "device"

    def __post_init__(self) -> None:
        _check_per(self.per)
        if not 0 < self.spread <= 1:
            raise ValueError(
                f"spread must be in (0, 1], got {self.spread}; 1 goes from black to twice as bright"
            )

    def apply(self, arrays: Arrays, holdings: DeviceSamples) -> Arrays:
        """Every kind of input will do."""
        factors = 1 + self.spread * (2 * holdings.draws(self.per) - 1)
        said = f"brightness within {self.spread:g} per {self.per}"
        return _each(arrays, holdings, said, lambda x, i: x.astype(np.float64) * factors[i])


@dataclass(frozen=True)
class LabelFlip:
    """Adversaries: a `fraction` of the devices, rounded to whole ones, trains on wrong labels.

    `to: reverse` makes class y of C the class C - 1 - y (Fang et al., arXiv:1911.11815), `next` makes it y + 1 modulo
    C, `random` another one for each sample. A higher fraction adds adversaries to those of a lower one.
    """

    fraction: float
    to: Literal["reverse", "next", "random"] = "reverse"

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise ValueError(
                f"fraction must be in (0, 1], got {self.fraction}; 0.2 is a fifth of the devices"
            )
        if self.to not in ("reverse", "next", "random"):
            raise ValueError(f"to must be reverse, next or random, got {self.to!r}; choose one of these")

    def apply(self, arrays: Arrays, holdings: DeviceSamples) -> Arrays:
        """Labels of the adversaries' own samples are replaced."""
        labels = arrays.train_y.copy()
        liars = self.adversaries(holdings)
        for device in liars:
            own = holdings.parts[device]
            labels[own] = self._flipped(labels[own], arrays.classes, holdings.generator(device))
        said = f"labels flipped ({self.to}) on {len(liars)} of {len(holdings.parts)} devices"
        return replace(arrays, train_y=labels, provenance=f"{arrays.provenance}; {said}")

    def adversaries(self, holdings: DeviceSamples) -> list[int]:
        """The devices that lie, in rising order: those with the smallest draws."""
        count = round(self.fraction * len(holdings.parts))
        return sorted(np.argsort(holdings.draws("device"), kind="stable")[:count].tolist())

    def _flipped(
        self, y: NDArray[np.int64], classes: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        if self.to == "reverse":
            return classes - 1 - y
        far = generator.integers(1, classes, len(y)) if self.to == "random" else np.int64(1)
        return (y + far) % classes


def shifted(
    arrays: Arrays, shifts: Sequence[Shift], parts: Sequence[Indices], groups: Sequence[int], seed: int
) -> Arrays:
    """The arrays after all shifts, in order; the test split and the normalisation stay."""
    for place, shift in enumerate(shifts):
        arrays = shift.apply(arrays, DeviceSamples(parts, groups, seed, place))
    return arrays


def _each(arrays: Arrays, holdings: DeviceSamples, said: str, change: Any) -> Arrays:
    """Training samples device by device through change(samples [n, *inputs], device), kept in their own type."""
    x = arrays.train_x.copy()
    for device, own in enumerate(holdings.parts):
        changed = change(arrays.train_x[own], device)
        x[own] = np.clip(np.rint(changed), 0, 255) if x.dtype == np.uint8 else changed
    return replace(arrays, train_x=x, provenance=f"{arrays.provenance}; {said}")


def _turned(images: NDArray[Any], angle: float) -> NDArray[Any]:
    """Images [n, C, H, W] turned counter-clockwise (row 0 on top) about their middle."""
    from scipy.ndimage import rotate

    height, width = images.shape[2:]
    if angle % 90 == 0 and height == width:
        return np.rot90(images, int(angle // 90), axes=(2, 3))
    turned: NDArray[Any] = rotate(
        images.astype(np.float32), angle, axes=(3, 2), reshape=False, order=1, mode="constant"
    )
    return turned


def _check_per(per: str) -> None:
    if per not in ("device", "edge"):
        raise ValueError(f"per must be device or edge, got {per!r}; choose one of these")


SHIFTS: dict[str, type[Shift]] = {"rotation": Rotation, "brightness": Brightness, "label_flip": LabelFlip}
