"""`netsim check`: the scenario as the machine reads it, a row per layer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, cast

import simpy

from learning.compressors import Qsgd
from learning.tasks import describe_task
from netsim.cli.guard import InputError
from netsim.scenario import Scenario, digest, dump_part, grow, load, resolved
from netsim.topology import Topology
from netsim.views import human
from netsim.wiring import connect

WORTH_A_HINT = 2.0
"""Times by which a coded message must be shorter than the fixed code to be worth a line."""

COLUMNS = ("layer", "senders", "children", "tau", "up", "bits up", "rule", "down", "bits down", "channel")


def check_command(name: str, overrides: Sequence[str], show_resolved: bool) -> int:
    """Print what a run would do; with `show_resolved` the whole scenario as YAML."""
    scenario = load(name, overrides)
    if show_resolved:
        sys.stdout.write(resolved(scenario))
        return 0
    from rich.console import Console

    topology = grow(scenario)
    folder = Path(scenario.task.data_dir) if scenario.task.data_dir else None
    try:
        dim, flops, _ = describe_task(scenario.task.dataset, scenario.task.model, folder)
        scenario.ladder.check_dimension(dim)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
    connect(scenario, topology, simpy.Environment())
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(f"{scenario.name}: fine (digest {digest(scenario)})", highlight=False)
    console.print(
        f"{len(topology.levels[0])} devices, {topology.depth} layers, {dim:,} parameters, "
        f"{human.count(flops)} FLOP per sample, {scenario.ladder.steps(topology.depth)} local steps per global round",
        highlight=False,
    )
    console.print(_table(scenario, topology, dim))
    for n, network in enumerate(scenario.network, start=1):
        console.print(f"channel of layer {n}: {network.describe()}", highlight=False, soft_wrap=True)
    for line in _hints(scenario, dim):
        console.print(line, highlight=False, soft_wrap=True)
    return 0


def _hints(scenario: Scenario, dim: int) -> Iterator[str]:
    """Where a message could be many times shorter for the asking."""
    for n, layer in enumerate(scenario.ladder.layers, start=1):
        for way, codec in (("up", layer.up), ("down", layer.downlink)):
            fixed = codec.bits(dim)
            if isinstance(codec, Qsgd) and fixed and fixed > WORTH_A_HINT * codec.expected_coded_bits(dim):
                ratio = fixed / codec.expected_coded_bits(dim)
                yield f"hint: layer {n} {way}: about {ratio:.2g} times shorter with `code: elias` (sizes then need values)"


def _table(scenario: Scenario, topology: Topology, dim: int) -> object:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in COLUMNS:
        table.add_column(heading, overflow="fold")
    for n, layer in enumerate(scenario.ladder.layers, start=1):
        fans = [len(parent.children) for parent in topology.levels[n]]
        children = str(fans[0]) if min(fans) == max(fans) else f"{min(fans)}-{max(fans)}"
        table.add_row(
            str(n),
            str(len(topology.levels[n - 1])),
            children,
            str(layer.tau),
            _short(layer.up),
            _size(layer.up.bits(dim)),
            _short(layer.rule),
            _short(layer.downlink),
            _size(layer.downlink.bits(dim)),
            _short(scenario.network[n - 1]).partition("(")[0],
        )
    return table


def _size(bits: int | None) -> str:
    return "as coded" if bits is None else human.bits(bits)


def _short(part: Any) -> str:
    """A part in a few words: its name and the arguments that are not its defaults."""
    dumped = dump_part(part)
    if isinstance(dumped, str):
        return dumped
    name = next(iter(cast("dict[str, object]", dumped)))
    said = [f.name for f in fields(part) if f.default is MISSING or getattr(part, f.name) != f.default]
    return f"{name}({', '.join(f'{field}={getattr(part, field)}' for field in said)})" if said else name
