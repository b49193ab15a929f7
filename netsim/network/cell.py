"""A wireless cell: every device has its own rate by a link budget, and all share the airtime of the band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import simpy

from netsim.network.channels import Channel, FixedRate, Shannon, snr_linear
from netsim.network.links import Downlink, Link, Ports
from netsim.network.media import Medium, SharedMedium
from netsim.network.packets import PACKETS, Stack
from netsim.network.pathloss import Macro, PathLoss, UrbanMicro
from netsim.network.placement import annulus_m, known_distance_m
from netsim.topology import Node
from netsim.units import DistanceM, FrequencyHz, GainDb, PowerDbm, check_quantities, render


@dataclass(frozen=True)
class Radio:
    """The link budget of a cell, every number known (a preset with its overrides applied)."""

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
    radius: tuple[float, float]

    def up(self, distance_m: float) -> Shannon:
        """The channel from a device at a distance. Raises ValueError where no path loss is known."""
        return self._channel(distance_m, self.uplink, self.device_power, self.station_noise_figure)

    def down(self, distance_m: float) -> Shannon:
        """The channel to a device at a distance. Raises ValueError where the path loss does not cover it."""
        return self._channel(distance_m, self.downlink, self.station_power, self.device_noise_figure)

    def _channel(self, distance_m: float, band_hz: float, power_dbm: float, figure_db: float) -> Shannon:
        gains_db = self.device_gain + self.station_gain
        loss_db = self.pathloss.loss_db(distance_m, self.carrier)
        snr = snr_linear(power_dbm, gains_db, loss_db, figure_db, band_hz, self.interference_margin)
        return Shannon(band_hz, snr)


@dataclass(frozen=True)
class Cell:
    """A cell with airtime processor sharing, separate bands up and down, and rates by Shannon's formula.

    A field left None takes the preset's value (`PRESETS`). A device's distance is taken from coordinates of
    both ends, else from the edge's `distance_m`, else drawn uniformly in the area between the two radii,
    keyed by seed and device. An edge's `rate_bps` replaces that child's link budget, its `latency_s` is
    added.
    """

    preset: Literal["urban_micro", "urban_macro"] = "urban_micro"
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
    radius: tuple[DistanceM, DistanceM] | None = None
    downcast: Literal["broadcast", "unicast"] = "broadcast"
    packets: Stack = "radio"

    def __post_init__(self) -> None:
        check_quantities(self)
        for name, choices in (("preset", PRESETS), ("downcast", DOWNCASTS), ("packets", PACKETS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")
        for name in ("device_noise_figure", "station_noise_figure", "interference_margin"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name} must be >= 0 dB, got {getattr(self, name):g} dB")
        inner_m, outer_m = self.radio.radius
        if inner_m > outer_m:
            raise ValueError(f"radius must be [inner, outer], got [{inner_m:g} m, {outer_m:g} m]; swap them")
        try:
            self.radio.up(inner_m)
            self.radio.up(outer_m)
        except ValueError as error:
            raise ValueError(
                f"radius [{inner_m:g} m, {outer_m:g} m]: {error}; set radius or pathloss"
            ) from error

    @property
    def radio(self) -> Radio:
        """The preset with this cell's own numbers in place."""
        preset = PRESETS[self.preset]
        own = {f.name: getattr(self, f.name) for f in fields(Radio)}
        return Radio(**{k: getattr(preset, k) if v is None else v for k, v in own.items()})

    def connect(self, env: simpy.Environment, parent: Node, children: Sequence[Node], seed: int) -> Ports:
        """See `LayerNetwork`."""
        radio = self.radio
        drawn_m = annulus_m(radio.radius, seed, children[0].level, [child.ordinal for child in children])
        band_up, band_down = SharedMedium(env), SharedMedium(env)
        up, down = [], []
        for child, place_m in zip(children, drawn_m.tolist(), strict=True):
            here, there = _channels(radio, parent, child, place_m)
            up.append(self._link(env, here, band_up, child))
            down.append(self._link(env, there, band_down, child))
        return Ports(up, Downlink(down, self.downcast == "broadcast"))

    def _link(self, env: simpy.Environment, channel: Channel, band: Medium, child: Node) -> Link:
        return Link(env, channel, band, child.edge.get("latency_s", 0.0), PACKETS[self.packets])

    def describe(self) -> str:
        """See `LayerNetwork`."""
        radio = self.radio
        up, down, carrier = (render(hz, "frequency") for hz in (radio.uplink, radio.downlink, radio.carrier))
        near, far = (render(m, "distance") for m in radio.radius)
        loss = radio.pathloss.describe()
        return f"cell: {up} up, {down} down at {carrier}, {loss}, {near} to {far}, {self.downcast} downlink"


def _channels(radio: Radio, parent: Node, child: Node, drawn_m: float) -> tuple[Channel, Channel]:
    if "rate_bps" in child.edge:
        fixed = FixedRate(child.edge["rate_bps"])
        return fixed, fixed
    known_m = known_distance_m(parent, child)
    distance_m = drawn_m if known_m is None else known_m
    try:
        return radio.up(distance_m), radio.down(distance_m)
    except ValueError as error:
        raise ValueError(
            f"{child.name!r} is {distance_m:g} m from {parent.name!r}, but {error}; "
            "move it, or choose another path loss"
        ) from error


DOWNCASTS = ("broadcast", "unicast")

PRESETS: dict[str, Radio] = {
    # 3GPP TR 38.901 UMi street canyon without line of sight; powers, gains and noise figures of TR 36.814
    "urban_micro": Radio(
        uplink=20e6,
        downlink=20e6,
        carrier=3.5e9,
        device_power=23.0,
        station_power=30.0,
        device_gain=0.0,
        station_gain=5.0,
        device_noise_figure=9.0,
        station_noise_figure=5.0,
        interference_margin=0.0,
        pathloss=UrbanMicro(),
        radius=(10.0, 250.0),
    ),
    # 3GPP TR 36.814 case 1 macro: 46 dBm, 14 dBi, 128.1 + 37.6 log10 d_km with 20 dB penetration loss
    "urban_macro": Radio(
        uplink=20e6,
        downlink=20e6,
        carrier=2.0e9,
        device_power=23.0,
        station_power=46.0,
        device_gain=0.0,
        station_gain=14.0,
        device_noise_figure=9.0,
        station_noise_figure=5.0,
        interference_margin=0.0,
        pathloss=Macro(penetration_loss=20.0),
        radius=(35.0, 500.0),
    ),
}
