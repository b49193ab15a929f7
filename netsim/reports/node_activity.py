"""Activities of every node over a run, derived from its messages and consistent with the nodes table.

Own derivation. An exchange begins with a message from the parent and ends with the node's last answer to it. The
messages do not contain the end of an exchange without an answer; it follows from the durations in the nodes table.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netsim.reports.activity_fit import (
    ROUNDING_S,
    Activity,
    ActivityInterval,
    ActivitySeconds,
    Bounds,
    fit_intervals,
)
from netsim.results.receivers import ALL_CHILDREN, parse_receivers
from netsim.results.result import Result

if TYPE_CHECKING:
    import networkx as nx
    from pandas import DataFrame

POLL_ANSWER_BITS = 32
"""Payload of an answer to a poll, which reports a loss (see `netsim.protocol.polling`)."""


class _Message(NamedTuple):
    """A message from or to a node: its row in the messages table, whether the node sent it, and its instants."""

    row: int
    is_own: bool
    sent_s: float
    end_s: float


class NodeActivities:
    """The activity intervals of a run's nodes; each node is computed on first access."""

    def __init__(self, result: Result, tree: nx.DiGraph[str]) -> None:
        messages = result.messages.sort_values(["round", "sent_s"], kind="stable").reset_index(drop=True)
        self._is_up = (messages["direction"] == "up").to_numpy()
        self._src, self._dst = messages["src"].to_numpy(), messages["dst"].to_numpy()
        self._sent_s, self._end_s, self._airtime_s = (
            messages[name].to_numpy(np.float64) for name in ("sent_s", "arrived_s", "airtime_s")
        )
        self._layer = messages["layer"].to_numpy()
        fates = messages["fate"] if "fate" in messages else messages["src"].map(lambda _: "")
        self._is_cancelled = (fates == "cancelled").to_numpy()
        self._bits = messages["payload_bits"].to_numpy()
        self._rows_of: dict[str, np.ndarray] = _rows_by_name(messages["src"].to_numpy())
        self._downlinks: dict[str, dict[str, list[int]]] = {}
        self._round_ends_s: list[float] = result.rounds["sim_time_s"].tolist()
        self._recorded = _recorded_seconds(result.nodes)
        self._parents = _parent_history(result.events)
        self._tree = tree
        self._by_node: dict[str, list[list[ActivityInterval]]] = {}

    def intervals(self, node: str, round_number: int) -> list[ActivityInterval]:
        """The activities of a node in a round (1, 2, ...) in order of time; the node waits between them."""
        if node not in self._by_node:
            self._by_node[node] = self._split_by_round(node)
        return self._by_node[node][round_number - 1]

    def _split_by_round(self, node: str) -> list[list[ActivityInterval]]:
        recorded, ends = self._recorded.get(node, {}), self._round_ends_s
        rounds: list[list[ActivityInterval]] = [[] for _ in ends[1:]]
        for interval in self._intervals(node):
            first = max(bisect_right(ends, interval.begin_s), 1)
            for number in range(first, len(ends)):
                if ends[number - 1] >= interval.end_s and interval.begin_s < ends[number - 1]:
                    break
                begin_s = max(interval.begin_s, ends[number - 1])
                end_s = min(interval.end_s, ends[number])
                rounds[number - 1].append(replace(interval, begin_s=begin_s, end_s=end_s))
        for number, intervals in enumerate(rounds, 1):
            fit_intervals(intervals, recorded.get(number))
        return [[one for one in intervals if one.duration_s > ROUNDING_S] for intervals in rounds]

    def _intervals(self, node: str) -> list[ActivityInterval]:
        messages, intervals, last_downlink = self._messages(node), list[ActivityInterval](), -1
        for message, following in zip(messages, [*messages[1:], None], strict=True):
            if message.is_own:
                intervals += self._upload(message, following, last_downlink)
            else:
                last_downlink = message.row
                intervals += self._downlink(message, following)
        return intervals

    def _downlink(self, message: _Message, following: _Message | None) -> list[ActivityInterval]:
        """Reception, then work until the answer; without an answer until some instant before the next message."""
        is_answered, next_s = (
            following is not None and following.is_own,
            following.sent_s if following else math.inf,
        )
        bounds: Bounds = "exact" if is_answered else "open_end"
        soft_end_s = (
            math.inf if is_answered else self._next_message_s(str(self._src[message.row]), message.sent_s)
        )
        link = self._transfer("receiving", message, next_s)
        return [
            replace(link, bounds=bounds, soft_end_s=soft_end_s),
            ActivityInterval("busy", link.end_s, next_s, bounds=bounds, soft_end_s=soft_end_s),
        ]

    def _upload(
        self, message: _Message, following: _Message | None, last_downlink: int
    ) -> list[ActivityInterval]:
        """An upload; another one before the next downlink completes a stalled upload or follows a poll."""
        next_s = following.sent_s if following else math.inf
        link = self._transfer("sending", message, next_s)
        if following is not None and following.is_own and self._is_cancelled[message.row]:
            return [link, ActivityInterval("sending", link.end_s, next_s, link.layer)]
        if last_downlink < 0 or self._bits[message.row] != POLL_ANSWER_BITS:
            return [link]
        poll_end_s = min(next_s, max(link.end_s, self._poll_end_s(last_downlink)))
        if following is not None and following.is_own:
            return [link, ActivityInterval("busy", poll_end_s, next_s, bounds="open_begin")]
        soft_end_s = self._next_message_s(str(self._dst[message.row]), poll_end_s)
        return [link, ActivityInterval("busy", poll_end_s, next_s, bounds="open_end", soft_end_s=soft_end_s)]

    def _transfer(self, activity: Activity, message: _Message, next_s: float) -> ActivityInterval:
        end_s = min(message.end_s, next_s)
        layer, airtime_s = int(self._layer[message.row]), float(self._airtime_s[message.row])
        return ActivityInterval(activity, message.sent_s, end_s, layer, airtime_s, end_s)

    def _messages(self, node: str) -> list[_Message]:
        """The uploads of a node and the downlinks to it in order, without echoes, which require no work."""
        history = self._parents.get(node) or [(-math.inf, next(self._tree.predecessors(node), ""))]
        uploads = self._uploads(node)
        parents = dict.fromkeys(
            [*(parent for _, parent in history), *(str(self._dst[row]) for row in uploads)]
        )
        downlinks = [row for parent in parents for row in self._downlinks_of(parent).get(node, ())]
        for parent in parents:
            broadcasts = self._downlinks_of(parent).get(ALL_CHILDREN, ())
            downlinks += [
                row
                for row in broadcasts
                if len(history) == 1 or _parent_at(history, self._sent_s[row]) == parent
            ]
        rows = [(row, False) for row in downlinks if not self._is_echo(row)] + [
            (row, True) for row in uploads
        ]
        return [self._message(row, is_own) for row, is_own in sorted(rows)]

    def _message(self, row: int, is_own: bool) -> _Message:
        end_s = float(self._end_s[row])
        return _Message(row, is_own, float(self._sent_s[row]), math.inf if math.isnan(end_s) else end_s)

    def _downlinks_of(self, parent: str) -> dict[str, list[int]]:
        """Rows of a parent's downlinks by addressee; `*` stands for all children."""
        if parent not in self._downlinks:
            by_addressee: dict[str, list[int]] = {}
            for row in self._rows_of.get(parent, ()):
                for name in () if self._is_up[row] else parse_receivers(str(self._dst[row])):
                    by_addressee.setdefault(name, []).append(int(row))
            self._downlinks[parent] = by_addressee
        return self._downlinks[parent]

    def _next_message_s(self, sender: str, now_s: float) -> float:
        """The instant of the first message that `sender` sends after `now_s`; infinite without one."""
        sent_s = self._sent_s[self._rows_of[sender]] if sender in self._rows_of else self._sent_s[:0]
        k = int(np.searchsorted(sent_s, now_s, side="right"))
        return float(sent_s[k]) if k < len(sent_s) else math.inf

    def _poll_end_s(self, row: int) -> float:
        """The end of a poll: the arrival of the last first answer of the nodes that row `row` addresses."""
        name = str(self._dst[row])
        polled = self._tree.successors(str(self._src[row])) if name == ALL_CHILDREN else parse_receivers(name)
        answers = [[answer for answer in self._uploads(node) if answer > row][:1] for node in polled]
        arrivals = (self._end_s[answer] for first in answers for answer in first)
        return float(max(arrivals, default=self._sent_s[row]))

    def _uploads(self, node: str) -> list[int]:
        return [int(row) for row in self._rows_of.get(node, ()) if self._is_up[row]]

    def _is_echo(self, row: int) -> bool:
        """Whether a downlink is an echo: its sender uploads at the same instant."""
        rows = self._rows_of[str(self._src[row])]
        k = int(np.searchsorted(rows, row)) + 1
        if k >= len(rows):
            return False
        following = int(rows[k])
        return bool(self._is_up[following]) and bool(self._sent_s[following] == self._sent_s[row])


