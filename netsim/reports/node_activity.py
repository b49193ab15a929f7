"""What every node was at all through a run: told from its messages, and held to the seconds of the nodes table.

Own derivation. A conversation begins with a message from above and ends with the node's last answer to it. One that
ends without an answer leaves no instant in the messages: the seconds that the nodes table knows of say when.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netsim.reports.activity_fit import SLACK_S, ActivityInterval, At, Ends, Spent, fit
from netsim.results.addressing import EVERYBODY, addressees
from netsim.results.result import Result

if TYPE_CHECKING:
    import networkx as nx
    from pandas import DataFrame

POLLED_BITS = 32
"""Payload of an answer to a poll, which tells a loss: netsim.protocol.polling."""


class _Word(NamedTuple):
    """A message as the node sees it: its row, whether it is the node's own, and its instants."""

    row: int
    own: bool
    sent_s: float
    over_s: float


class NodeActivities:
    """The lives of a run's nodes, each derived when it is first asked for."""

    def __init__(self, result: Result, tree: nx.DiGraph[str]) -> None:
        sent = result.messages.sort_values(["round", "sent_s"], kind="stable").reset_index(drop=True)
        self._up = (sent["direction"] == "up").to_numpy()
        self._src, self._dst = sent["src"].to_numpy(), sent["dst"].to_numpy()
        self._sent_s, self._over_s, self._airtime_s = (
            sent[name].to_numpy(np.float64) for name in ("sent_s", "arrived_s", "airtime_s")
        )
        self._layer = sent["layer"].to_numpy()
        fates = sent["fate"] if "fate" in sent else sent["src"].map(lambda _: "")
        self._cancelled = (fates == "cancelled").to_numpy()
        self._bits = sent["payload_bits"].to_numpy()
        self._rows: dict[str, np.ndarray] = _by(sent["src"].to_numpy())
        self._told: dict[str, dict[str, list[int]]] = {}
        self._ends_s: list[float] = result.rounds["sim_time_s"].tolist()
        self._spent = _spent(result.nodes)
        self._homes = _homes(result.events)
        self._tree = tree
        self._known: dict[str, list[list[ActivityInterval]]] = {}

    def round_of(self, node: str, turn: int) -> list[ActivityInterval]:
        """What a node was at in round `turn` (1, 2, ...), in order of time; in between it waited."""
        if node not in self._known:
            self._known[node] = self._life(node)
        return self._known[node][turn - 1]

    def _life(self, node: str) -> list[list[ActivityInterval]]:
        spent, ends = self._spent.get(node, {}), self._ends_s
        rounds: list[list[ActivityInterval]] = [[] for _ in ends[1:]]
        for stay in self._stays(node):
            first = max(bisect_right(ends, stay.begin_s), 1)
            for turn in range(first, len(ends)):
                if ends[turn - 1] >= stay.end_s and stay.begin_s < ends[turn - 1]:
                    break
                begin_s, end_s = max(stay.begin_s, ends[turn - 1]), min(stay.end_s, ends[turn])
                rounds[turn - 1].append(replace(stay, begin_s=begin_s, end_s=end_s))
        for turn, stays in enumerate(rounds, 1):
            fit(stays, spent.get(turn))
        return [[stay for stay in stays if stay.length_s > SLACK_S] for stays in rounds]

    def _stays(self, node: str) -> list[ActivityInterval]:
        words, found, told = self._words(node), list[ActivityInterval](), -1
        for word, after in zip(words, [*words[1:], None], strict=True):
            if not word.own:
                told = word.row
            found += self._answer(word, after, told) if word.own else self._question(word, after)
        return found

    def _question(self, word: _Word, after: _Word | None) -> list[ActivityInterval]:
        """It hears, then it works until it answers, or until some instant before it is told again."""
        answers, next_s = after is not None and after.own, after.sent_s if after else math.inf
        ends: Ends = "told" if answers else "open"
        soft_s = math.inf if answers else self._next_word(str(self._src[word.row]), word.sent_s)
        link = self._link("hearing", word, next_s)
        return [
            replace(link, ends=ends, soft_s=soft_s),
            ActivityInterval("busy", link.end_s, next_s, ends=ends, soft_s=soft_s),
        ]

    def _answer(self, word: _Word, after: _Word | None, told: int) -> list[ActivityInterval]:
        """It sends. What it sends besides before it is told again: the rest of a stalled upload, or more for a poll."""
        next_s = after.sent_s if after else math.inf
        link = self._link("sending", word, next_s)
        if after is not None and after.own and self._cancelled[word.row]:
            return [link, ActivityInterval("sending", link.end_s, next_s, link.layer)]
        if told < 0 or self._bits[word.row] != POLLED_BITS:
            return [link]
        asked_s = min(next_s, max(link.end_s, self._all_in(told)))
        if after is not None and after.own:
            return [link, ActivityInterval("busy", asked_s, next_s, ends="headless")]
        soft_s = self._next_word(str(self._dst[word.row]), asked_s)
        return [link, ActivityInterval("busy", asked_s, next_s, ends="open", soft_s=soft_s)]

    def _link(self, at: At, word: _Word, next_s: float) -> ActivityInterval:
        over_s = min(word.over_s, next_s)
        return ActivityInterval(
            at, word.sent_s, over_s, int(self._layer[word.row]), float(self._airtime_s[word.row]), over_s
        )

    def _words(self, node: str) -> list[_Word]:
        """What it said and was told, in order; an echo, after which its parent answers at once, is not for work."""
        homes = self._homes.get(node) or [(-math.inf, next(self._tree.predecessors(node), ""))]
        own = self._said(node)
        parents = dict.fromkeys([*(home for _, home in homes), *(str(self._dst[row]) for row in own)])
        told = [row for home in parents for row in self._told_by(home).get(node, ())]
        for home in parents:
            everybody = self._told_by(home).get(EVERYBODY, ())
            told += [row for row in everybody if len(homes) == 1 or _home(homes, self._sent_s[row]) == home]
        words = [(row, False) for row in told if not self._is_echo(row)] + [(row, True) for row in own]
        return [self._word(row, mine) for row, mine in sorted(words)]

    def _word(self, row: int, own: bool) -> _Word:
        over_s = float(self._over_s[row])
        return _Word(row, own, float(self._sent_s[row]), math.inf if math.isnan(over_s) else over_s)

    def _told_by(self, parent: str) -> dict[str, list[int]]:
        """Rows of its words by the names of those who were told; `*` stands for all."""
        if parent not in self._told:
            found: dict[str, list[int]] = {}
            for row in self._rows.get(parent, ()):
                for name in () if self._up[row] else addressees(str(self._dst[row])):
                    found.setdefault(name, []).append(int(row))
            self._told[parent] = found
        return self._told[parent]

    def _next_word(self, parent: str, now_s: float) -> float:
        """When a parent speaks or answers next, at a later instant."""
        later = self._sent_s[self._rows[parent]] if parent in self._rows else self._sent_s[:0]
        k = int(np.searchsorted(later, now_s, side="right"))
        return float(later[k]) if k < len(later) else math.inf

    def _all_in(self, row: int) -> float:
        """When everybody who was told has answered for the first time: the end of a poll."""
        name = str(self._dst[row])
        told = self._tree.successors(str(self._src[row])) if name == EVERYBODY else addressees(name)
        later = [[said for said in self._said(one) if said > row][:1] for one in told]
        return float(max((self._over_s[said] for some in later for said in some), default=self._sent_s[row]))

    def _said(self, node: str) -> list[int]:
        return [int(row) for row in self._rows.get(node, ()) if self._up[row]]

    def _is_echo(self, row: int) -> bool:
        sender = self._rows[str(self._src[row])]
        k = int(np.searchsorted(sender, row)) + 1
        if k >= len(sender):
            return False
        after = int(sender[k])
        return bool(self._up[after]) and bool(self._sent_s[after] == self._sent_s[row])


