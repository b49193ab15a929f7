"""Cost model of a scenario: time in closed form or by a fitted law, energy by a fitted law, bits by counting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netsim.bounds.costs import Amounts, CostLaw, Indices, Sizes, bits_per_round, exchange_counts, monotone
from netsim.bounds.from_scenario import PlanContext
from netsim.bounds.problem import Floats
from netsim.build import build_links
from netsim.planner.closed_form_timing import ClosedForm, closed_form
from netsim.planner.timed_rounds import TimedRounds, affordable, design, fit, time_scenario
from netsim.topology import Topology

ROUNDS = 3
"""Rounds of each timed run; the first round includes the message of the initial model."""


@dataclass(frozen=True)
class ClockSampling:
    """How random times are summarised: over `seeds` runs, by their mean or a quantile in (0, 1).

    The first seed is that of the scenario. Seeds also place devices and draw their speeds: one seed plans for this
    network, several seeds for networks of the same distribution.
    """

    seeds: int = 1
    quantile: float | None = None

    def over(self, values: Floats) -> float:
        """Summarise the values of the runs [seeds]."""
        return float(values.mean() if self.quantile is None else np.quantile(values, self.quantile))


@dataclass(frozen=True, eq=False)
class CostModel:
    """See `netsim.bounds.costs.Costs`: time, then energy and bits if they are needed."""

    names: tuple[str, ...]
    sizes: Sizes
    clock: ClosedForm | CostLaw
    energy: CostLaw | None
    idle_w: float
    """Power that is consumed independently of the algorithm, in watts (part of the energy law)."""
    senders: tuple[int, ...]
    speakers: tuple[int, ...]

    @property
    def random(self) -> bool:
        """Whether the lengths of rounds are random."""
        return isinstance(self.clock, CostLaw)

    @property
    def exact(self) -> bool:
        """Whether round lengths equal those of the simulator up to rounding."""
        return isinstance(self.clock, ClosedForm) and self.clock.exact

    def rounds(self, tau: Floats, choice: Indices, share: Floats) -> Amounts:
        """See `Costs`."""
        up = self._expected(choice, share)
        if isinstance(self.clock, ClosedForm):
            first, later = self.clock.seconds(tau, choice, share)
        else:
            later = self.clock.amount(tau, up)
            first = later + self.clock.first
        opening, usual = (self._all(tau, up, seconds, self.sizes.down) for seconds in (first, later))
        if "energy" in self.names and self.energy is not None:
            opening[self.names.index("energy")] += self.energy.first
        if "bits" in self.names:
            opening[self.names.index("bits")] += sum(self.speakers) * (self.sizes.first - self.sizes.down[-1])
        return Amounts(opening, usual)

    def least(self, tau: Floats, choice: Indices, share: Floats) -> Floats:
        """See `Costs`."""
        up = self._expected(choice, share)
        by_form = isinstance(self.clock, ClosedForm)
        seconds = self.clock.at_least(tau, choice, share) if by_form else self.clock.amount(tau, up)  # type: ignore[union-attr]
        return self._all(tau, up, seconds, monotone(self.sizes.down))

    def _all(self, tau: Floats, up: Floats, seconds: Floats, down: Sequence[float]) -> Floats:
        found = [seconds]
        if "energy" in self.names:
            assert self.energy is not None
            found.append(self.energy.amount(tau, up) + self.idle_w * seconds)
        if "bits" in self.names:
            found.append(bits_per_round(tau, up, down, self.senders, self.speakers))
        return np.stack(found)

    def _expected(self, choice: Indices, share: Floats) -> Floats:
        up = self.sizes.chosen(choice)
        up[0] = up[0] * share
        return up


def cost_model(
    setting: PlanContext, sizes: Sizes, clocking: ClockSampling, energy: bool, bits: bool
) -> CostModel:
    """Return the cost model. Runs the timing engine if links are random or energy is needed."""
    topology = setting.topology
    clock: ClosedForm | CostLaw | None = closed_form(setting.scenario, topology, setting.clock, sizes)
    law, idle_w = None, 0.0
    if clock is None or energy:
        runs = _timed_design(setting, sizes, clocking)
        if clock is None:
            clock = _time_law(runs, sizes, clocking)
        if energy:
            law, idle_w = _energy_law(runs, sizes)
    names = ("time", *(["energy"] if energy else []), *(["bits"] if bits else []))
    senders = tuple(len(level) for level in topology.levels[:-1])
    return CostModel(names, sizes, clock, law, idle_w, senders, _speakers(setting, topology))


@dataclass(frozen=True, eq=False)
class _TimedDesign:
    """Timed runs at the design's points: tau, uplink choices, one run per seed."""

    taus: list[tuple[int, ...]]
    choices: list[tuple[int, ...]]
    runs: list[list[TimedRounds]]

    def bits(self, sizes: Sizes) -> Floats:
        """Uplink bits [N, M]."""
        return sizes.chosen(np.array(self.choices).T)


