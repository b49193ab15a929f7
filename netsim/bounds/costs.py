"""Costs of a global round in seconds, joules and bits, for many choices of tau and message sizes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.bounds.problem import Floats

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Sizes:
    """Payload bits of a layer's messages: uplinks per quantization choice [choices], the downlink, the first one.

    Lists are over layers 1 ... N; `first` is the size of the initial model, 32 d bits, sent in the first round.
    """

    up: tuple[tuple[float, ...], ...]
    down: tuple[float, ...]
    first: float

    def chosen(self, choice: Indices) -> Floats:
        """Return uplink bits [N, B] of choices [N, B]."""
        return np.stack([np.asarray(bits)[row] for bits, row in zip(self.up, choice, strict=True)])


@dataclass(frozen=True, eq=False)
class Amounts:
    """Costs of the first and of every later global round, [resources, B] each."""

    first: Floats
    later: Floats


class Costs(Protocol):
    """A model of the costs of rounds: increasing in every tau and choice; per local step decreasing in tau."""

    @property
    def names(self) -> Sequence[str]:
        """The resources: time, then energy and bits where they are limited or counted."""
        ...

    def rounds(self, tau: Floats, choice: Indices, share: Floats) -> Amounts:
        """Costs for tau [N, B], uplink choices [N, B] and the share of devices that take part [B]."""
        ...

    def least(self, tau: Floats, choice: Indices, share: Floats) -> Floats:
        """[resources, B]: no more than a later round's costs and, divided by K, falling in every tau."""
        ...


@dataclass(frozen=True, eq=False)
class Budget:
    """Limits in seconds, joules and bits, in the order of the costs' names; inf for no limit."""

    limits: Floats

    def allowed(self, amounts: Amounts) -> Floats:
        """Return the number of rounds within the limits [B]; one that ends at the deadline counts; inf: no limit."""
        fits = np.floor(
            (self.limits[:, None] - amounts.first) / _positive(amounts.later) * (1 + 1e-12) + 1e-12
        )
        full_box = np.where(amounts.first <= self.limits[:, None] * (1 + 1e-12), 1.0 + fits, 0.0)
        return np.asarray(np.maximum(full_box, 0.0).min(axis=0))

    def binding(self, amounts: Amounts) -> Indices:
        """Return the index of the resource that allows the fewest rounds [B]."""
        left = (self.limits[:, None] - amounts.first) / _positive(amounts.later)
        return np.asarray(left.argmin(axis=0))


def exchange_counts(tau: Floats) -> Floats:
    """Return r_1 ... r_N [N, B]: uploads of a level n - 1 node in a global round, K / k_n."""
    later = np.cumprod(tau[::-1], axis=0)[::-1]
    return np.concatenate([later[1:], np.ones_like(tau[:1])])


@dataclass(frozen=True, eq=False)
class CostLaw:
    """amount = c_0 K + sum_n (c_n + e_n bits_n) r_n, all coefficients >= 0; `first` is added in the first round."""

    steps: float
    per_exchange: Floats
    per_bit: Floats
    first: float
    spread: float
    """Relative root mean square residual of the fit."""

    def amount(self, tau: Floats, up: Floats) -> Floats:
        """Return the amount of a later round [B] for tau [N, B] and uplink bits [N, B]."""
        each = self.per_exchange[:, None] + self.per_bit[:, None] * up
        return np.asarray(self.steps * tau.prod(axis=0) + (each * exchange_counts(tau)).sum(axis=0))


def bits_per_round(
    tau: Floats, up: Floats, down: Sequence[float], senders: Sequence[int], speakers: Sequence[int]
) -> Floats:
    """Return payload bits of a later round [B], all layers and directions: the sum of `bits_up` and `bits_down`.

    A node forwards the message of the highest layer that synchronises, at that layer's size, so messages of layer m's
    size are sent r_m - r_{m+1} times on every layer n <= m.

    Args:
        tau: [N, B]; up: uplink bits of a message [N, B] (expected ones where not all devices take part).
        down: bits of layer m's own broadcasts.
        senders: nodes that upload on layer n; speakers: transfers on layer n of one broadcast to all.
    """
    r = exchange_counts(tau)
    own = r - np.concatenate([r[1:], np.zeros_like(r[:1])])
    total = (np.asarray(senders, dtype=np.float64)[:, None] * r * up).sum(axis=0)
    for n, transfers in enumerate(speakers):
        total = total + transfers * (own[n:] * np.asarray(down, dtype=np.float64)[n:, None]).sum(axis=0)
    return np.asarray(total)


def monotone(down: Sequence[float]) -> tuple[float, ...]:
    """Return the largest sizes <= `down` that do not decrease towards the cloud, so that costs per step fall in tau."""
    return tuple(np.minimum.accumulate(np.asarray(down, dtype=np.float64)[::-1])[::-1].tolist())


def _positive(values: Floats) -> Floats:
    return np.maximum(values, 1e-300)
