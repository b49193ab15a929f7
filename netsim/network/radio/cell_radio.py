"""The radio parameters of a cell, and the radio links between its station and devices that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsim.network.channel import Channel
from netsim.network.message_loss import Direction, Loss, NoLoss
from netsim.network.packets import Stack
from netsim.network.radio.fading import ChannelContext, Fading
from netsim.network.radio.large_scale import LargeScale, draw_large_scale
from netsim.network.radio.link_budget import snr_linear
from netsim.network.radio.multiple_access import Access
from netsim.network.radio.path_loss import PathLoss
from netsim.network.radio.placement import Placement
from netsim.network.radio.rate_maps import RateMap
from netsim.network.radio.shadowing import Shadowing
from netsim.rng import generator
from netsim.topology import Node

REDRAW_PATH = -4
"""Path element of the repeated draws for devices without a rate; negative, so that it is no ordinal."""
MAX_DRAWS = 100
"""Maximum number of draws for a device until it has a rate."""


@dataclass(frozen=True, eq=False, slots=True)
class RadioLink:
    """The radio link of one device: its large-scale parameters, and channel and mean SNR per direction."""

    large_scale: LargeScale
    up: Channel | None
    """Uplink channel; None if the uplink has no rate."""
    down: Channel | None
    """Downlink channel; None if the downlink has no rate."""
    snr_up: float
    """Mean over the fading, linear."""
    snr_down: float
    """Mean over the fading, linear."""

    def channel_and_snr(self, direction: Direction) -> tuple[Channel | None, float]:
        """Channel and mean SNR of one direction."""
        return (self.up, self.snr_up) if direction == "up" else (self.down, self.snr_down)

    @property
    def served(self) -> bool:
        """Whether both directions have a rate."""
        return self.up is not None and self.down is not None


@dataclass(frozen=True)
class Radio:
    """The parameters of a cell, a preset with its overrides applied; fields as in `Cell`, in SI units and dB."""

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

    def draw_served_links(
        self,
        parent: Node,
        children: Sequence[Node],
        bands: tuple[int, int],
        seed: int,
        *,
        redraw: bool,
    ) -> list[RadioLink]:
        """The radio links of all children, in their order, with a rate in both directions.

        Args:
            parent: the station.
            children: its devices.
            bands: number of separate bands of the uplink and of the downlink (1: one shared band).
            seed: the scenario's seed.
            redraw: repeat the draws of a child (position, line of sight, shadowing) while it has no rate.

        Raises:
            ValueError: a child has no rate or a distance outside the range of the path loss; the message names it.
        """
        links: dict[int, RadioLink] = {}
        unserved, draw_seed = list(range(len(children))), seed
        for attempt in range(MAX_DRAWS if redraw else 1):
            drawn = self._draw_large_scale(parent, children, draw_seed)
            some = [children[k] for k in unserved]
            new_links = self._links(some, [drawn[k] for k in unserved], bands, seed)
            links.update(zip(unserved, new_links, strict=True))
            unserved = [k for k in unserved if not links[k].served]
            if not unserved:
                return [links[k] for k in range(len(children))]
            draw_seed = int(
                generator(seed, "channel", children[0].level, REDRAW_PATH, attempt).integers(2**62)
            )
        raise ValueError(
            _unserved_message(parent, children[unserved[0]], links[unserved[0]], len(unserved), redraw)
        )

    def draw_links(
        self, parent: Node, children: Sequence[Node], bands: tuple[int, int], seed: int
    ) -> list[RadioLink]:
        """The radio links of all children, drawn once, with or without a rate.

        Raises ValueError as `draw_large_scale` does.
        """
        return self._links(children, self._draw_large_scale(parent, children, seed), bands, seed)

    def _draw_large_scale(self, parent: Node, children: Sequence[Node], seed: int) -> list[LargeScale]:
        return draw_large_scale(
            parent, children, self.placement, self.pathloss, self.shadowing, self.carrier, seed
        )

    def _links(
        self, children: Sequence[Node], large_scale: Sequence[LargeScale], bands: tuple[int, int], seed: int
    ) -> list[RadioLink]:
        ups, snr_up = self._channels("up", children, large_scale, bands[0], seed)
        downs, snr_down = self._channels("down", children, large_scale, bands[1], seed)
        rows = zip(large_scale, ups, downs, snr_up.tolist(), snr_down.tolist(), strict=True)
        return [RadioLink(*row) for row in rows]

    def _channels(
        self,
        direction: Direction,
        children: Sequence[Node],
        large_scale: Sequence[LargeScale],
        bands: int,
        seed: int,
    ) -> tuple[list[Channel | None], NDArray[np.float64]]:
        """The channels of one direction and their mean SNRs, linear, [K]."""
        ordinals = [child.ordinal for child in children]
        if direction == "up":  # full device power, whatever the band; noise of the device's own band only
            band_hz = noise_hz = self.uplink / bands
            power_dbm, figure_db = self.device_power, self.station_noise_figure
        else:  # the station's power is spread over the whole band: a share of the band has its share of the power
            band_hz, noise_hz = self.downlink / bands, self.downlink
            power_dbm, figure_db = self.station_power, self.device_noise_figure
        gains_db, margin_db = self.device_gain + self.station_gain, self.interference_margin
        snr = np.array(
            [
                snr_linear(power_dbm, gains_db, one.loss_db, figure_db, noise_hz, margin_db)
                for one in large_scale
            ]
        )
        context = ChannelContext(band_hz, self.carrier, direction, seed, children[0].level, ordinals)
        return self.fading.channels(snr, self.rate_map, context), snr


def _unserved_message(parent: Node, child: Node, link: RadioLink, count: int, redraw: bool) -> str:
    name, snr = ("uplink", link.snr_up) if link.up is None else ("downlink", link.snr_down)
    level = f"{10.0 * np.log10(snr):.1f} dB" if snr > 0 else "zero"
    tried = f" in any of {MAX_DRAWS} draws" if redraw else ""
    more = f" (and {count - 1} more)" if count > 1 else ""
    return (
        f"{child.name!r}{more} has no {name} rate{tried}: {link.large_scale.distance_m:.4g} m from {parent.name!r} "
        f"the mean SNR is {level}, too low for this rate_map and fading; move it, raise the power, narrow the band, "
        "or choose rate_map shannon"
    )
