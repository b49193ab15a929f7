"""`netsim check`: validate a scenario and print a row per layer."""

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
from netsim.cli.exit_codes import InputError
from netsim.cli.run_preparation import memory_line
from netsim.devices.clock import Work
from netsim.network import ParentLinks
from netsim.reports import formatting
from netsim.scenario import PARTS, Scenario, digest, grow, load, resolved
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe
from netsim.selection.association import GivenAssociation
from netsim.selection.selections import AllChildren
from netsim.simulation.adaptive_tau import check_policy
from netsim.simulation.run import prepare
from netsim.topology import Topology

HINT_RATIO = 2.0
"""Ratio of fixed to coded message size from which a hint is printed."""

COLUMNS = ("layer", "nodes", "children", "channel", "tau", "bits up", "bits down")


def check_command(name: str, overrides: Sequence[str], show_resolved: bool) -> int:
    """Print what a run would do; with `show_resolved` the resolved scenario as YAML."""
    scenario = load(name, overrides)
    if show_resolved:
        sys.stdout.write(resolved(scenario))
        return 0
    topology = grow(scenario)
    folder = Path(scenario.task.data_dir) if scenario.task.data_dir else None
    with _as_input_error(f"{name}: task: "):
        dim, flops, _ = describe_task(scenario.task.dataset, scenario.task.model, folder)
    with _as_input_error(f"{name}: algorithm: "):
        scenario.layered_algorithm.check_dimension(dim)
    with _as_input_error(f"{name}: task.partition: "):
        missing = _missing_data(scenario, topology, folder)
    check_policy(scenario, topology, dim)
    ports = build_links(scenario, topology, simpy.Environment())
    batch = scenario.layered_algorithm.leaf.batch_size
    clock = device_clock(scenario, topology, Work(float(flops * batch), batch))
    build_meter(scenario, topology, clock)
    check_association_and_availability(scenario, topology)
    if not missing and (scenario.faults or scenario.mobility is not None):
        with _as_input_error(f"{name}: "):
            prepare(scenario, engine="timing")
    sys.stdout.write("\n".join(_heading(scenario, topology, dim, flops, not missing)) + "\n")
    _print_table(scenario, topology, dim)
    speeds = [*_rates(topology, ports), f"local step: {_range(clock.step_s.tolist(), formatting.seconds)}"]
    if scenario.association != GivenAssociation():
        speeds.append(f"edge servers: {scenario.association.describe()}")
    if scenario.devices.availability is not None:
        speeds.append(f"devices: {scenario.devices.availability.describe()}")
    text = [
        *_layers(scenario),
        *_dynamics(scenario),
        *_adaptive(scenario),
        *speeds,
        *_sweep(scenario),
        *_hints(scenario, dim),
    ]
    sys.stdout.write("\n".join(text) + "\n" + memory_line(scenario))
    if missing:
        raise InputError(f"{name}: task.dataset: {missing}")
    return 0


@contextmanager
def _as_input_error(place: str) -> Iterator[None]:
    """Convert a ValueError to an InputError with the place."""
    try:
        yield
    except ValueError as error:
        raise InputError(f"{place}{error}") from None


def _missing_data(scenario: Scenario, topology: Topology, folder: Path | None) -> str:
    """Return why the data cannot be read, or an empty text. Raises ValueError for too few samples."""
    try:
        check_data(scenario.task.dataset, scenario.task.partition, len(topology.devices), folder)
    except DataError as error:
        return str(error)
    return ""


def _heading(scenario: Scenario, topology: Topology, dim: int, flops: int, there: bool) -> list[str]:
    steps = scenario.layered_algorithm.steps(topology.depth)
    verdict = "fine" if there else "fine but for its data"
    return [
        f"{scenario.name}: {verdict} (scenario digest {digest(scenario)})",
        f"{len(topology.levels[0])} devices, {topology.depth} layers, {dim:,} parameters, "
        f"{formatting.count(flops)} FLOP per sample, "
        f"{steps} local {scenario.layered_algorithm.leaf.local.unit} per global round",
    ]


def _layers(scenario: Scenario) -> Iterator[str]:
    for n, (layer, network) in enumerate(
        zip(scenario.layered_algorithm.layers, scenario.network, strict=True), start=1
    ):
        up, down = _describe_part("compressor", layer.up), _describe_part("compressor", layer.downlink)
        yield f"layer {n}: up {up}, rule {_describe_part('rule', layer.rule)}, down {down}, onto {layer.onto}"
        yield f"         {network.describe()}"
        if scenario.selection and not isinstance(scenario.selection[n - 1], AllChildren):
            yield f"         asks {scenario.selection[n - 1].describe()}"
        if scenario.wait and not isinstance(scenario.wait[n - 1], All):
            yield f"         waits {scenario.wait[n - 1].describe()}"


