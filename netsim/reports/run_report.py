"""The report of a run: one page that answers how well, how long and how many bits, and where they went."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netsim.reports import formatting, message_sizes, run_curves, time_breakdown, timeline
from netsim.reports.axes import ENOUGH
from netsim.reports.energy import energy_figure, energy_table, has_energy, layer_table
from netsim.reports.link_utilisation import distribution, utilisation
from netsim.reports.message_outcomes import fate_figure, fate_table
from netsim.reports.network_events import befallen_figure, befallen_table
from netsim.reports.page import page_html, write_page
from netsim.reports.page_parts import Code, Facts, Part, Section, Words
from netsim.reports.references import references
from netsim.reports.tau_figure import interval_figure
from netsim.reports.tree_figure import tree_figure
from netsim.results.result import Metric, Result

_LONGEST = 200_000  # characters of a scenario shown; a topology of thousands of nodes may be inline


def write_report(result: Result, path: Path, turn: int | None = None) -> Path:
    """Write `result` as one self-contained HTML file (offline, below 6 MB) and return its path; atomic."""
    return write_page(report_html(result, turn), path)


def report_html(result: Result, turn: int | None = None) -> str:
    """The report as a string of HTML; the timeline shows round `turn` too, however many there are."""
    opening = [_headline(result), *_warnings(result)]
    return page_html(result.name, report_sections(result, turn), opening)


def report_sections(result: Result, turn: int | None = None) -> list[Section]:
    """What the report says below its headline, in order."""
    sections = [
        _learning(result),
        _time(result),
        *_timeline(result, turn),
        *_changes(result),
        *_tree(result),
        _messages(result),
    ]
    return [*sections, _traffic(result), *_energy(result), _scenario(result)]


def _headline(result: Result) -> Facts:
    pairs = [
        *_metrics(result),
        ("Simulated time", formatting.seconds(result.sim_time_s)),
        ("Rounds", formatting.count(result.finished_rounds)),
        ("Sent up", formatting.bits(sum(result.bits("up")))),
        ("Sent down", formatting.bits(sum(result.bits("down")))),
        *(
            [("Energy", formatting.joules(float(result.rounds["energy_j"].iloc[-1])))]
            if has_energy(result)
            else []
        ),
        ("Stopped by", formatting.cause(result.manifest["stopped_by"])),
        ("Digest", result.digest),
    ]
    return Facts(pairs, large=True)


def _metrics(result: Result) -> list[tuple[str, str]]:
    accuracy, loss = result.last("accuracy"), result.last("loss")
    which = "Final" if result.finished_rounds else "Initial"
    pairs = [(f"{which} accuracy", formatting.score(accuracy.value))] if accuracy else []
    if accuracy or loss:
        # Every task has a loss: one without a value has overflowed.
        pairs.append((f"{which} loss", formatting.digits(loss.value if loss else math.inf)))
    return pairs


def _warnings(result: Result) -> list[Part]:
    if result.finished_rounds:
        return []
    text = "No global round finished before the run stopped, so there is nothing to draw over time."
    sent = " The bits above were sent within the unfinished round." if len(result.messages) else ""
    return [Words(text + sent)]


def _learning(result: Result) -> Section:
    metrics: tuple[Metric, Metric] = ("accuracy", "loss")
    found = [figure for figure in (run_curves.metric_curve(result, metric) for metric in metrics) if figure]
    parts: list[Part] = [run_curves.axis_chooser(result), *found] if found else [Words(_undrawn(result))]
    if len(found) == 1:
        absent = "accuracy" if found[0].key == "loss" else "loss"
        parts.insert(
            0, Words(f"This run has no {absent} to show: its task gives none, or it was never finite.")
        )
    if len(result.rounds) > ENOUGH:
        drawn, rows = formatting.count(ENOUGH), formatting.count(len(result.rounds))
        parts.append(Words(f"Drawn are {drawn} evenly spread rounds of {rows}."))
    if taus := interval_figure(result):
        parts += [Words(_TAUS), taus]
    return Section("learning", "Accuracy and loss", parts)


def _undrawn(result: Result) -> str:
    if result.last("accuracy") or result.last("loss"):
        return "The model was evaluated only once; its accuracy and loss stand above."
    return "Neither accuracy nor loss was evaluated: this run was simulated for its timing only."


def _time(result: Result) -> Section:
    path, nodes = time_breakdown.critical_path(result), time_breakdown.activities(result)
    parts: list[Part] = []
    if path:
        parts += [Words(_PATH), time_breakdown.round_chooser(result), path]
    if nodes:
        parts += [Words(_NODES), nodes]
    return Section(
        "time", "Where the time goes", parts or [Words("No round finished: there is no time to break down.")]
    )


def _timeline(result: Result, turn: int | None) -> list[Section]:
    found = timeline.timeline(result, turn)
    if found is None:
        return []
    words = _GANTT
    if len(found.nodes) < found.all_nodes - 1:
        words += f" Drawn are the {len(found.nodes)} that wait least, of {formatting.count(found.all_nodes)} nodes."
    if len(found.rounds) < result.finished_rounds:
        words += " `netsim report --round` adds a round to those on the slider."
    parts: list[Part] = [Words(words), timeline.gantt_chooser(found), timeline.gantt(found, result.depth)]
    return [Section("timeline", "What each node does when", parts)]


def _changes(result: Result) -> list[Section]:
    figure = befallen_figure(result)
    if figure is None or result.events is None:
        return []
    return [Section("changes", "How the network changed", [figure, befallen_table(result.events)])]


def _tree(result: Result) -> list[Section]:
    found = tree_figure(result)
    return [Section("tree", "Who does how much", list(found))] if found else []


def _messages(result: Result) -> Section:
    found = message_sizes.message_sizes(result)
    figure = message_sizes.size_figure(found)
    spread, busy = distribution(result), utilisation(result)
    parts: list[Part] = [part for part in (figure, spread, busy) if part]
    parts.append(message_sizes.size_table(found) if found else Words("No message was sent."))
    parts += [part for part in (fate_figure(result), fate_table(result)) if part]
    return Section("messages", "Messages", parts)


def _traffic(result: Result) -> Section:
    figure = run_curves.traffic(result)
    if figure is None:
        return Section("bits", "Bits over time", [Words("No round finished: there is no curve to draw.")])
    return Section("bits", "Bits over time", [run_curves.scale_chooser(), figure])


def _energy(result: Result) -> list[Section]:
    if not has_energy(result):
        return []
    parts: list[Part] = [Words(_ENERGY), energy_figure(result), energy_table(result), layer_table(result)]
    return [Section("energy", "Energy", parts)]


def _scenario(result: Result) -> Section:
    text = result.scenario_text
    parts: list[Part] = [Code("The scenario as it was run", text[:_LONGEST])]
    if len(text) > _LONGEST:
        parts.append(
            Words(
                f"Shown are the first {formatting.count(_LONGEST)} of {formatting.count(len(text))} characters."
            )
        )
    parts += references(result)
    parts.append(Facts(_facts({key: value for key, value in result.manifest.items() if key not in _SHOWN})))
    return Section("scenario", "Scenario and provenance", parts)


def _facts(manifest: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in manifest.items():
        path = f"{prefix}{key}"
        name = LABELS.get(path, path.removesuffix("_s").replace("_", " ").replace(".", ": "))
        if isinstance(value, Mapping):
            pairs += _facts(value, f"{path}.")
        elif str(key).endswith("_s") and isinstance(value, int | float):
            pairs.append((name, formatting.seconds(value)))
        else:
            pairs.append((name, value if isinstance(value, str) else json.dumps(value, default=str)))
    return pairs


LABELS = {
    "scenario_digest": "Digest of the scenario",
    "algorithm.name": "Algorithm",
    "algorithm.tau": "tau",
    "task.description": "Task",
    "task.provenance": "Data",
    "task.parameters": "Parameters of the model",
    "numerics.engine": "Engine",
    "numerics.device": "Trained on",
    "numerics.precision": "Precision",
    "numerics.strategy": "Way of training",
    "versions.python": "Python",
    "versions.netsim-hfl": "netsim",
    "versions.torch": "PyTorch",
    "versions.numpy": "NumPy",
    "versions.simpy": "SimPy",
    "versions.numba": "Numba",
    "started": "Started",
    "host_time_s": "Time on this computer",
}
"""What the manifest's keys are called on the page; a key without a label is shown as it is written."""
_SHOWN = ("name", "digest", "references", "stopped_by", "rounds", "sim_time_s", "totals", "schema")
_TAUS = (
    "This run chose its own tau under way: SGD steps of a device per upload on layer 1, on the layers above "
    "aggregations per upload. A round's values hold until it ends."
)
_PATH = (
    "A round is as long as its slowest chain of transfers and computations. These bars follow that chain: "
    "down from the cloud, compute, up again. Colours are layers, counted from the devices up."
)
_ENERGY = (
    "What devices, radios and wires draw; a transfer is paid by both ends, waiting at idle power. "
    "Servers' processors are not counted."
)
_GANTT = (
    "After a message from above a node works until it answers, or until nobody waits for its answer any more; "
    "then it waits to be spoken to. "
    "Colours of links are layers; the paler part of a transfer is longer than its airtime."
)
_NODES = (
    "What a node does in a round, mean over all rounds and the nodes of its level. "
    "Links have the colour of the layer above the node. A node waits while others are slower."
)