def _by(names: np.ndarray) -> dict[str, np.ndarray]:
    """Rows by name, in order."""
    import pandas as pd

    codes, known = pd.factorize(names)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(codes, minlength=len(known)))[:-1])
    return {str(name): rows for name, rows in zip(known, parts, strict=len(known) > 0)}


def _spent(nodes: DataFrame) -> dict[str, dict[int, Spent]]:
    """What the table says of each node and round; serving those below is being busy."""
    found: dict[str, dict[int, Spent]] = {}
    columns = ["node", "round", "downlink_s", "compute_s", "below_s", "uplink_s"]
    for node, turn, hearing_s, compute_s, below_s, sending_s in nodes[columns].itertuples(
        index=False, name=None
    ):
        found.setdefault(str(node), {})[int(turn)] = Spent(hearing_s, compute_s + below_s, sending_s)
    return found


def _homes(events: DataFrame | None) -> dict[str, list[tuple[float, str]]]:
    """Since when each node that ever moved has had which parent ("": none)."""
    found: dict[str, list[tuple[float, str]]] = {}
    if events is None:
        return found
    moves = events[events["from"] != events["to"]][["node", "time_s", "from", "to"]]
    for node, time_s, before, after in moves.itertuples(index=False, name=None):
        found.setdefault(str(node), [(-math.inf, str(before))]).append((float(time_s), str(after)))
    return found


def _home(homes: Sequence[tuple[float, str]], now_s: float) -> str:
    return homes[bisect_right(homes, now_s, key=lambda home: home[0]) - 1][1]
