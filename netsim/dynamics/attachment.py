"""Attachment policies: which parent a child attaches to (nearest, best SNR, least load)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias

from netsim.units import GainDb, check_quantities

Needs: TypeAlias = Literal["nothing", "coordinates", "radio"]
"""Data about children and parents that a policy needs: none, coordinates, or a cell's link budget."""


@dataclass(frozen=True)
class ParentOption:
    """A possible parent of a child; `load` is the number of other children attached to it; None: unknown."""

    load: int = 0
    is_current: bool = False
    """Whether the child is attached to it now."""
    is_home: bool = False
    """Whether the topology attaches the child to it."""
    distance_m: float | None = None
    snr_db: float | None = None
    rate_bps: float | None = None


class Attachment(Protocol):
    """A policy by which children choose a parent."""

    @property
    def needs(self) -> Needs:
        """The data that must be known of the options."""
        ...

    def choose(self, options: Sequence[ParentOption]) -> int | None:
        """The index of the chosen option among at least one, all of which serve the child; None for none of them."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class Home:
    """Every child keeps the parent that the topology gives it: a static tree."""

    needs: ClassVar[Needs] = "nothing"

    def choose(self, options: Sequence[ParentOption]) -> int | None:
        """See `Attachment`."""
        return next((k for k, option in enumerate(options) if option.is_home), None)

    def describe(self) -> str:
        """See `Attachment`."""
        return "static"


@dataclass(frozen=True)
class Nearest:
    """The nearest parent, by coordinates."""

    needs: ClassVar[Needs] = "coordinates"

    def choose(self, options: Sequence[ParentOption]) -> int:
        """See `Attachment`."""
        return min(range(len(options)), key=lambda k: _or_default(options[k].distance_m, math.inf))

    def describe(self) -> str:
        """See `Attachment`."""
        return "nearest"


@dataclass(frozen=True)
class BestSnr:
    """The parent with the best mean uplink SNR, if it exceeds that of the present parent by more than the hysteresis.

    3 dB is a usual offset of the A3 event of LTE and NR handovers (3GPP TS 38.331, 5.5.4.4; the time to trigger is not
    modelled: children choose at aggregations).
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp38331": ""}

    hysteresis: GainDb = 3.0
    needs: ClassVar[Needs] = "radio"

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.hysteresis < 0:
            raise ValueError(f"hysteresis must be >= 0 dB, got {self.hysteresis:g} dB; 3 dB is usual")

    def choose(self, options: Sequence[ParentOption]) -> int:
        """See `Attachment`."""
        snrs = [_or_default(option.snr_db, -math.inf) for option in options]
        best = max(range(len(options)), key=lambda k: snrs[k])
        current = next((k for k, option in enumerate(options) if option.is_current), best)
        return best if snrs[best] > snrs[current] + self.hysteresis else current

    def describe(self) -> str:
        """See `Attachment`."""
        return f"best SNR by more than {self.hysteresis:g} dB"


@dataclass(frozen=True)
class LoadBalanced:
    """The parent with the largest rate / (children including this one), or the fewest children if no rate is known.

    One pass in the order of ordinals; the greedy form of load-aware association (Ye et al., arXiv:1205.2833). A child
    leaves its present parent for a share larger by more than `gain`.
    """

    citations: ClassVar[Mapping[str, str]] = {"ye2013association": ""}

    gain: float = 0.1
    needs: ClassVar[Needs] = "nothing"

    def __post_init__(self) -> None:
        if not 0 <= self.gain < math.inf:
            raise ValueError(f"gain must be finite and >= 0, got {self.gain}; 0.1 requires a tenth more")

    def choose(self, options: Sequence[ParentOption]) -> int:
        """See `Attachment`."""
        shares = [_or_default(option.rate_bps, 1.0) / (option.load + 1) for option in options]
        best = max(range(len(options)), key=lambda k: shares[k])
        current = next((k for k, option in enumerate(options) if option.is_current), best)
        return best if shares[best] > shares[current] * (1.0 + self.gain) else current

    def describe(self) -> str:
        """See `Attachment`."""
        return "load-balanced"


def _or_default(value: float | None, default: float) -> float:
    return default if value is None else value


ATTACHMENTS: dict[str, type[Attachment]] = {
    "home": Home,
    "nearest": Nearest,
    "best_snr": BestSnr,
    "load_balanced": LoadBalanced,
}
