"""Cell presets and their sources; values without a source that was read are marked as unverified."""

from __future__ import annotations

import math

from netsim.network.message_loss import Waterfall
from netsim.network.radio.cell_radio import Radio
from netsim.network.radio.fading import Ergodic
from netsim.network.radio.path_loss import LogDistance, Macro, UrbanMacro, UrbanMicro
from netsim.network.radio.placement import Annulus
from netsim.network.radio.rate_maps import Shannon, TruncatedShannon
from netsim.network.radio.shadowing import LognormalShadowing, NoShadowing, StandardShadowing

PRESETS: dict[str, Radio] = {
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
        shadowing=StandardShadowing(),
        placement=Annulus((10.0, 250.0)),
        fading=Ergodic(),
        rate_map=TruncatedShannon(),
        access="airtime",
        packets="radio",
    ),
    "urban_macro": Radio(
        uplink=20e6,
        downlink=20e6,
        carrier=3.5e9,
        device_power=23.0,
        station_power=46.0,
        device_gain=0.0,
        station_gain=14.0,
        device_noise_figure=9.0,
        station_noise_figure=5.0,
        interference_margin=0.0,
        pathloss=UrbanMacro(),
        shadowing=StandardShadowing(),
        placement=Annulus((35.0, 500.0)),
        fading=Ergodic(),
        rate_map=TruncatedShannon(),
        access="airtime",
        packets="radio",
    ),
    "wifi": Radio(
        uplink=20e6,
        downlink=20e6,
        carrier=5.18e9,
        device_power=16.0206,
        station_power=20.0,
        device_gain=0.0,
        station_gain=0.0,
        device_noise_figure=7.0,
        station_noise_figure=7.0,
        interference_margin=0.0,
        pathloss=LogDistance(3.0, 46.68, 1.0),
        shadowing=NoShadowing(),
        placement=Annulus((1.0, 30.0)),
        fading=Ergodic(),
        rate_map=TruncatedShannon(0.6, 0.6, 2.6, 2.6, 2.0),  # cap: 60 % of 86.7 Mbit/s in 20 MHz
        access="wifi",
        packets="radio",
    ),
    "factory": Radio(
        uplink=50e6,
        downlink=50e6,
        carrier=3.7e9,
        device_power=23.0,
        station_power=24.0,
        device_gain=0.0,
        station_gain=5.0,
        device_noise_figure=9.0,
        station_noise_figure=5.0,
        interference_margin=3.0,
        pathloss=LogDistance(2.19, 33.63 + 20.0 * math.log10(3.7), 1.0),
        shadowing=LognormalShadowing(4.0),
        placement=Annulus((3.0, 80.0)),
        fading=Ergodic(),
        rate_map=TruncatedShannon(),
        access="airtime",
        packets="radio",
    ),
    "tran2019": Radio(
        uplink=1e6,
        downlink=20e6,
        carrier=2.0e9,
        device_power=30.0,
        station_power=46.0,
        device_gain=0.0,
        station_gain=0.0,
        device_noise_figure=44.0,  # N0 = 1e-10 W in all, -70 dBm in 1 MHz: 44 dB above thermal
        station_noise_figure=44.0,
        interference_margin=0.0,
        pathloss=LogDistance(4.0, 40.0, 1.0),
        shadowing=NoShadowing(),
        placement=Annulus((2.0, 50.0), "distance"),
        fading=Ergodic(),
        rate_map=Shannon(),
        access="tdma",
        packets="none",
    ),
    "chen2021": Radio(
        uplink=12e6,  # 12 resource blocks of 1 MHz
        downlink=20e6,
        carrier=2.0e9,
        device_power=10.0,
        station_power=30.0,
        device_gain=0.0,
        station_gain=0.0,
        device_noise_figure=0.0,
        station_noise_figure=0.0,
        interference_margin=71.0,  # about 5e-8 W over -114 dBm in a resource block
        pathloss=LogDistance(2.0, 0.0, 1.0),  # gain d^-2
        shadowing=NoShadowing(),
        placement=Annulus((1.0, 500.0), "distance"),
        fading=Ergodic(),
        rate_map=Shannon(),
        access="fdma",
        packets="none",
        loss=Waterfall(1.08),
    ),
    "yang2021": Radio(
        uplink=20e6,
        downlink=20e6,
        carrier=2.0e9,
        device_power=10.0,
        station_power=30.0,
        device_gain=0.0,
        station_gain=0.0,
        device_noise_figure=0.0,
        station_noise_figure=0.0,
        interference_margin=0.0,
        pathloss=Macro(),
        shadowing=LognormalShadowing(8.0),
        placement=Annulus((35.0, 250.0)),
        fading=Ergodic(),
        rate_map=Shannon(),
        access="fdma",
        packets="none",
    ),
}

SOURCES: dict[str, str] = {
    "urban_micro": "3GPP TR 38.901 UMi street canyon with its LOS and shadowing; powers, gains and noise figures "
    "of TR 36.814; rates of TR 36.942 A.2; ergodic Rayleigh, since uploads outlast 100 and more fades",
    "urban_macro": "3GPP TR 38.901 UMa with its LOS and shadowing; 46 dBm, 14 dBi and noise figures of TR 36.814; "
    "rates of TR 36.942 A.2; ergodic Rayleigh",
    "wifi": "ns-3's defaults (log-distance 46.68 dB at 1 m, exponent 3; 16.02 dBm; noise figure 7 dB) with packet-fair "
    "sharing in 20 MHz; access point's power, attenuation, cap and floor unverified",
    "factory": "3GPP TR 38.901 InF-DH NLOS at 3.7 GHz (33.63 + 21.9 log10 d + 20 log10 f, sigma 4 dB; "
    "read in an independent code base), a private 100 MHz carrier shared evenly by both directions; powers and "
    "margin unverified",
    "tran2019": "Tran et al., INFOCOM 2019, authors' Setting.jl: TDMA, 1 MHz, gain 1e-4 d^-4, d ~ U[2, 50] m, at "
    "most 1 W, 1e-10 W of noise (44 dB above thermal); downlink of their multi-service setting (20 MHz, 40 W); they "
    "draw one Rayleigh gain per device and run, here it is averaged (ergodic)",
    "chen2021": "Chen et al., IEEE TWC 2021, authors' FLMIN.m: 12 blocks of 1 MHz, gain d^-2, d ~ U[0, 500] m "
    "(here from 1 m), 10 mW, waterfall m = 1.08, rates averaged over Rayleigh; station's 1 W unverified, and one "
    "interference margin stands for their list of 12",
    "yang2021": "Yang et al., IEEE TWC 2021, arXiv:1911.02417: 128.1 + 37.6 log10 d_km, 8 dB, 20 MHz FDMA, "
    "-174 dBm/Hz; unverified (no source text was read): powers, ring for their 500 m square, Rayleigh averaged",
}
"""The source of each preset's values."""

PRESET_CITATIONS: dict[str, tuple[str, ...]] = {
    "urban_micro": ("3gpp38901", "3gpp36814", "3gpp36942"),
    "urban_macro": ("3gpp38901", "3gpp36814", "3gpp36942"),
    "wifi": (),
    "factory": ("3gpp38901",),
    "tran2019": ("tran2019federated",),
    "chen2021": ("chen2019joint",),
    "yang2021": ("yang2019energy",),
}
"""Citation keys of each preset."""
