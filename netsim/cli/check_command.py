"""`netsim check`: the scenario as the machine reads it, a row per layer."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import simpy

from learning.compressors import Qsgd
from learning.datasets import DataError
from learning.tasks.task import check_data, describe_task
from netsim.barriers.barriers import All
from netsim.build import build_links, build_meter, check_association_and_availability, device_clock
from netsim.cli.error_handling import InputError
from netsim.cli.run_preparation import memory_line
from netsim.devices.clock import Work
from netsim.network import ParentLinks
from netsim.reports import formatting
from netsim.scenario import PARTS, Scenario, digest, grow, load, resolved
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe
from netsim.selection.association import Given
from netsim.selection.selections import AllChildren
from netsim.simulation.adaptive_tau import check_policy
from netsim.simulation.run import prepare
from netsim.topology import Topology

WORTH_A_HINT = 2.0
"""Times by which a coded message must be shorter than the fixed code to be worth a line."""

COLUMNS = ("layer", "nodes", "children", "channel", "tau", "bits up", "bits down")


def check_command(name: str, overrides: Sequence[str], show_resolved: bool) -> int:
    """Print what a run would do; with `show_resolved` the whole scenario as YAML."""
    scenario = load(name, overrides)
    if show_resolved:
        sys.stdout.write(resolved(scenario))
        return 0
    topology = grow(scenario)
    folder = Path(scenario.task.data_dir) if scenario.task.data_dir else None
    with _placed(f"{name}: task: "):
        dim, flops, _ = describe_task(scenario.task.dataset, scenario.task.model, folder)
    with _placed(f"{name}: algorithm: "):
        scenario.ladder.check_dimension(dim)
    with _placed(f"{name}: task.partition: "):
        lacking = _lacking_data(scenario, topology, folder)
    check_policy(scenario, topology, dim)
    ports = build_links(scenario, topology, simpy.Environment())
    batch = scenario.ladder.leaf.batch_size
    clock = device_clock(scenario, topology, Work(float(flops * batch), batch))
    build_meter(scenario, topology, clock)
    check_association_and_availability(scenario, topology)
    if not lacking and (scenario.faults or scenario.mobility is not None):
        with _placed(f"{name}: "):
            prepare(scenario, engine="timing")
    sys.stdout.write("\n".join(_heading(scenario, topology, dim, flops, not lacking)) + "\n")
    _print_table(scenario, topology, dim)
    speeds = [*_rates(topology, ports), f"local step: {_range(clock.step_s.tolist(), formatting.seconds)}"]
    if scenario.association != Given():
        speeds.append(f"edge servers: {scenario.association.describe()}")
    if scenario.devices.availability is not None:
        speeds.append(f"devices: {scenario.devices.availability.describe()}")
    said = [
        *_layers(scenario),
        *_changes(scenario),
        *_adaptive(scenario),
        *speeds,
        *_sweep(scenario),
        *_hints(scenario, dim),
    ]
    sys.stdout.write("\n".join(said) + "\n" + memory_line(scenario))
    if lacking:
        raise InputError(f"{name}: task.dataset: {lacking}")
    return 0


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """A law's objection as the user's, with where it lies."""
    try:
        yield
    except ValueError as error:
        raise InputError(f"{place}{error}") from None


def _lacking_data(scenario: Scenario, topology: Topology, folder: Path | None) -> str:
    """Why the data cannot be read, if they cannot. Raises ValueError where they are too few."""
    try:
        check_data(scenario.task.dataset, scenario.task.partition, len(topology.devices), folder)
    except DataError as error:
        return str(error)
    return ""


def _heading(scenario: Scenario, topology: Topology, dim: int, flops: int, there: bool) -> list[str]:
    steps = scenario.ladder.steps(topology.depth)
    verdict = "fine" if there else "fine but for its data"
    return [
        f"{scenario.name}: {verdict} (scenario digest {digest(scenario)})",
        f"{len(topology.levels[0])} devices, {topology.depth} layers, {dim:,} parameters, "
        f"{formatting.count(flops)} FLOP per sample, {steps} local {scenario.ladder.leaf.local.unit} per global round",
    ]


def _layers(scenario: Scenario) -> Iterator[str]:
    for n, (layer, network) in enumerate(zip(scenario.ladder.layers, scenario.network, strict=True), start=1):
        up, down = _short("compressor", layer.up), _short("compressor", layer.downlink)
        yield f"layer {n}: up {up}, rule {_short('rule', layer.rule)}, down {down}, onto {layer.onto}"
        yield f"         {network.describe()}"
        if scenario.selection and not isinstance(scenario.selection[n - 1], AllChildren):
            yield f"         asks {scenario.selection[n - 1].describe()}"
        if scenario.wait and not isinstance(scenario.wait[n - 1], All):
            yield f"         waits {scenario.wait[n - 1].describe()}"


def _changes(scenario: Scenario) -> Iterator[str]:
    """What goes wrong in a run, and what moves."""
    yield from (f"fault: {fault.describe()}" for fault in scenario.faults)
    if (mobility := scenario.mobility) is not None:
        yield f"mobility: {mobility.motion.describe()}; handover: {mobility.handover.describe()}"


def _adaptive(scenario: Scenario) -> Iterator[str]:
    """How the taus change under way."""
    if isinstance(scenario.algorithm, AdaptiveRecipe):
        control = scenario.algorithm.control
        rounds = "round" if control.every == 1 else f"{control.every} rounds"
        yield (
            f"adaptive: tau {list(control.start)} at first; after every {rounds} "
            f"{_short('policy', control.policy)} chooses anew, each at most {control.most}"
        )


def _rates(topology: Topology, ports: Mapping[str, ParentLinks]) -> Iterator[str]:
    """What each layer's links carry when they have their medium to themselves."""
    for n, parents in enumerate(topology.levels[1:], start=1):
        ends = [ports[parent.name] for parent in parents]
        up = [link.channel.mean_rate_bps for end in ends for link in end.up]
        down = [link.channel.mean_rate_bps for end in ends for link in end.down.links]
        if all(map(math.isfinite, up + down)):
            yield f"layer {n} links alone: up {_range(up, _rate)}; down {_range(down, _rate)}"