def _dynamics(scenario: Scenario) -> Iterator[str]:
    """Yield the faults and the mobility of a run."""
    yield from (f"fault: {fault.describe()}" for fault in scenario.faults)
    if (mobility := scenario.mobility) is not None:
        yield f"mobility: {mobility.motion.describe()}; handover: {mobility.handover.describe()}"


def _adaptive(scenario: Scenario) -> Iterator[str]:
    """Yield how tau is adapted during the run."""
    if isinstance(scenario.algorithm, AdaptiveRecipe):
        control = scenario.algorithm.control
        rounds = "round" if control.every == 1 else f"{control.every} rounds"
        yield (
            f"adaptive: tau {list(control.start)} at first; after every {rounds} "
            f"{_describe_part('policy', control.policy)} chooses tau, each at most {control.most}"
        )


def _rates(topology: Topology, ports: Mapping[str, ParentLinks]) -> Iterator[str]:
    """Yield the rates of each layer's links, each alone on its medium."""
    for n, parents in enumerate(topology.levels[1:], start=1):
        ends = [ports[parent.name] for parent in parents]
        up = [link.channel.mean_rate_bps for end in ends for link in end.up]
        down = [link.channel.mean_rate_bps for end in ends for link in end.down.links]
        if all(map(math.isfinite, up + down)):
            yield f"layer {n} links alone: up {_range(up, _rate)}; down {_range(down, _rate)}"


def _sweep(scenario: Scenario) -> Iterator[str]:
    """Yield the number of points of the sweep and of its distinct trainings."""
    if scenario.sweep:
        from netsim.sweep import learning_key

        apart = len({learning_key(settings) for settings in scenario.sweep.settings(scenario.seed)})
        points = f"{scenario.sweep.count:,} point{'' if scenario.sweep.count == 1 else 's'}"
        trajectories = f"{apart:,} distinct {'trajectory' if apart == 1 else 'trajectories'}"
        yield f"sweep: {points}, {trajectories} (each trains once) as long as no upload is lost or late"


def _rate(bps: float) -> str:
    return f"{formatting.bits(bps)}/s"


def _range(values: Sequence[float], render: Callable[[float], str]) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return render(low) if low == high else f"{render(low)} to {render(high)}, median {render(middle)}"


def _hints(scenario: Scenario, dim: int) -> Iterator[str]:
    """Yield hints where an entropy code would make messages much shorter."""
    for n, layer in enumerate(scenario.layered_algorithm.layers, start=1):
        for direction, codec in (("up", layer.up), ("down", layer.downlink)):
            fixed = codec.bits(dim)
            if isinstance(codec, Qsgd) and fixed and fixed > HINT_RATIO * codec.expected_coded_bits(dim):
                ratio = fixed / codec.expected_coded_bits(dim)
                text = f"about {ratio:.2g} times shorter with `code: elias`, which needs values"
                yield f"hint: layer {n} {direction}: {text}"


def _print_table(scenario: Scenario, topology: Topology, dim: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in COLUMNS:
        table.add_column(heading, overflow="fold")
    for n, layer in enumerate(scenario.layered_algorithm.layers, start=1):
        fans = [len(parent.children) for parent in topology.levels[n]]
        children = str(fans[0]) if min(fans) == max(fans) else f"{min(fans)}-{max(fans)}"
        channel = PARTS["network"].name_of(type(scenario.network[n - 1]))
        bits = (_size(layer.up.bits(dim)), _size(layer.downlink.bits(dim)))
        table.add_row(str(n), str(len(topology.levels[n - 1])), children, channel, str(layer.tau), *bits)
    Console().print(table)


def _size(bits: int | None) -> str:
    return "as coded" if bits is None else formatting.bits(bits)


def _describe_part(kind: str, part: Any) -> str:
    """Return a part as text: its name and the arguments that differ from their defaults."""
    name = PARTS[kind].name_of(type(part))
    text = [f.name for f in fields(part) if f.default is MISSING or getattr(part, f.name) != f.default]
    values = ((field, getattr(part, field)) for field in text)
    shown = [f"{field}={_describe_part(kind, v) if is_dataclass(v) else v}" for field, v in values]
    return f"{name}({', '.join(shown)})" if shown else name
