"""What answers count in an aggregation: shares of those who answered, selections' weights, staleness, mixing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from learning.algorithms.algorithm import Layer
from learning.engine import Engine, Payload, Ref
from netsim.barriers.barriers import Asynchronous, Barrier
from netsim.protocol.exchange import Exchange
from netsim.protocol.membership import Membership
from netsim.topology import Node


def weigh(
    done: Sequence[Exchange],
    present: Sequence[Exchange],
    membership: Membership,
    node: Node,
    wait: Barrier,
    turn: int,
) -> list[float]:
    """Final weights of the answers that are `present` for the `turn`-th aggregation of `node`, of all talks `done`.

    Shares of children are brought back to a sum of 1 over those who answered, a selection's own weights to the sum
    over those who were asked: what is lost on the way does not shorten the step.
    Staleness factors come on top and are not brought back to 1: an old answer moves the model less. Asynchronous
    mixing weighs every answer by `mix` alone, answers of one instant one after the other.
    """
    ages = [wait.staleness.factor(turn - exchange.turn) for exchange in present]
    if isinstance(wait, Asynchronous):
        return in_turn([wait.mix * age for age in ages])
    mine = _shares(present, membership, node)
    own = [
        share if exchange.weight is None else exchange.weight
        for exchange, share in zip(present, mine, strict=True)
    ]
    if len(present) < len(done) and any(exchange.weight is not None for exchange in present):
        asked = math.fsum(exchange.weight for exchange in done if exchange.weight is not None)
        own = [weight * asked / math.fsum(own) for weight in own]
    return [weight if age == 1 else weight * age for weight, age in zip(own, ages, strict=True)]


def _shares(present: Sequence[Exchange], membership: Membership, node: Node) -> list[float]:
    """Shares of those who answered, summing to 1; in a changed tree by what was below them as they were told."""
    if membership.moved:
        masses = sum(exchange.mass for exchange in present)
        return [exchange.mass / masses for exchange in present]
    shares = dict(
        zip((child.name for child in membership.children(node)), membership.shares(node), strict=True)
    )
    mine = [shares[exchange.child.name] for exchange in present]
    if len(present) < len(shares):
        whole = math.fsum(mine)
        mine = [share / whole for share in mine]
    return mine


def in_turn(mixes: Sequence[float]) -> list[float]:
    """Weights c of w + sum_i c_i (x_i - w) that mix models x_i in one after the other: w <- (1 - a_i) w + a_i x_i.

    c_i = a_i times the product of 1 - a_j over j > i: together never more than 1, however many answer at once.
    """
    left, weights = 1.0, []
    for mix in reversed(mixes):
        weights.append(mix * left)
        left *= 1.0 - mix
    return weights[::-1]


def whole_model(engine: Engine, layer: Layer, exchange: Exchange, own: Ref) -> Payload:
    """The answer as what the sender's model differs by from `own`, the parent's present one, whatever it had heard."""
    payload = cast("Payload", exchange.answer)
    heard = () if layer.up.lossless else ((1.0, exchange.heard.model),)
    return replace(payload, body=engine.linear((*heard, (1.0, payload.body), (-1.0, own))))