def _rows_by_name(names: np.ndarray) -> dict[str, np.ndarray]:
    """The positions of every distinct name, in order."""
    import pandas as pd

    codes, distinct = pd.factorize(names)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(codes, minlength=len(distinct)))[:-1])
    return {str(name): rows for name, rows in zip(distinct, parts, strict=len(distinct) > 0)}


def _recorded_seconds(nodes: DataFrame) -> dict[str, dict[int, ActivitySeconds]]:
    """Durations of the nodes table by node and round; serving children counts as busy."""
    recorded: dict[str, dict[int, ActivitySeconds]] = {}
    columns = ["node", "round", "downlink_s", "compute_s", "below_s", "uplink_s"]
    for node, number, downlink_s, compute_s, below_s, uplink_s in nodes[columns].itertuples(
        index=False, name=None
    ):
        seconds = ActivitySeconds(downlink_s, compute_s + below_s, uplink_s)
        recorded.setdefault(str(node), {})[int(number)] = seconds
    return recorded


def _parent_history(events: DataFrame | None) -> dict[str, list[tuple[float, str]]]:
    """For every node that changed its parent: pairs of an instant and the parent from then on ("": none)."""
    history: dict[str, list[tuple[float, str]]] = {}
    if events is None:
        return history
    moves = events[events["from"] != events["to"]][["node", "time_s", "from", "to"]]
    for node, time_s, before, after in moves.itertuples(index=False, name=None):
        history.setdefault(str(node), [(-math.inf, str(before))]).append((float(time_s), str(after)))
    return history


def _parent_at(history: Sequence[tuple[float, str]], now_s: float) -> str:
    return history[bisect_right(history, now_s, key=lambda entry: entry[0]) - 1][1]
