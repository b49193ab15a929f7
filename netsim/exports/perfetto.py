"""The event timeline as Chrome trace events for Perfetto (ui.perfetto.dev) and chrome://tracing.

Format: "Trace Event Format", Google: complete events (`ph` X) with `ts` and `dur` in microseconds, metadata
events (`ph` M) with the names of processes and threads, counters (`ph` C). Times are simulated times.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netsim.reports.time_breakdown import level_name
from netsim.reports.timeline import RoundActivities
from netsim.reports.tree_layout import depth_first_order, tree_from_messages
from netsim.results.result import Result

if TYPE_CHECKING:
    import networkx as nx

ROUNDS_PID = 1
"""Process of the global rounds (one thread) and the counters; level n of the tree is process n + 2."""


def write_perfetto_trace(result: Result, path: Path) -> Path:
    """Write all finished rounds as one JSON object with a process per level and a thread per node; return the path.

    Raises OSError if the file cannot be written.
    """
    tree = tree_from_messages(result)
    nodes = [node for node in depth_first_order(tree) if tree.in_degree(node)]
    with path.open("w", encoding="utf-8") as file:
        file.write('{"displayTimeUnit":"ms","otherData":')
        json.dump({"scenario": result.name, "digest": result.digest}, file)
        file.write(',"traceEvents":[')
        for k, event in enumerate(_events(result, tree, nodes)):
            file.write(",\n" if k else "\n")
            json.dump(event, file, separators=(",", ":"), allow_nan=False)
        file.write("\n]}\n")
    return path.absolute()


def _events(result: Result, tree: nx.DiGraph[str], nodes: list[str]) -> Iterator[dict[str, Any]]:
    threads = {node: k for k, node in enumerate(nodes, 1)}
    levels = {node: int(tree.nodes[node]["level"]) for node in nodes}
    yield from _names(result, threads, levels)
    rounds, ends = RoundActivities(result, tree), result.rounds["sim_time_s"].tolist()
    yield from _counters(result, 0)
    for round_number in range(1, result.finished_rounds + 1):
        start_s = ends[round_number - 1]
        yield _complete(
            f"round {round_number}", "round", start_s, ends[round_number] - start_s, ROUNDS_PID, 1
        )
        yield from _counters(result, round_number)
        for s in rounds.spans(nodes, round_number):
            begin_s, length_s = start_s + s.begin_s, s.end_s - s.begin_s
            name = f"layer {s.layer} {s.kind}" if s.layer else s.kind
            yield _complete(name, s.kind, begin_s, length_s, levels[s.node] + 2, threads[s.node])


def _complete(name: str, kind: str, start_s: float, length_s: float, pid: int, tid: int) -> dict[str, Any]:
    times = {"ts": round(1e6 * start_s, 3), "dur": round(1e6 * length_s, 3)}
    return {"name": name, "cat": kind, "ph": "X", **times, "pid": pid, "tid": tid}


def _counters(result: Result, row: int) -> Iterator[dict[str, Any]]:
    """Accuracy and loss at the end of a round, if the model was evaluated."""
    values = result.rounds.iloc[row]
    for name in ("accuracy", "loss"):
        if math.isfinite(values[name]):
            event = {"ts": round(1e6 * float(values["sim_time_s"]), 3), "pid": ROUNDS_PID, "tid": 1}
            yield {"name": name, "ph": "C", **event, "args": {name: float(values[name])}}


def _names(result: Result, threads: dict[str, int], levels: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Names of the processes, sorted from the top of the tree, and of the threads."""
    titles = {ROUNDS_PID: f"{result.name}: global rounds"}
    titles |= {level + 2: level_name(level) for level in sorted(set(levels.values()), reverse=True)}
    for position, (pid, title) in enumerate(titles.items()):
        yield {"name": "process_name", "ph": "M", "pid": pid, "tid": 0, "args": {"name": title}}
        yield {
            "name": "process_sort_index",
            "ph": "M",
            "pid": pid,
            "tid": 0,
            "args": {"sort_index": position},
        }
    for node, tid in threads.items():
        yield {"name": "thread_name", "ph": "M", "pid": levels[node] + 2, "tid": tid, "args": {"name": node}}
