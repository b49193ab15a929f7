"""The report of a run: one page with its accuracy, simulated time, traffic, energy and provenance."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netsim.reports import formatting, message_sizes, run_curves, time_breakdown, timeline
from netsim.reports.axes import MAX_POINTS
from netsim.reports.bibliography import reference_parts
from netsim.reports.energy import energy_figure, energy_table, has_energy, link_energy_table
from netsim.reports.link_utilisation import utilisation_figure
from netsim.reports.message_outcomes import outcome_figure, outcome_table
from netsim.reports.network_events import events_figure, events_table
from netsim.reports.page import render_page, write_page
from netsim.reports.page_parts import Code, KeyValues, PagePart, Paragraph, Section
from netsim.reports.tau_figure import tau_figure
from netsim.reports.tree_figure import tree_figure
from netsim.results.result import Metric, Result

_MAX_SCENARIO_LENGTH = 200_000  # characters; a topology of thousands of nodes may be inline


def write_report(result: Result, path: Path, round_number: int | None = None) -> Path:
    """Write the report atomically as one self-contained HTML file (offline, below 6 MB) and return its path."""
    return write_page(render_report(result, round_number), path)


def render_report(result: Result, round_number: int | None = None) -> str:
    """The report as HTML; the timeline includes round `round_number` even if the others are thinned."""
    opening = [_headline(result), *_warnings(result)]
    return render_page(result.name, report_sections(result, round_number), opening)


def report_sections(result: Result, round_number: int | None = None) -> list[Section]:
    """The sections of the report in order."""
    sections = [
        _learning(result),
        _time(result),
        *_timeline(result, round_number),
        *_network_events(result),
        *_tree(result),
        _messages(result),
    ]
    return [*sections, _traffic(result), *_energy(result), _scenario(result)]


def _headline(result: Result) -> KeyValues:
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
        ("Stopped by", formatting.stop_reason(result.manifest["stopped_by"])),
        ("Digest", result.digest),
    ]
    return KeyValues(pairs, large=True)


def _metrics(result: Result) -> list[tuple[str, str]]:
    accuracy, loss = result.last("accuracy"), result.last("loss")
    which = "Final" if result.finished_rounds else "Initial"
    pairs = [(f"{which} accuracy", formatting.accuracy(accuracy.value))] if accuracy else []
    if accuracy or loss:
        # Every task has a loss: a missing value is not finite.
        pairs.append((f"{which} loss", formatting.number(loss.value if loss else math.inf)))
    return pairs


def _warnings(result: Result) -> list[PagePart]:
    if result.finished_rounds:
        return []
    text = "No global round finished before the run stopped, so there are no curves."
    sent = " The bits above were sent within the unfinished round." if len(result.messages) else ""
    return [Paragraph(text + sent)]


def _learning(result: Result) -> Section:
    metrics: tuple[Metric, Metric] = ("accuracy", "loss")
    curves = [figure for figure in (run_curves.metric_figure(result, metric) for metric in metrics) if figure]
    parts: list[PagePart] = (
        [run_curves.axis_chooser(result), *curves] if curves else [Paragraph(_reason_without_curves(result))]
    )
    if len(curves) == 1:
        absent = "accuracy" if curves[0].key == "loss" else "loss"
        parts.insert(
            0, Paragraph(f"This run has no {absent}: its task does not define one, or it was never finite.")
        )
    if len(result.rounds) > MAX_POINTS:
        drawn, rows = formatting.count(MAX_POINTS), formatting.count(len(result.rounds))
        parts.append(Paragraph(f"The curves show {drawn} evenly spaced rounds of {rows}."))
    if taus := tau_figure(result):
        parts += [Paragraph(_TAUS), taus]
    return Section("learning", "Accuracy and loss", parts)


def _reason_without_curves(result: Result) -> str:
    if result.last("accuracy") or result.last("loss"):
        return "The model was evaluated only once; its accuracy and loss are shown above."
    return "Neither accuracy nor loss was evaluated: this run was simulated for its timing only."


def _time(result: Result) -> Section:
    path, nodes = time_breakdown.critical_path_figure(result), time_breakdown.activity_figure(result)
    parts: list[PagePart] = []
    if path:
        parts += [Paragraph(_PATH), time_breakdown.round_chooser(result), path]
    if nodes:
        parts += [Paragraph(_NODES), nodes]
    return Section(
        "time", "Time of a round", parts or [Paragraph("No round finished, so there is no breakdown.")]
    )


def _timeline(result: Result, round_number: int | None) -> list[Section]:
    selected = timeline.select_timeline(result, round_number)
    if selected is None:
        return []
    text = _TIMELINE
    if len(selected.nodes) < selected.all_nodes - 1:
        text += (
            f" The chart shows the {len(selected.nodes)} nodes with the least waiting time "
            f"of {formatting.count(selected.all_nodes)}."
        )
    if len(selected.rounds) < result.finished_rounds:
        text += " `netsim report --round` adds a round to the slider."
    parts: list[PagePart] = [
        Paragraph(text),
        timeline.timeline_chooser(selected),
        timeline.timeline_figure(selected, result.depth),
    ]
    return [Section("timeline", "Activity of each node", parts)]


def _network_events(result: Result) -> list[Section]:
    figure = events_figure(result)
    if figure is None or result.events is None:
        return []
    return [Section("changes", "Changes of the network", [figure, events_table(result.events)])]


def _tree(result: Result) -> list[Section]:
    chooser_and_figure = tree_figure(result)
    return [Section("tree", "Quantities by node", list(chooser_and_figure))] if chooser_and_figure else []


def _messages(result: Result) -> Section:
    sizes = message_sizes.message_sizes(result)
    figures = (
        message_sizes.size_figure(sizes),
        message_sizes.size_distribution_figure(result),
        utilisation_figure(result),
    )
    parts: list[PagePart] = [figure for figure in figures if figure]
    parts.append(message_sizes.size_table(sizes) if sizes else Paragraph("No message was sent."))
    parts += [part for part in (outcome_figure(result), outcome_table(result)) if part]
    return Section("messages", "Messages", parts)


def _traffic(result: Result) -> Section:
    figure = run_curves.traffic_figure(result)
    if figure is None:
        return Section("bits", "Bits over time", [Paragraph("No round finished, so there is no curve.")])
    return Section("bits", "Bits over time", [run_curves.scale_chooser(), figure])


def _energy(result: Result) -> list[Section]:
    if not has_energy(result):
        return []
    parts: list[PagePart] = [
        Paragraph(_ENERGY),
        energy_figure(result),
        energy_table(result),
        link_energy_table(result),
    ]
    return [Section("energy", "Energy", parts)]


def _scenario(result: Result) -> Section:
    text = result.scenario_text
    parts: list[PagePart] = [Code("Resolved scenario", text[:_MAX_SCENARIO_LENGTH])]
    if len(text) > _MAX_SCENARIO_LENGTH:
        shown, total = formatting.count(_MAX_SCENARIO_LENGTH), formatting.count(len(text))
        parts.append(Paragraph(f"The first {shown} of {total} characters are shown."))
    parts += reference_parts(result)
    parts.append(
        KeyValues(
            _key_values({key: value for key, value in result.manifest.items() if key not in _OMITTED_KEYS})
        )
    )
    return Section("scenario", "Scenario and provenance", parts)


def _key_values(manifest: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in manifest.items():
        path = f"{prefix}{key}"
        name = LABELS.get(path, path.removesuffix("_s").replace("_", " ").replace(".", ": "))
        if isinstance(value, Mapping):
            pairs += _key_values(value, f"{path}.")
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
    "numerics.strategy": "Execution strategy",
    "versions.python": "Python",
    "versions.netsim-hfl": "netsim",
    "versions.torch": "PyTorch",
    "versions.numpy": "NumPy",
    "versions.simpy": "SimPy",
    "versions.numba": "Numba",
    "started": "Started",
    "host_time_s": "Host run time",
}
"""Labels of the manifest's keys on the page; a key without a label is shown with spaces for underscores."""
_OMITTED_KEYS = ("name", "digest", "references", "stopped_by", "rounds", "sim_time_s", "totals", "schema")
_TAUS = (
    "This run adapted its tau: SGD steps of a device per upload on layer 1, aggregations per upload on the layers "
    "above. The values of a round are drawn up to its end."
)
_PATH = (
    "The critical path is the chain of transfers and computations that determines the duration of a round: "
    "downlink from the cloud, computation, uplink to the cloud. Colours are layers, counted from the devices up."
)
_ENERGY = (
    "Energy of devices, radios and wired links. A transfer costs energy at both ends; waiting costs idle power. "
    "The computation of servers is not included."
)
_TIMELINE = (
    "Activity of each node in a round. Bars show downlink, computation, uplink and waiting; transfers have the colour "
    "of their layer. The light part of a transfer is the time beyond its airtime: queueing, sharing of the medium, "
    "and latency. A node is busy until it answers or its exchange is aborted."
)
_NODES = (
    "Activities of a node in a round, mean over all rounds and over the nodes of its level. Transfers have the colour "
    "of the layer above the node."
)
