"""A wireless cell: a link budget per device, and a multiple-access scheme that shares the bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import simpy

from netsim.network.channel import FixedRate
from netsim.network.links import Downlink, Link, ParentLinks
from netsim.network.media import Medium
from netsim.network.message_loss import Direction, LinkIdentity, Loss, NoLoss
from netsim.network.packets import PACKETS, Stack
from netsim.network.radio.cell_radio import Radio, RadioLink
from netsim.network.radio.fading import Fading
from netsim.network.radio.large_scale import check_placement_range
from netsim.network.radio.multiple_access import ACCESS, Access, band_counts, create_media, transfer_weight
from netsim.network.radio.path_loss import PathLoss
from netsim.network.radio.placement import Placement
from netsim.network.radio.presets import PRESETS
from netsim.network.radio.rate_maps import RateMap
from netsim.network.radio.shadowing import Shadowing
from netsim.topology import Node
from netsim.units import FrequencyHz, GainDb, PowerDbm, check_quantities, render

Preset = Literal["urban_micro", "urban_macro", "wifi", "factory", "tran2019", "chen2021", "yang2021"]


@dataclass(frozen=True)
class Cell:
    """A cell with separate bands up and down; a field left None takes the preset's value (`PRESETS`).

    The distance of a device is computed from the coordinates of both ends, or else taken from the edge's `distance_m`,
    or else from the placement. Its mean SNR follows from the link budget (powers, gains, path loss, shadowing, noise
    figure, interference margin), its rate from fading and rate map, and its share from the access scheme:
    `airtime` (default), `fdma` (fixed shares of the band; an uplink has its full power in its own share, the
    downlink a constant power per hertz), `tdma` (one message after the other) or `wifi` (packet-fair, both
    directions on one channel). A broadcast is one transfer over the whole band at the rate of the worst child.

    `unserved`: with `redraw`, the random draws of a device without a rate (SNR below the rate map's floor, or almost
    always in outage) are repeated, up to 100 times, so that the cell covers all devices; with `refuse` it is an
    error that names the device.

    An edge's `rate_bps` replaces the link budget of that child; its `latency_s` is added.
    """

    preset: Preset = "urban_micro"
    uplink: FrequencyHz | None = None
    downlink: FrequencyHz | None = None
    carrier: FrequencyHz | None = None
    device_power: PowerDbm | None = None
    station_power: PowerDbm | None = None
    device_gain: GainDb | None = None
    station_gain: GainDb | None = None
    device_noise_figure: GainDb | None = None
    station_noise_figure: GainDb | None = None
    interference_margin: GainDb | None = None
    pathloss: PathLoss | None = None
    shadowing: Shadowing | None = None
    placement: Placement | None = None
    fading: Fading | None = None
    rate_map: RateMap | None = None
    access: Access | None = None
    packets: Stack | None = None
    loss: Loss | None = None
    downcast: Literal["broadcast", "unicast"] = "broadcast"
    unserved: Literal["redraw", "refuse"] = "redraw"

    def __post_init__(self) -> None:
        check_quantities(self)
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices and not (value is None and name in _OPTIONAL):
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
        for name in ("device_noise_figure", "station_noise_figure", "interference_margin"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name} must be >= 0 dB, got {getattr(self, name):g} dB")
        radio = self.radio
        check_placement_range(radio.placement, radio.pathloss, radio.carrier)

    @property
    def radio(self) -> Radio:
        """The preset with the values of this cell's own fields."""
        preset = PRESETS[self.preset]
        own = {f.name: getattr(self, f.name) for f in fields(Radio)}
        return Radio(**{k: getattr(preset, k) if v is None else v for k, v in own.items()})

    def connect(
        self, env: simpy.Environment, parent: Node, children: Sequence[Node], seed: int
    ) -> ParentLinks:
        """See `LayerNetwork`."""
        radio, broadcast = self.radio, self.downcast == "broadcast"
        wireless = [child for child in children if "rate_bps" not in child.edge]
        bands = band_counts(radio.access, len(wireless), broadcast)
        redraw = self.unserved == "redraw"
        radio_links = iter(
            radio.draw_served_links(parent, wireless, bands, seed, redraw=redraw) if wireless else ()
        )
        media_up, media_down = create_media(radio.access, env, len(children), broadcast)
        up, down = [], []
        for child, medium_up, medium_down in zip(children, media_up, media_down, strict=True):
            radio_link = None if "rate_bps" in child.edge else next(radio_links)
            up.append(_link(env, radio, child, seed, "up", radio_link, medium_up))
            down.append(_link(env, radio, child, seed, "down", radio_link, medium_down))
        return ParentLinks(up, Downlink(down, broadcast))

    def draw_links(self, parent: Node, children: Sequence[Node], seed: int) -> list[RadioLink]:
        """The radio links of some children to a station, for measurements: no media are built, no draw is repeated.

        Raises ValueError for a distance outside the range of the path loss.
        """
        radio = self.radio
        bands = band_counts(radio.access, 1, self.downcast == "broadcast")
        return radio.draw_links(parent, children, bands, seed)

    def describe(self) -> str:
        """See `LayerNetwork`."""
        radio = self.radio
        up, down, carrier = (render(hz, "frequency") for hz in (radio.uplink, radio.downlink, radio.carrier))
        parts = (radio.pathloss, radio.placement, radio.fading, radio.rate_map)
        models = ", ".join(part.describe() for part in parts)
        loss = "" if isinstance(radio.loss, NoLoss) else f", {radio.loss.describe()}"
        return f"cell: {up} up, {down} down at {carrier}, {models}, {radio.access}, {self.downcast} downlink{loss}"


def _link(
    env: simpy.Environment,
    radio: Radio,
    child: Node,
    seed: int,
    direction: Direction,
    radio_link: RadioLink | None,
    medium: Medium,
) -> Link:
    channel, snr = radio_link.channel_and_snr(direction) if radio_link else (None, None)
    if channel is None:
        channel = FixedRate(child.edge["rate_bps"])
    return Link(
        env,
        channel,
        medium,
        child.edge.get("latency_s", 0.0),
        PACKETS[radio.packets],
        transfer_weight(radio.access, channel),
        radio.loss,
        LinkIdentity.of(child, seed, direction),
        snr,
    )


_CHOICES: dict[str, tuple[str, ...]] = {
    "preset": tuple(PRESETS),
    "access": ACCESS,
    "packets": tuple(PACKETS),
    "downcast": ("broadcast", "unicast"),
    "unserved": ("redraw", "refuse"),
}
_OPTIONAL = ("access", "packets")
