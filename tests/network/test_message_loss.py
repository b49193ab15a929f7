"""Message losses: truncated geometric attempts, delivery probabilities, and reliable downlinks."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import simpy

from netsim.network.channel import FixedRate
from netsim.network.links import Downlink, Link
from netsim.network.media import DedicatedMedium, SharedMedium
from netsim.network.message_loss import (
    LOSSES,
    Arq,
    Direction,
    Erasure,
    LinkIdentity,
    Loss,
    NoLoss,
    Waterfall,
    simulate_attempts,
)
from netsim.network.packets import PACKETS

PACKET = 8 * 1448
"""Payload bits of one full packet."""


class Mean:
    """A generator whose draws are the mean, so that results are expectations."""

    def binomial(self, n: int, p: float) -> int:
        return round(n * p)


def link(
    loss: Loss,
    direction: Direction = "up",
    ordinal: int = 0,
    snr: float | None = None,
    latency_s: float = 0.0,
) -> Link:
    env, identity = simpy.Environment(), LinkIdentity(5, 0, ordinal, direction)
    medium, headers = SharedMedium(env), PACKETS["none"]
    return Link(env, FixedRate(1e6), medium, latency_s, headers, loss=loss, identity=identity, snr=snr)


def survivors(loss: Loss, payload_bits: int, messages: int, snr: float | None = None) -> tuple[float, float]:
    """Fraction of delivered messages, and its standard error."""
    up = link(loss, snr=snr)
    share = float(np.mean([up.send(payload_bits).delivered for _ in range(messages)]))
    return share, math.sqrt(share * (1 - share) / messages)


def test_oracle_H1_mean_attempts_and_residual_of_truncated_geometric() -> None:
    units = 10**12
    draw_attempts = simulate_attempts(Mean(), units, [0.1], 4)  # type: ignore[arg-type]
    assert (
        draw_attempts.sent / units
        == pytest.approx((1 - 0.1**4) / 0.9, rel=1e-9)
        == pytest.approx(1.111, rel=1e-9)
    )
    assert draw_attempts.missing / units == pytest.approx(1e-4, rel=1e-9)


def test_oracle_H1_drawn_attempts_of_a_long_message() -> None:
    packets = 4_000_000
    sent = link(Arq(0.1)).send(packets * PACKET)
    mean, error = sent.wire_bits / (packets * PACKET), 0.35 / math.sqrt(packets)  # sd of attempts 0.345
    assert error < 2e-4
    assert abs(mean - 1.111) < 4 * error
    draw_attempts, _ = link(Arq(0.1)).draw_attempts(packets * PACKET, [0.1])
    assert abs(draw_attempts.missing / packets - 1e-4) < 4 * 1e-2 / math.sqrt(packets)
    assert draw_attempts.rounds == 4


def test_oracle_H1_a_message_as_one_unit_is_erased_with_the_residual() -> None:
    share, error = survivors(Arq(0.5, attempts=3, per="message"), PACKET, 8000)
    assert error < 0.005
    assert abs(share - (1 - 0.5**3)) < 4 * error


def test_oracle_H2_survival_of_a_message_of_packets() -> None:
    share, error = survivors(Erasure(1e-3, per="packet"), 1000 * PACKET, 12_000)
    assert error < 0.005
    assert abs(share - 0.36770) < 4 * error


@pytest.mark.parametrize(("a", "golden"), [(0.01, 0.044805), (0.1, 0.233433), (1.0, 0.720268)])
def test_oracle_F8_packet_errors_over_rayleigh_fading(a: float, golden: float) -> None:
    assert Waterfall(a).error_probability(1.0) == pytest.approx(golden, abs=5e-7)
    assert Waterfall(1.0).error_probability(1 / a) == pytest.approx(golden, abs=5e-7)
    fades = np.random.Generator(np.random.Philox(key=3)).exponential(1.0, 40_000)
    still = Waterfall(a, fading="none")
    drawn = np.array([still.error_probability(float(fade)) for fade in fades])
    error = float(drawn.std(ddof=1)) / math.sqrt(len(drawn))
    assert error < 0.003
    assert abs(float(drawn.mean()) - golden) < 4 * error


def test_oracle_F8_messages_of_a_link_are_lost_at_its_snr() -> None:
    share, error = survivors(Waterfall(0.1), PACKET, 8000, snr=1.0)
    assert error < 0.006
    assert abs(1 - share - 0.233433) < 4 * error


def test_without_fading_the_waterfall_is_its_formula() -> None:
    assert Waterfall(1.08, fading="none").error_probability(10.0) == pytest.approx(
        1 - math.exp(-0.108), rel=1e-12
    )
    assert Waterfall(fading="none").error_probability(1e-3) == 1.0
    assert not link(Waterfall(fading="none"), snr=1e-3).send(PACKET).delivered


def test_an_erased_message_uses_its_airtime_and_its_event_fires_at_the_end() -> None:
    up = link(Erasure(0.9), latency_s=0.25)
    sent = next(t for t in iter(lambda: up.send(500_000), None) if not t.delivered)
    assert (sent.wire_bits, sent.airtime_s) == (500_000, 0.5)
    alone = link(Erasure(0.9), latency_s=0.25, ordinal=7)
    lost = alone.send(500_000)
    alone.env.run(lost.arrived)
    assert not lost.delivered
    assert alone.env.now == 0.75


@pytest.mark.parametrize("loss", [Arq(0.6, attempts=2), Erasure(0.6), Waterfall(1.0)])
def test_downlinks_repeat_until_delivery(loss: Loss) -> None:
    down = link(loss, "down", snr=1.0)
    sent = [down.send(PACKET) for _ in range(200)]
    assert all(transfer.delivered for transfer in sent)
    mean = sum(transfer.wire_bits for transfer in sent) / (200 * PACKET)
    rate = down.error_rate
    assert abs(mean - 1 / (1 - rate)) < 4 * math.sqrt(rate / 200) / (1 - rate)
    assert max(transfer.wire_bits for transfer in sent) > 2 * PACKET
    assert not all(link(loss, "up", snr=1.0, ordinal=k).send(PACKET).delivered for k in range(50))


def test_oracle_a_broadcast_repeats_what_any_receiver_is_missing() -> None:
    env, medium = simpy.Environment(), DedicatedMedium(simpy.Environment())
    links = [
        Link(
            env,
            FixedRate(1e6),
            medium,
            0.0,
            PACKETS["none"],
            loss=Arq(p),
            identity=LinkIdentity(1, 0, k, "down"),
        )
        for k, p in enumerate((0.1, 0.3, 0.5))
    ]
    packets = 400_000
    sent = Downlink(links, broadcast=True).send(packets * PACKET)
    lacking = [1 - (1 - 0.1**r) * (1 - 0.3**r) * (1 - 0.5**r) for r in range(60)]
    second = sum((2 * r + 1) * p for r, p in enumerate(lacking))
    error = math.sqrt((second - sum(lacking) ** 2) / packets)
    assert error < 0.003
    assert abs(sent.wire_bits / (packets * PACKET) - sum(lacking)) < 4 * error
    assert sent.parts[0].delivered


def test_retries_add_latency_and_do_not_occupy_the_medium() -> None:
    up = link(Arq(0.9, attempts=3, retry_latency=10.0))
    sent = next(t for t in iter(lambda: up.send(PACKET), None) if t.wire_bits == 3 * PACKET)
    fresh = link(Arq(0.9, attempts=3, retry_latency=10.0))
    one = fresh.send(PACKET)
    fresh.env.run(one.arrived)
    repeats = one.wire_bits // PACKET - 1
    assert repeats > 0
    assert fresh.env.now == pytest.approx(one.airtime_s + 10.0 * repeats, rel=1e-12)
    assert sent.airtime_s == pytest.approx(3 * PACKET / 1e6, rel=1e-12)


def test_draws_are_keyed_by_seed_child_direction_and_message() -> None:
    def fates(seed: int, level: int, ordinal: int, direction: Direction) -> list[int]:
        env = simpy.Environment()
        identity = LinkIdentity(seed, level, ordinal, direction)
        one = Link(
            env,
            FixedRate(1e6),
            DedicatedMedium(env),
            0,
            PACKETS["none"],
            loss=Arq(0.5, 60),
            identity=identity,
        )
        return [one.send(50 * PACKET).wire_bits for _ in range(5)]

    same = fates(1, 0, 3, "up")
    assert same == fates(1, 0, 3, "up")
    assert len(set(same)) > 1
    others = [fates(2, 0, 3, "up"), fates(1, 1, 3, "up"), fates(1, 0, 4, "up"), fates(1, 0, 3, "down")]
    assert all(same != other for other in others)


def test_without_loss_there_are_no_draws_and_no_repetitions() -> None:
    plain = link(NoLoss()).send(PACKET)
    assert (plain.wire_bits, plain.airtime_s, plain.delivered) == (PACKET, PACKET / 1e6, True)
    assert link(Arq(0.0)).send(PACKET).wire_bits == PACKET
    assert link(Erasure(0.9)).send(0).delivered


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Arq(1.0), "error_rate must be in [0, 0.99], got 1.0; 10 % is 0.1"),
        (lambda: Arq(0.1, attempts=0), "attempts must be a whole number >= 1, got 0; LTE makes 4"),
        (lambda: Arq(0.1, retry_latency=-1.0), "retry_latency must be >= 0"),
        (lambda: Arq(0.1, per="bit"), "per must be packet or message, got 'bit'"),  # type: ignore[arg-type]
        (lambda: Erasure(-0.1), "probability must be in [0, 0.99], got -0.1"),
        (lambda: Erasure(0.1, per="bit"), "per must be packet or message, got 'bit'"),  # type: ignore[arg-type]
        (lambda: Waterfall(0.0), "m must be finite and > 0 (linear, not dB), got 0.0"),
        (lambda: Waterfall(1.0, fading="x"), "fading must be rayleigh or none, got 'x'"),  # type: ignore[arg-type]
        (lambda: link(Waterfall()), "this link: waterfall needs a link with an SNR"),
        (
            lambda: link(Waterfall(), "down", snr=1e-3),
            "this link loses 1 of its downlink messages (at most 0.99)",
        ),
    ],
)
def test_an_invalid_loss_is_rejected(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        build()


def test_a_lossy_link_needs_an_identity() -> None:
    env = simpy.Environment()
    with pytest.raises(ValueError, match="needs an identity to key its draws"):
        Link(env, FixedRate(1e6), DedicatedMedium(env), 0.0, PACKETS["none"], loss=Erasure(0.1))


def test_descriptions_of_losses() -> None:
    message = [loss.describe() for loss in (NoLoss(), Arq(0.1), Erasure(0.1), Waterfall())]
    assert message == [
        "no loss",
        "ARQ, 0.1 per packet, 4 attempts, 8 ms each retry",
        "erasure, 0.1 per message",
        "waterfall, m 1.08, Rayleigh",
    ]
    assert list(LOSSES) == ["none", "arq", "erasure", "waterfall"]
