"""The radio of a cell, every number known, and how well each device and its station hear each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsim.network.channel import Channel
from netsim.network.message_loss import Direction, Loss, NoLoss
from netsim.network.packets import Stack
from netsim.network.radio.fading import ChannelContext, Fading
from netsim.network.radio.large_scale import Place, places
from netsim.network.radio.link_budget import snr_linear
from netsim.network.radio.multiple_access import Access
from netsim.network.radio.path_loss import PathLoss
from netsim.network.radio.placement import Placement
from netsim.network.radio.rate_maps import RateMap
from netsim.network.radio.shadowing import Shadowing
from netsim.rng import generator
from netsim.topology import Node

REDRAW = -4
"""Path element of a further attempt to place the unserved; negative, so that it is no ordinal."""
ATTEMPTS = 100


@dataclass(frozen=True, eq=False, slots=True)
class RadioLink:
    """One device as its station hears it (`up`) and as it hears its station (`down`)."""

    place: Place
    up: Channel | None
    """None: no rate."""
    down: Channel | None
    snr_up: float
    """Mean over fading, linear."""
    snr_down: float

    def way(self, direction: Direction) -> tuple[Channel | None, float]:
        """Channel and mean SNR of one direction."""
        return (self.up, self.snr_up) if direction == "up" else (self.down, self.snr_down)

    @property
    def served(self) -> bool:
        """Whether both directions have a rate."""
        return self.up is not None and self.down is not None


@dataclass(frozen=True)
class Radio:
    """The numbers of a cell (a preset with its overrides applied); fields as of `Cell`, SI units and dB."""

    uplink: float
    downlink: float
    carrier: float
    device_power: float
    station_power: float
    device_gain: float
    station_gain: float
    device_noise_figure: float
    station_noise_figure: float
    interference_margin: float
    pathloss: PathLoss
    shadowing: Shadowing
    placement: Placement
    fading: Fading
    rate_map: RateMap
    access: Access
    packets: Stack
    loss: Loss = field(default_factory=NoLoss)

    def hear(
        self, parent: Node, children: Sequence[Node], split: tuple[int, int], seed: int, *, again: bool
    ) -> list[RadioLink]:
        """All children in their order, with rates in both directions.

        Args:
            parent: the station.
            children: its devices.
            split: how many own bands the uplink and the downlink band are cut into (1: shared whole).
            seed: the scenario's.
            again: what is drawn about a child (place, sight, shadowing) is drawn again while it is unserved.

        Raises:
            ValueError: a child that has no rate, or that the path loss does not cover, by name.
        """
        found: dict[int, RadioLink] = {}
        lacking, drawn = list(range(len(children))), seed
        for attempt in range(ATTEMPTS if again else 1):
            spots = places(
                parent, children, self.placement, self.pathloss, self.shadowing, self.carrier, drawn
            )
            wanted = [children[k] for k in lacking]
            found.update(
                zip(lacking, self._rates(wanted, [spots[k] for k in lacking], split, seed), strict=True)
            )
            lacking = [k for k in lacking if not found[k].served]
            if not lacking:
                return [found[k] for k in range(len(children))]
            drawn = int(generator(seed, "channel", children[0].level, REDRAW, attempt).integers(2**62))
        raise ValueError(_unserved(parent, children[lacking[0]], found[lacking[0]], len(lacking), again))

    def reach(
        self, parent: Node, children: Sequence[Node], split: tuple[int, int], seed: int
    ) -> list[RadioLink]:
        """All children in their order, drawn once, the unserved among them. Raises ValueError as `places` does."""
        spots = places(parent, children, self.placement, self.pathloss, self.shadowing, self.carrier, seed)
        return self._rates(children, spots, split, seed)

    def _rates(
        self, children: Sequence[Node], spots: Sequence[Place], split: tuple[int, int], seed: int
    ) -> list[RadioLink]:
        ups, snr_up = self._way("up", children, spots, split[0], seed)
        downs, snr_down = self._way("down", children, spots, split[1], seed)
        pairs = zip(spots, ups, downs, snr_up.tolist(), snr_down.tolist(), strict=True)
        return [RadioLink(*pair) for pair in pairs]

    def _way(
        self, direction: Direction, children: Sequence[Node], spots: Sequence[Place], split: int, seed: int
    ) -> tuple[list[Channel | None], NDArray[np.float64]]:
        ordinals = [child.ordinal for child in children]
        if direction == "up":  # full power in whatever band: noise is collected in the own band only
            band_hz = noise_hz = self.uplink / split
            power_dbm, figure_db = self.device_power, self.station_noise_figure
        else:  # the station's power is spread over the whole band: a share of the band has its share of power
            band_hz, noise_hz = self.downlink / split, self.downlink
            power_dbm, figure_db = self.station_power, self.device_noise_figure
        gains_db, margin_db = self.device_gain + self.station_gain, self.interference_margin
        snr = np.array(
            [snr_linear(power_dbm, gains_db, s.loss_db, figure_db, noise_hz, margin_db) for s in spots]
        )
        air = ChannelContext(band_hz, self.carrier, direction, seed, children[0].level, ordinals)
        return self.fading.channels(snr, self.rate_map, air), snr


def _unserved(parent: Node, child: Node, heard: RadioLink, count: int, again: bool) -> str:
    way, snr = ("uplink", heard.snr_up) if heard.up is None else ("downlink", heard.snr_down)
    level = f"{10.0 * np.log10(snr):.1f} dB" if snr > 0 else "zero"
    tried = f" in any of {ATTEMPTS} draws" if again else ""
    more = f" (and {count - 1} more)" if count > 1 else ""
    return (
        f"{child.name!r}{more} has no {way} rate{tried}: {heard.place.distance_m:.4g} m from {parent.name!r} the mean "
        f"SNR is {level}, too low for this rate_map and fading; move it, raise the power, narrow the band, or "
        "choose rate_map shannon"
    )
