"""Stays of a node at hearing, work and sending in one round, fitted to the seconds that the nodes table says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

At = Literal["hearing", "busy", "sending"]
Ends = Literal["told", "open", "headless"]
"""A stay's ends: both are in the messages; it ends by `end_s` at the latest; it begins at `begin_s` at the earliest."""

SLACK_S = 1e-12
"""What is shorter is rounding."""


@dataclass
class ActivityInterval:
    """A node was at this from `begin_s` to `end_s`; on a link of `layer`, whose medium was its own for `airtime_s`.

    `over_s`: when the transfer is over, which may be in a later round. `soft_s`: the parent's next word after it
    began a conversation that it may have given up by then.
    """

    at: At
    begin_s: float
    end_s: float
    layer: int = 0
    airtime_s: float = 0.0
    over_s: float = math.inf
    ends: Ends = "told"
    soft_s: float = math.inf

    @property
    def length_s(self) -> float:
        """How long it was."""
        return self.end_s - self.begin_s

    @property
    def served_s(self) -> float:
        """From when on the medium can have served it: before that it queued."""
        return min(max(self.begin_s, self.over_s - self.airtime_s), self.end_s)


class Spent(NamedTuple):
    """Seconds of a round that a node was at each of these."""

    hearing_s: float
    busy_s: float
    sending_s: float


def fit(stays: list[ActivityInterval], spent: Spent | None) -> None:
    """Move those ends that the messages leave open until the stays of a round last what was `spent`.

    None: the table does not say; whoever never answers then works until its parent's next word.
    """
    for stay in stays:
        if spent is None and stay.ends == "open":
            stay.end_s = max(stay.begin_s, min(stay.end_s, stay.soft_s))
    if spent is not None:
        _hear(stays, spent)
        _work(stays, spent.busy_s)


def _hear(stays: list[ActivityInterval], spent: Spent) -> None:
    """A message to several is over when its last receiver has it, which may be later than this one.

    Whoever stops listening does so by its parent's next word, or earlier if it left and so did no work besides
    what it answered; a node that heard nothing until then was down.
    """
    heard = [k for k, stay in enumerate(stays) if stay.at == "hearing"]
    over_s = sum(stays[k].length_s for k in heard) - spent.hearing_s
    worked_s = sum(stay.length_s for stay in stays if stay.at == "busy" and stay.ends == "told")
    left = spent.busy_s <= worked_s + _close(spent.busy_s)
    for k in (k for k in reversed(heard) if stays[k].ends == "open" and over_s > _close(spent.hearing_s)):
        earliest_s = stays[k].begin_s if left else min(stays[k].soft_s, stays[k].end_s)
        over_s -= _until(stays, k, max(earliest_s, stays[k].end_s - over_s))
    whole_s = sum(stays[k].length_s for k in heard)
    if over_s > _close(spent.hearing_s) and whole_s > 0:
        for k in heard:
            _until(stays, k, stays[k].begin_s + stays[k].length_s * (spent.hearing_s / whole_s))
    elif heard and over_s < -_close(spent.hearing_s):
        _until(stays, heard[-1], stays[heard[-1]].end_s - over_s)


def _until(stays: list[ActivityInterval], k: int, end_s: float) -> float:
    """The k-th stay ends then, and the next begins, if it followed at once; by how much that is earlier."""
    stay, after = stays[k], stays[k + 1] if k + 1 < len(stays) else None
    old_s = stay.end_s
    if after is not None and after.at == "busy" and after.begin_s == old_s:
        stay.end_s = after.begin_s = max(stay.begin_s, min(end_s, after.end_s))
    else:
        stay.end_s = max(stay.begin_s, min(end_s, old_s))
    if stay.end_s != old_s:
        stay.over_s = stay.end_s
    return max(0.0, old_s - stay.end_s)


def _work(stays: list[ActivityInterval], spent_s: float) -> None:
    busy = [stay for stay in stays if stay.at == "busy"]
    told, unheard_of, unanswered = ([s for s in busy if s.ends == ends] for ends in _ORDER)
    left_s = spent_s - sum(stay.length_s for stay in told)
    if left_s < -_close(spent_s):
        _shorten(stays, told, -left_s)
    for stay in unheard_of:
        stay.begin_s = max(stay.begin_s, stay.end_s - max(left_s, 0.0))
        left_s -= stay.length_s
    _give(unanswered, left_s)


def _give(stays: Sequence[ActivityInterval], left_s: float) -> None:
    """So many seconds in all to conversations without an answer: each up to its parent's next word, then further."""
    latest = [stay.end_s for stay in stays]
    for stay in stays:
        stay.end_s = stay.begin_s + max(0.0, min(min(stay.end_s, stay.soft_s) - stay.begin_s, left_s))
        left_s -= stay.length_s
    for stay, end_s in zip(reversed(stays), reversed(latest), strict=True):
        more_s = max(0.0, min(end_s - stay.end_s, left_s))
        stay.end_s += more_s
        left_s -= more_s


def _shorten(stays: list[ActivityInterval], told: Sequence[ActivityInterval], over_s: float) -> None:
    """Work that took less than until the answer was sent: its link was down, and the answer waited."""
    for stay in reversed(told):
        cut_s = min(over_s, stay.length_s)
        if cut_s > SLACK_S:
            k = next(k for k, one in enumerate(stays) if one is stay)
            layer = next((one.layer for one in stays[k:] if one.at == "sending"), 0)
            stays.insert(k + 1, ActivityInterval("sending", stay.end_s - cut_s, stay.end_s, layer))
            stay.end_s -= cut_s
        over_s -= cut_s


def _close(seconds: float) -> float:
    return 1e-9 * max(seconds, 1e-3)


_ORDER: tuple[Ends, ...] = ("told", "headless", "open")
