"""Device clocks: modelled durations, spread and jitter, with draws keyed by device and step."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netsim.devices.clock import MAX_CACHED_BLOCKS, Clock
from netsim.devices.compute import (
    COMPUTE,
    SPREADS,
    Constant,
    Cycles,
    Flops,
    Profiled,
    Servers,
    TracedSpeed,
    Work,
)
from netsim.devices.variation import Lognormal, NoSpread, ShiftedExponential, UniformVariation
from netsim.rng import normals, uniforms

STEP = Work(8e8, 32)
DATA = Path(__file__).parent / "speeds"
SPEEDS = str(DATA / "speeds.csv")


def test_oracle_time_is_operations_over_used_rate() -> None:
    assert Flops(2e9, 0.2).clock(STEP, [0, 5], 1).step_s.tolist() == [2.0, 2.0]
    assert Constant(0.03).clock(STEP, [0, 5], 1).step_s.tolist() == [0.03, 0.03]


def test_oracle_cycles_per_bit_and_per_sample_are_the_same_work() -> None:
    """20 cycles/bit over 6e7 bits at 1 GHz take 1.2 s."""
    per_bit = Cycles(1e9, cycles_per_bit=20.0, bits_per_sample=6e7 / 32).clock(STEP, [3], 1)
    per_sample = Cycles(1e9, cycles_per_sample=20 * 6e7 / 32).clock(STEP, [3], 1)
    assert per_bit.local_work_s(3, 1, 0) == per_sample.local_work_s(3, 1, 0) == pytest.approx(1.2, rel=1e-12)
    assert (per_bit.cycles, per_bit.frequency_hz(3)) == (1.2e9, 1e9)


def test_oracle_a_profile_multiplies_by_samples_and_a_trace_uses_its_first_column() -> None:
    assert Profiled(0.002).clock(STEP, [0], 1).step_s.tolist() == [0.064]
    seen = TracedSpeed(SPEEDS, assign="in_order").clock(STEP, [0, 1, 5], 1).step_s
    assert seen.tolist() == pytest.approx([0.08, 0.128, 0.128])


def test_the_trace_row_of_a_device_is_drawn_from_all_rows_and_keyed_by_the_device() -> None:
    together = TracedSpeed(SPEEDS).clock(STEP, range(4000), 3).step_s
    values, counts = np.unique(together, return_counts=True)
    assert values.tolist() == pytest.approx([0.08, 0.128, 0.304, 0.992])
    assert np.abs(counts - 1000).max() < 4 * math.sqrt(4000 * 0.25 * 0.75)
    assert TracedSpeed(SPEEDS).clock(STEP, [17, 2], 3).step_s.tolist() == together[[17, 2]].tolist()


def test_a_slow_device_of_a_cycles_clock_runs_at_a_lower_frequency() -> None:
    clock = Cycles(1e9, cycles_per_sample=1e6, spread=UniformVariation(1, 2, of="speed")).clock(
        STEP, range(50), 1
    )
    assert clock.hz is not None
    assert clock.cycles is not None
    assert (clock.hz >= 1e9).all()
    assert (clock.hz < 2e9).all()
    assert clock.step_s == pytest.approx(clock.cycles / clock.hz, rel=1e-15)


def test_the_speed_of_a_device_does_not_depend_on_the_other_ordinals() -> None:
    part = Flops(spread=Lognormal(0.5))
    together = part.clock(STEP, range(20), 3).step_s
    assert part.clock(STEP, [17, 2, 17], 3).step_s.tolist() == together[[17, 2, 17]].tolist()
    assert not np.array_equal(part.clock(STEP, range(20), 4).step_s, together)


def test_draws_are_keyed_by_seed_stream_path_and_ordinal() -> None:
    base = uniforms(1, "channel", 2, ordinals=[5])
    others = [
        uniforms(2, "channel", 2, ordinals=[5]),
        uniforms(1, "compute", 2, ordinals=[5]),
        uniforms(1, "channel", 3, ordinals=[5]),
        uniforms(1, "channel", 2, ordinals=[6]),
    ]
    assert all(not np.array_equal(base, other) for other in others)
    assert np.array_equal(base, uniforms(1, "channel", 2, ordinals=[9, 5])[1:])


def test_oracle_uniforms_and_normals_have_their_moments() -> None:
    flat, bell = uniforms(1, "x", ordinals=range(50_000)), normals(1, "x", ordinals=range(50_000))
    assert flat.mean() == pytest.approx(0.5, abs=0.003)
    assert flat.var() == pytest.approx(1 / 12, rel=0.01)
    assert (bell.mean(), bell.var()) == (pytest.approx(0, abs=0.018), pytest.approx(1, rel=0.026))
    assert (bell**4).mean() == pytest.approx(3, rel=0.06)


def jittered(every: Any, law: Any = None) -> Clock:
    return Constant(1.0, jitter=law or ShiftedExponential(), every=every).clock(STEP, range(600), 9)


def test_jitter_per_round_is_one_draw_for_all_steps_and_per_step_their_sum() -> None:
    a_round, steps = jittered("round"), jittered("step")
    assert a_round.local_work_s(4, 6, 12) == pytest.approx(6 * a_round.local_work_s(4, 1, 12))
    singles = [steps.local_work_s(4, 1, 12 + k) for k in range(6)]
    assert len(set(singles)) == 6
    assert steps.local_work_s(4, 6, 12) == pytest.approx(sum(singles))


@pytest.mark.parametrize("every", ["round", "step"])
def test_jitter_is_keyed_by_device_and_step_whatever_the_order_of_calls(every: str) -> None:
    one, other = jittered(every), jittered(every)
    calls = [(k, step) for step in (0, 5, 10) for k in (0, 255, 256, 599)]
    forth = [one.local_work_s(k, 5, step) for k, step in calls]
    back = [other.local_work_s(k, 5, step) for k, step in reversed(calls)]
    assert forth == back[::-1]
    assert len(set(forth)) == len(forth)


def test_draws_discarded_from_the_cache_are_drawn_again_with_the_same_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("netsim.devices.clock.MAX_CACHED_BLOCKS", 2)
    clock = jittered("round")
    before = clock.local_work_s(3, 1, 0)
    for step in range(1, 9):
        clock.local_work_s(3, 1, step)
    assert (len(clock.jitter._drawn), clock.local_work_s(3, 1, 0)) == (2, before)
    assert MAX_CACHED_BLOCKS > 1000


def test_jitter_and_spread_multiply_and_without_jitter_time_is_steps_times_mean() -> None:
    part = Constant(1.0, spread=Lognormal(0.4))
    still = part.clock(STEP, range(3), 9)
    moving = Constant(1.0, spread=Lognormal(0.4), jitter=Lognormal(0.2)).clock(STEP, range(3), 9)
    bare = jittered("round", Lognormal(0.2))
    assert still.local_work_s(2, 5, 10) == 5 * still.step_s[2]
    assert moving.local_work_s(2, 5, 10) == pytest.approx(
        still.local_work_s(2, 5, 10) * bare.local_work_s(2, 1, 10)
    )


@pytest.mark.parametrize(
    ("make", "bad", "message"),
    [
        (Flops, {"efficiency": 0.0}, "efficiency must be in (0, 1], got 0.0"),
        (Flops, {"efficiency": 1.1}, "efficiency must be in (0, 1]"),
        (Flops, {"rate": 0.0}, "rate must be > 0"),
        (
            Flops,
            {"every": "run"},
            "every must be round or step, got 'run'; for a fixed difference use spread",
        ),
        (Constant, {"step": 0.0}, "step must be > 0"),
        (Cycles, {}, "cycles needs cycles_per_sample, or cycles_per_bit with bits_per_sample, got neither"),
        (Cycles, {"cycles_per_sample": 1.0, "cycles_per_bit": 1.0}, "got both"),
        (Cycles, {"cycles_per_bit": 20.0}, "bits_per_sample goes with cycles_per_bit"),
        (
            Cycles,
            {"cycles_per_sample": 1.0, "bits_per_sample": 8.0},
            "bits_per_sample goes with cycles_per_bit",
        ),
        (Cycles, {"cycles_per_sample": math.inf}, "cycles_per_sample must be finite and > 0, got inf"),
        (Profiled, {"per_sample": 0.0}, "per_sample must be > 0"),
        (TracedSpeed, {"path": "x", "assign": "best"}, "assign must be drawn or in_order, got 'best'"),
        (Servers, {"aggregation": -1.0}, "aggregation must be >= 0"),
        (Lognormal, {"sigma": -0.1}, "sigma must be in [0, 5], got -0.1"),
        (Lognormal, {"sigma": math.nan}, "sigma must be in [0, 5], got nan"),
        (ShiftedExponential, {"share": 1.5}, "share must be in [0, 1], got 1.5"),
        (UniformVariation, {"low": 2.0, "high": 1.0}, "high must be >= low = 2 and > 0, got 1.0; swap them?"),
        (UniformVariation, {"low": 0.0, "of": "speed"}, "low must be > 0 for a speed, got 0.0"),
        (UniformVariation, {"low": math.nan}, "low must be >= 0, got nan"),
        (UniformVariation, {"of": "rate"}, "of must be time or speed, got 'rate'"),
        (Work, {"flops": math.nan, "samples": 1}, "flops must be finite and >= 0, got nan"),
        (Work, {"flops": 1.0, "samples": 0}, "samples must be >= 1, got 0"),
    ],
)
def test_an_invalid_clock_is_rejected(make: Any, bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**bad)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no devices; write a line such as 3.5,12000"),
        ("ms,kbps\n\n", "no devices"),
        ("ms,kbps\n1,2\n3\n", ":3: a line is two numbers (ms per sample, kbit/s), got '3'"),
        ("1,2\n3,4,5\n", ":2: a line is two numbers"),
        ("1,2\nfast,2\n", ":2: a line is two numbers (ms per sample, kbit/s), got 'fast,2'"),
        ("1,2\n0,2\n", ":2: milliseconds per sample must be finite and > 0, got 0"),
        ("ms,kbps\n1,2\n-3,2\n", ":3: milliseconds per sample must be finite and > 0, got -3"),
        ("1,2\nnan,2\n", ":2: a line is two numbers (ms per sample, kbit/s), got 'nan,2'"),
    ],
)
def test_a_damaged_trace_is_rejected_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "speeds.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        TracedSpeed(str(file)).clock(STEP, [0], 1)
    assert str(file) in str(caught.value)


def test_a_trace_is_looked_up_in_the_working_directory_and_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETSIM_DATA", str(DATA))
    assert TracedSpeed("speeds.csv", "in_order").clock(STEP, [0], 1).step_s[0] == pytest.approx(0.08)
    (tmp_path / "speeds.csv").write_text("1,1\n")
    assert TracedSpeed("speeds.csv", "in_order").clock(STEP, [0], 1).step_s[0] == pytest.approx(0.032)
    message = (
        f"no file of device speeds 'none.csv': looked for {tmp_path / 'none.csv'}, {DATA / 'none.csv'}; give"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        TracedSpeed("none.csv").clock(STEP, [0], 1)


CLOCKS = ("flops", "constant", "cycles", "profiled", "traced")
OTHER: dict[tuple[str, str], Any] = {
    ("flops", "rate"): 1e9,
    ("flops", "efficiency"): 0.3,
    ("constant", "step"): 0.02,
    ("cycles", "rate"): 2e9,
    ("cycles", "cycles_per_sample"): 2e4,
    ("cycles", "cycles_per_bit"): 10.0,
    ("cycles", "bits_per_sample"): 1e4,
    ("profiled", "per_sample"): 0.003,
    ("traced", "path"): str(DATA / "slow_speeds.csv"),
    ("traced", "assign"): "drawn",
    **{(name, "spread"): Lognormal(0.4) for name in CLOCKS if name != "traced"},
    **{(name, "jitter"): Lognormal(0.4) for name in CLOCKS},
    **{(name, "every"): "step" for name in CLOCKS},
    ("lognormal", "sigma"): 0.8,
    ("uniform", "low"): 0.8,
    ("uniform", "high"): 1.2,
    ("uniform", "of"): "speed",
    ("shifted_exponential", "share"): 1.0,
}
PER_BIT = {"cycles_per_bit": 20.0, "bits_per_sample": 6272.0}
START: dict[str, dict[str, Any]] = {
    "constant": {"step": 0.01},
    "cycles": {"cycles_per_sample": 1e4},
    "lognormal": {"sigma": 0.4},
    "profiled": {"per_sample": 0.002},
    "traced": {"path": SPEEDS, "assign": "in_order"},
}
CASES = [(name, field.name) for name, part in {**COMPUTE, **SPREADS}.items() for field in fields(part)]  # type: ignore[arg-type]


def arguments(name: str, field: str) -> dict[str, Any]:
    start = PER_BIT if field in PER_BIT else START.get(name, {})
    return start | ({"jitter": Lognormal(0.3)} if field == "every" else {})


def output(part: Any) -> list[float]:
    if isinstance(part, (NoSpread, *SPREADS.values())):
        return list(part.factors(5, range(4)))
    clock = part.clock(STEP, range(4), 5)
    return [*clock.step_s, *(clock.local_work_s(device, 3, 7) for device in range(4))]


@pytest.mark.parametrize(("name", "field"), CASES)
def test_every_field_of_every_clock_and_spread_changes_some_time(name: str, field: str) -> None:
    make: Callable[..., Any] = {**COMPUTE, **SPREADS}[name]
    start = arguments(name, field)
    assert output(make(**start)) != output(make(**(start | {field: OTHER[name, field]})))


def test_every_part_and_field_has_a_case() -> None:
    assert set(OTHER) == set(CASES)
