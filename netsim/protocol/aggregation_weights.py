"""Weights of answers in an aggregation: shares of the children, selection weights, staleness and mixing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from learning.algorithms.layer import Layer
from learning.engine import Engine, LazyVector, Payload
from netsim.barriers.barriers import Asynchronous, Barrier
from netsim.protocol.exchange import Exchange
from netsim.protocol.membership import Membership
from netsim.topology import Node


def aggregation_weights(
    finished: Sequence[Exchange],
    answered: Sequence[Exchange],
    membership: Membership,
    node: Node,
    barrier: Barrier,
    aggregation: int,
) -> list[float]:
    """Return the weights of the `answered` exchanges among all `finished` ones, for one aggregation of `node`.

    Shares are normalised to a sum of 1 over the children that answered; weights from a selection are normalised to
    their sum over the selected children, so that lost answers do not shorten the step. Staleness factors multiply these
    and are not normalised: a stale answer moves the model less. With asynchronous mixing the weight is `mix` times the
    staleness factor, and answers of the same instant are mixed in one after the other.
    """
    factors = [barrier.staleness.factor(aggregation - exchange.aggregation) for exchange in answered]
    if isinstance(barrier, Asynchronous):
        return sequential_weights([barrier.mix * factor for factor in factors])
    weights = [
        share if exchange.weight is None else exchange.weight
        for exchange, share in zip(answered, _shares(answered, membership, node), strict=True)
    ]
    if len(answered) < len(finished) and any(exchange.weight is not None for exchange in answered):
        selected = math.fsum(exchange.weight for exchange in finished if exchange.weight is not None)
        weights = [weight * selected / math.fsum(weights) for weight in weights]
    return [
        weight if factor == 1 else weight * factor for weight, factor in zip(weights, factors, strict=True)
    ]


def _shares(answered: Sequence[Exchange], membership: Membership, node: Node) -> list[float]:
    """Return the shares of the children that answered, with sum 1; if the tree changed, by weights at the broadcast."""
    if membership.has_reattached:
        total = sum(exchange.subtree_weight for exchange in answered)
        return [exchange.subtree_weight / total for exchange in answered]
    names = (child.name for child in membership.children(node))
    by_name = dict(zip(names, membership.shares(node), strict=True))
    shares = [by_name[exchange.child.name] for exchange in answered]
    if len(answered) < len(by_name):
        total_share = math.fsum(shares)
        shares = [share / total_share for share in shares]
    return shares


def sequential_weights(mixes: Sequence[float]) -> list[float]:
    """Return weights c so that w + sum_i c_i (x_i - w) mixes in the models x_i in order: w <- (1 - a_i) w + a_i x_i.

    c_i = a_i prod_{j > i} (1 - a_j), of which the sum is at most 1. Source: FedAsync, arXiv:1903.03934, applied
    repeatedly (own derivation).
    """
    remaining, weights = 1.0, []
    for mix in reversed(mixes):
        weights.append(mix * remaining)
        remaining *= 1.0 - mix
    return weights[::-1]


def relative_to(engine: Engine, layer: Layer, exchange: Exchange, model: LazyVector) -> Payload:
    """Return the answer as the difference of the sender's model from `model`, the parent's current one.

    The upload encodes a difference from the model that the sender received, which may be older.
    """
    payload = cast("Payload", exchange.answer)
    received = () if layer.up.lossless else ((1.0, exchange.received.model),)
    return replace(payload, decoded=engine.weighted_sum((*received, (1.0, payload.decoded), (-1.0, model))))