def _sweep(scenario: Scenario) -> Iterator[str]:
    """How many points a sweep has, and how many of them learn something of their own."""
    if scenario.sweep:
        from netsim.sweep import learning_of

        apart = len({learning_of(settings) for settings in scenario.sweep.settings(scenario.seed)})
        points = f"{scenario.sweep.count:,} point{'' if scenario.sweep.count == 1 else 's'}"
        trajectories = f"{apart:,} distinct {'trajectory' if apart == 1 else 'trajectories'}"
        yield f"sweep: {points}, {trajectories} (each trains once) as long as no upload is lost or late"


def _rate(bps: float) -> str:
    return f"{formatting.bits(bps)}/s"


def _range(values: Sequence[float], say: Callable[[float], str]) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return say(low) if low == high else f"{say(low)} to {say(high)}, median {say(middle)}"


def _hints(scenario: Scenario, dim: int) -> Iterator[str]:
    """Where a message could be many times shorter for the asking."""
    for n, layer in enumerate(scenario.ladder.layers, start=1):
        for way, codec in (("up", layer.up), ("down", layer.downlink)):
            fixed = codec.bits(dim)
            if isinstance(codec, Qsgd) and fixed and fixed > WORTH_A_HINT * codec.expected_coded_bits(dim):
                ratio = fixed / codec.expected_coded_bits(dim)
                yield f"hint: layer {n} {way}: about {ratio:.2g} times shorter with `code: elias`, which needs values"


def _print_table(scenario: Scenario, topology: Topology, dim: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in COLUMNS:
        table.add_column(heading, overflow="fold")
    for n, layer in enumerate(scenario.ladder.layers, start=1):
        fans = [len(parent.children) for parent in topology.levels[n]]
        children = str(fans[0]) if min(fans) == max(fans) else f"{min(fans)}-{max(fans)}"
        channel = PARTS["network"].name_of(type(scenario.network[n - 1]))
        bits = (_size(layer.up.bits(dim)), _size(layer.downlink.bits(dim)))
        table.add_row(str(n), str(len(topology.levels[n - 1])), children, channel, str(layer.tau), *bits)
    Console().print(table)


def _size(bits: int | None) -> str:
    return "as coded" if bits is None else formatting.bits(bits)


def _short(kind: str, part: Any) -> str:
    """A part in a few words: its name and the arguments that are not its defaults."""
    name = PARTS[kind].name_of(type(part))
    said = [f.name for f in fields(part) if f.default is MISSING or getattr(part, f.name) != f.default]
    values = ((field, getattr(part, field)) for field in said)
    shown = [f"{field}={_short(kind, v) if is_dataclass(v) else v}" for field, v in values]
    return f"{name}({', '.join(shown)})" if shown else name
