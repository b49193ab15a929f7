"""Energy models: computing on devices, radios at both ends, wired links, and idle time.

The radiated power is that of the cell, the one of its link budget; the models here add what is drawn besides it.
Processors of servers, cooling, and consumption independent of the training are not included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from netsim.devices.clock import Clock
from netsim.units import EnergyPerBitJ, PowerW, check_quantities, render


class ComputeEnergy(Protocol):
    """A model of the energy that a device's processor consumes."""

    def compute_j(self, clock: Clock, ordinal: int, steps: float, seconds: float) -> float:
        """Energy of `steps` SGD steps of a device that took `seconds`, J. Raises ValueError as `check` does."""
        ...

    def check(self, clock: Clock) -> None:
        """Raises ValueError if the compute model lacks what this model needs."""
        ...

    def describe(self) -> str:
        """One line for `netsim check`."""
        ...


@dataclass(frozen=True)
class Kappa:
    """Dynamic CMOS energy kappa x cycles x f^2; needs `compute: cycles`, whose frequency it uses.

    Source: E = (alpha/2) C D f^2 with alpha/2 = kappa = 1e-28 (Tran et al., FEDL, INFOCOM 2019, from its
    published code); 1e-27 in Chen et al. (TWC 2021, published code). Dynamic power only: no leakage,
    memory or screen. Jitter prolongs a step without additional cycles, hence without additional energy.
    """

    citations: ClassVar[Mapping[str, str]] = {"tran2019federated": "", "chen2019joint": ""}

    kappa: float = 1e-28

    def __post_init__(self) -> None:
        if not 0 <= self.kappa < 1:
            raise ValueError(f"kappa must be in [0, 1) J s^2 per cycle, got {self.kappa}; 1e-28 is usual")

    def check(self, clock: Clock) -> None:
        """See `ComputeEnergy`."""
        if clock.cycles is None or clock.hz is None:
            raise ValueError(
                "kappa needs cycles and a frequency, which only `compute: cycles` has; "
                "use it, or energy.compute: {active_power: 2 W}"
            )

    def compute_j(self, clock: Clock, ordinal: int, steps: float, seconds: float) -> float:
        """See `ComputeEnergy`."""
        self.check(clock)
        hz = clock.frequency_hz(ordinal)
        assert clock.cycles is not None
        assert hz is not None
        return cycles_j(self.kappa, steps * clock.cycles, hz)

    def describe(self) -> str:
        """See `ComputeEnergy`."""
        return f"kappa {self.kappa:g} x cycles x f^2"


@dataclass(frozen=True)
class ActivePower:
    """A constant power of the whole device while it computes (measure yours: 2 to 10 W are usual, unverified)."""

    power: PowerW

    def __post_init__(self) -> None:
        check_quantities(self)

    def check(self, clock: Clock) -> None:
        """See `ComputeEnergy`; always satisfied."""

    def compute_j(self, clock: Clock, ordinal: int, steps: float, seconds: float) -> float:
        """See `ComputeEnergy`: power x seconds."""
        return self.power * seconds

    def describe(self) -> str:
        """See `ComputeEnergy`."""
        return f"{render(self.power, 'power')} while computing"


@dataclass(frozen=True)
class Terminal:
    """A radio: its power while it sends, receives and is idle; the three states exclude each other.

    Sending draws radiated power / amplifier_efficiency + circuit_power. The defaults are those of a phone:
    efficiency 0.35 and 0.1 W of circuits (usual in the literature, unverified); receiving and idle relate
    to sending at 23 dBm as 300 : 100 : 700 in the power model of 3GPP TR 38.840 (from memory, unverified),
    hence 0.29 W and 0.1 W.
    """

    amplifier_efficiency: float = 0.35
    circuit_power: PowerW = 0.1
    receive_power: PowerW = 0.29
    idle_power: PowerW = 0.1

    def __post_init__(self) -> None:
        check_quantities(self)
        if not 0 < self.amplifier_efficiency <= 1:
            raise ValueError(
                f"amplifier_efficiency must be in (0, 1], got {self.amplifier_efficiency}; 0.35 is usual"
            )

    def transmit_j(self, radiated_w: float, airtime_s: float) -> float:
        """Energy of sending for a time, J; see the function `transmit_j`."""
        return transmit_j(radiated_w, airtime_s, self.amplifier_efficiency, self.circuit_power)


@dataclass(frozen=True)
class Station(Terminal):
    """The radio of a cell's station; a server above a wired layer has no radio, only the energy of its wired links.

    Defaults: a micro station of Auer et al. (IEEE Wireless Communications 18(5), 2011, table 2, from memory,
    unverified): P = 56 W + 2.6 x radiated, hence an efficiency of 1/2.6; 39 W in sleep mode.
    """

    amplifier_efficiency: float = 0.385
    circuit_power: PowerW = 56.0
    receive_power: PowerW = 56.0
    idle_power: PowerW = 39.0


@dataclass(frozen=True)
class Energy:
    """The section `energy` of a scenario; without it no energy is computed.

    `wired_per_bit` is the energy per bit on a layer that is not a cell, of both ends and everything between them,
    charged to the sender once per transfer. Default: 2.7 uJ/bit across the public Internet (Baliga et al., Proc. IEEE
    99(1), 2011, from memory, unverified).
    """

    compute: ComputeEnergy
    device: Terminal = field(default_factory=Terminal)
    station: Station = field(default_factory=Station)
    wired_per_bit: EnergyPerBitJ = 2.7e-6

    def __post_init__(self) -> None:
        check_quantities(self)

    def describe(self) -> str:
        """One line for `netsim check`."""
        phone, wire = self.device, render(self.wired_per_bit, "energy per bit")
        return (
            f"{self.compute.describe()}; device radio: {render(phone.circuit_power, 'power')} + radiated / "
            f"{phone.amplifier_efficiency:g} sending, {render(phone.receive_power, 'power')} receiving, "
            f"{render(phone.idle_power, 'power')} waiting; wires: {wire}"
        )


def cycles_j(kappa: float, cycles: float, hz: float) -> float:
    """Energy of processor cycles at a frequency, J: kappa x cycles x f^2."""
    return kappa * cycles * hz**2


def transmit_j(radiated_w: float, airtime_s: float, amplifier_efficiency: float, circuit_w: float) -> float:
    """Energy of sending, J: (radiated power / amplifier efficiency + circuit power) x airtime."""
    return (radiated_w / amplifier_efficiency + circuit_w) * airtime_s


def receive_j(receive_w: float, airtime_s: float) -> float:
    """Energy of receiving a message, J: receive power x airtime."""
    return receive_w * airtime_s


def idle_j(idle_w: float, length_s: float, busy_s: float) -> float:
    """Idle energy, J: idle power x the part of `length_s` outside `busy_s`, never negative."""
    return idle_w * max(0.0, length_s - busy_s)


COMPUTE_ENERGY: dict[str, type[ComputeEnergy]] = {"kappa": Kappa, "active_power": ActivePower}