def _timed_design(setting: PlanContext, sizes: Sizes, clocking: ClockSampling) -> _TimedDesign:
    N, scenario = setting.depth, setting.scenario
    longest = [tuple(len(row) - 1 for row in sizes.up)]
    several = any(len(row) > 1 for row in sizes.up)
    one_up = [tuple((len(sizes.up[m]) - 1) * (m == n) for m in range(N)) for n in range(N)]
    points = [(tau, (0,) * N) for tau in design(N)]
    points += [(tau, choice) for choice in one_up + longest for tau in design(N)[:2]] if several else []
    runs = []
    for tau, choice in points:
        up = [row[at] for row, at in zip(sizes.up, choice, strict=True)]
        seeds = range(scenario.seed, scenario.seed + clocking.seeds)
        runs.append([time_scenario(scenario, tau, up, sizes.down, ROUNDS, seed) for seed in seeds])
    return _TimedDesign([tau for tau, _ in points], [choice for _, choice in points], runs)


def _time_law(survey: _TimedDesign, sizes: Sizes, clocking: ClockSampling) -> CostLaw:
    later, first = _per_round([[run.ends_s for run in runs] for runs in survey.runs], clocking)
    several = any(len(row) > 1 for row in sizes.up)
    return fit(survey.taus, survey.bits(sizes), later, max(0.0, first), several)


def _energy_law(survey: _TimedDesign, sizes: Sizes) -> tuple[CostLaw, float]:
    """joules = law(tau) + idle power x seconds; fitted together by non-negative least squares."""
    from scipy.optimize import nnls

    mean = ClockSampling()
    joules, first = _per_round([[run.energy_j for run in runs] for runs in survey.runs], mean)
    seconds, _ = _per_round([[run.ends_s for run in runs] for runs in survey.runs], mean)
    tau, up = np.array(survey.taus, dtype=np.float64).T, survey.bits(sizes)
    r = exchange_counts(tau)
    columns = np.concatenate([tau.prod(axis=0)[None], r, r * up, seconds[None]]).T
    scale = np.maximum(columns.max(axis=0), 1e-300)
    found, left = nnls(columns / scale / joules[:, None], np.ones(len(joules)))
    found = found / scale
    N = len(tau)
    spread = float(left / np.sqrt(len(joules)))
    return CostLaw(float(found[0]), found[1 : 1 + N], found[1 + N : -1], max(0.0, first), spread), float(
        found[-1]
    )


def _per_round(ends: Sequence[Sequence[Sequence[float]]], clocking: ClockSampling) -> tuple[Floats, float]:
    """Return the amount of a later round at each point [M], and the mean excess of the first round."""
    later, first = [], []
    for runs in ends:
        rows = np.array(runs)  # [seeds, rounds]
        later.append(clocking.over((rows[:, -1] - rows[:, 0]) / (rows.shape[1] - 1)))
        first.append(clocking.over(rows[:, 0]) - later[-1])
    return np.array(later), float(np.mean(first))


def _speakers(setting: PlanContext, topology: Topology) -> tuple[int, ...]:
    """Return transfers per message of all layer-n parents: one per broadcast, one per child for unicast."""
    import simpy

    ports = build_links(setting.scenario, topology, simpy.Environment())
    return tuple(
        sum(1 if ports[p.name].down.broadcast else len(p.children) for p in level)
        for level in topology.levels[1:]
    )


def time_rounds(
    setting: PlanContext,
    tau: Sequence[int],
    up: Sequence[float],
    down: Sequence[float],
    rounds: int,
    clocking: ClockSampling,
    random: bool,
) -> tuple[float, float]:
    """The first and a later round's seconds by the timing engine, over the seeds; `random`: later ones differ."""
    seeds = range(setting.scenario.seed, setting.scenario.seed + clocking.seeds)
    few = affordable(tau, len(setting.topology.devices), rounds) if random else 2
    ends = np.array([time_scenario(setting.scenario, tau, up, down, few, seed).ends_s for seed in seeds])
    return clocking.over(ends[:, 0]), clocking.over((ends[:, -1] - ends[:, 0]) / (few - 1))
