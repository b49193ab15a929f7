"""Where a child attaches when it may choose: the nearest parent, the best heard, or the one with room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias

from netsim.units import GainDb, check_quantities

Needs: TypeAlias = Literal["nothing", "places", "radio"]
"""What a policy must know of children and parents: coordinates, or a cell's link budget."""


@dataclass(frozen=True)
class Option:
    """A parent as a child sees it: `load` others are attached to it; None: not known."""

    load: int = 0
    here: bool = False
    """Whether the child is attached to it."""
    home: bool = False
    """Whether the topology attaches the child to it."""
    distance_m: float | None = None
    snr_db: float | None = None
    rate_bps: float | None = None


class Attachment(Protocol):
    """A policy by which children choose among parents."""

    @property
    def needs(self) -> Needs:
        """What must be known of the options."""
        ...

    def choose(self, options: Sequence[Option]) -> int | None:
        """The place of the chosen option among at least one, all of which serve the child; None: none of them."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class Home:
    """Everyone keeps the parent that the topology gives it: a static tree."""

    needs: ClassVar[Needs] = "nothing"

    def choose(self, options: Sequence[Option]) -> int | None:
        """See `Attachment`."""
        return next((k for k, option in enumerate(options) if option.home), None)

    def describe(self) -> str:
        """See `Attachment`."""
        return "static"


@dataclass(frozen=True)
class Nearest:
    """The nearest parent, by coordinates."""

    needs: ClassVar[Needs] = "places"

    def choose(self, options: Sequence[Option]) -> int:
        """See `Attachment`."""
        return min(range(len(options)), key=lambda k: _known(options[k].distance_m, math.inf))

    def describe(self) -> str:
        """See `Attachment`."""
        return "nearest"


@dataclass(frozen=True)
class BestSnr:
    """The parent with the best mean uplink SNR, once it is better than the present one by more than the hysteresis.

    3 dB is a usual offset of the A3 event of LTE and NR handovers (3GPP TS 38.331, 5.5.4.4; time to trigger is not
    modelled: children choose at aggregations).
    """

    hysteresis: GainDb = 3.0
    needs: ClassVar[Needs] = "radio"

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.hysteresis < 0:
            raise ValueError(f"hysteresis must be >= 0 dB, got {self.hysteresis:g} dB; 3 dB is usual")

    def choose(self, options: Sequence[Option]) -> int:
        """See `Attachment`."""
        snrs = [_known(option.snr_db, -math.inf) for option in options]
        best = max(range(len(options)), key=lambda k: snrs[k])
        here = next((k for k, option in enumerate(options) if option.here), best)
        return best if snrs[best] > snrs[here] + self.hysteresis else here

    def describe(self) -> str:
        """See `Attachment`."""
        return f"best SNR by more than {self.hysteresis:g} dB"


@dataclass(frozen=True)
class LoadBalanced:
    """The parent with the largest rate / (children with this one), or the fewest children where no rate is known.

    One pass in the order of ordinals; the greedy form of load-aware association (Ye et al., arXiv:1205.2833). A child
    leaves its present parent for a share larger by more than `gain`.
    """

    gain: float = 0.1
    needs: ClassVar[Needs] = "nothing"

    def __post_init__(self) -> None:
        if not 0 <= self.gain < math.inf:
            raise ValueError(f"gain must be finite and >= 0, got {self.gain}; 0.1 asks for a tenth more")

    def choose(self, options: Sequence[Option]) -> int:
        """See `Attachment`."""
        shares = [_known(option.rate_bps, 1.0) / (option.load + 1) for option in options]
        best = max(range(len(options)), key=lambda k: shares[k])
        here = next((k for k, option in enumerate(options) if option.here), best)
        return best if shares[best] > shares[here] * (1.0 + self.gain) else here

    def describe(self) -> str:
        """See `Attachment`."""
        return "load-balanced"


def _known(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


ATTACHMENTS: dict[str, type[Attachment]] = {
    "home": Home,
    "nearest": Nearest,
    "best_snr": BestSnr,
    "load_balanced": LoadBalanced,
}
