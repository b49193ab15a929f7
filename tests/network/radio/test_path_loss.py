"""Path loss and line of sight against the golden vectors of ns-3, closed forms and the standard's ranges."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest

from netsim.network.radio.path_loss import (
    PATHLOSS,
    FixedGain,
    LogDistance,
    Macro,
    PathLoss,
    RuralMacro,
    UrbanMacro,
    UrbanMicro,
)

GOLDEN = [  # ns-3's three-gpp-propagation-loss-model-test-suite at 5 GHz: part, sight, {distance: loss}
    (UrbanMacro(), True, {10: 72.9380, 100: 86.2362, 1000: 109.7252, 5000: 137.6794}),
    (UrbanMacro(), False, {10: 82.5131, 100: 106.1356, 1000: 144.7641, 5000: 172.0753}),
    (UrbanMicro(), True, {10: 69.8591, 100: 88.4122, 1000: 119.3114, 5000: 147.2696}),
    (UrbanMicro(), False, {10: 76.7563, 100: 107.9432, 1000: 143.1886, 5000: 167.8617}),
    (RuralMacro(), True, {10: 77.3784, 100: 87.2965, 1000: 108.5577, 10000: 140.3896}),
    (RuralMacro(), False, {10: 77.3784, 100: 95.7718, 1000: 133.5223, 5000: 160.5169}),
]
VECTORS = [(part, los, d, loss) for part, los, row in GOLDEN for d, loss in row.items()]
PLAIN: list[PathLoss] = [LogDistance(), Macro()]
STANDARD: list[PathLoss] = [UrbanMicro(), UrbanMacro(), RuralMacro()]


@pytest.mark.parametrize(("part", "los", "distance_m", "loss_db"), VECTORS)
def test_oracle_F10_golden_vectors_of_tr_38901(
    part: PathLoss, los: bool, distance_m: float, loss_db: float
) -> None:
    assert part.loss_db(distance_m, 5e9, los) == pytest.approx(loss_db, abs=1e-4)


def test_oracle_F10_there_are_24_vectors() -> None:
    assert len({(part, los, d) for part, los, d, _ in VECTORS}) == 24


@pytest.mark.parametrize(
    ("part", "break_m", "jump_db"),
    [
        (UrbanMicro(), 4 * 9.0 * 0.5 * 5e9 / 3e8, 1e-6),
        (UrbanMacro(), 4 * 24.0 * 0.5 * 5e9 / 3e8, 1e-6),
        (RuralMacro(), 2 * math.pi * 35.0 * 1.5 * 5e9 / 3e8, 2e-4),  # PL1(d_BP) forgets the height
    ],
)
def test_oracle_F10_line_of_sight_is_continuous_at_the_break_point(
    part: PathLoss, break_m: float, jump_db: float
) -> None:
    below, above = (part.loss_db(break_m + step, 5e9, True) for step in (-1e-9, 1e-9))
    assert below == pytest.approx(above, abs=jump_db)
    slopes = [part.loss_db(break_m * 1.1, 5e9, True) - above, below - part.loss_db(break_m / 1.1, 5e9, True)]
    assert slopes[0] > 1.05 * slopes[1]


@pytest.mark.parametrize("los", [True, False])
@pytest.mark.parametrize("part", [*PLAIN, *STANDARD])
def test_oracle_F10_path_loss_grows_with_distance(part: PathLoss, los: bool) -> None:
    losses = [part.loss_db(d, 2e9, los) for d in (40, 80, 300, 301, 2000, 5000)]
    assert losses == sorted(losses)
    assert len(set(losses)) == len(losses)


@pytest.mark.parametrize("part", [*STANDARD, UrbanMicro("nlos", 22.5), UrbanMacro("nlos", 13.0)])
def test_oracle_F10_nlos_loss_is_never_below_los_loss(part: PathLoss) -> None:
    pairs = [(part.loss_db(d, 3.5e9, True), part.loss_db(d, 3.5e9, False)) for d in range(10, 5000, 37)]
    assert all(seen_db <= hidden_db for seen_db, hidden_db in pairs)
    assert any(seen_db < hidden_db for seen_db, hidden_db in pairs)


def test_oracle_log_distance_and_macro_closed_forms() -> None:
    assert LogDistance(3.0, 46.68, 1.0).loss_db(100.0, 5e9, False) == pytest.approx(106.68, abs=1e-12)
    assert Macro().loss_db(250.0, 2e9, False) == pytest.approx(105.4626, abs=1e-4)
    assert Macro(penetration_loss=20.0).loss_db(1000.0, 2e9, False) == pytest.approx(148.1, abs=1e-12)


def test_oracle_the_macro_formula_is_the_standards_at_15_m_and_2_ghz() -> None:
    above_m, mhz = 15.0, 2000.0
    full = [
        40 * (1 - 4e-3 * above_m) * math.log10(d_km) - 18 * math.log10(above_m) + 21 * math.log10(mhz) + 80
        for d_km in (0.1, 1.0, 3.0)
    ]
    assert [Macro().loss_db(d, 2e9, False) for d in (100.0, 1e3, 3e3)] == pytest.approx(full, abs=0.1)


def test_gains_of_papers_as_log_distance_or_fixed_gain() -> None:
    tran = LogDistance(exponent=4.0, reference_loss=40.0)
    assert tran.loss_db(50.0, 1e9, False) == pytest.approx(-10 * math.log10(1e-4 * 50.0**-4), rel=1e-12)
    assert FixedGain(-80.0).loss_db(0.0, 1e9, False) == FixedGain(-80.0).loss_db(700.0, 5e9, False) == 80.0


@pytest.mark.parametrize(
    ("part", "distance_m", "chance"),
    [
        (UrbanMicro(), 18.0, 1.0),
        (UrbanMicro(), 100.0, 0.18 + 0.82 * math.exp(-100 / 36)),
        (UrbanMacro(), 100.0, 0.18 + 0.82 * math.exp(-100 / 63)),
        (RuralMacro(), 10.0, 1.0),
        (RuralMacro(), 1010.0, math.exp(-1.0)),
        (UrbanMicro("los"), 5000.0, 1.0),
        (RuralMacro("nlos"), 10.0, 0.0),
        (UrbanMacro("nlos"), 10.0, 0.0),
        (Macro(), 100.0, 0.0),
    ],
)
def test_oracle_line_of_sight_probability(part: PathLoss, distance_m: float, chance: float) -> None:
    assert part.los_probability(distance_m) == pytest.approx(chance, rel=1e-12)


@pytest.mark.parametrize("part", STANDARD)
def test_the_los_probability_falls_continuously_with_distance(part: PathLoss) -> None:
    chances = [part.los_probability(0.5 * step) for step in range(10_000)]
    assert all(0 <= later <= sooner <= 1 for sooner, later in pairwise(chances))
    assert max(a - b for a, b in pairwise(chances)) < 0.02


@pytest.mark.parametrize(
    ("part", "sigmas_db", "decays_m"),
    [
        (UrbanMicro(), (4.0, 7.82), (10.0, 13.0)),
        (UrbanMacro(), (4.0, 6.0), (37.0, 50.0)),
        (RuralMacro(), (4.0, 8.0), (37.0, 120.0)),
        (Macro(), (8.0, 8.0), (50.0, 50.0)),
        (LogDistance(), (0.0, 0.0), (0.0, 0.0)),
        (FixedGain(-80.0), (0.0, 0.0), (0.0, 0.0)),
    ],
)
def test_oracle_shadowing_constants_of_the_standards(
    part: PathLoss, sigmas_db: tuple[float, float], decays_m: tuple[float, float]
) -> None:
    assert tuple(part.shadow_sigma_db(100.0, 2e9, los) for los in (True, False)) == sigmas_db
    assert tuple(part.decorrelation_m(los) for los in (True, False)) == decays_m


def test_rural_los_shadowing_is_stronger_beyond_the_break_point() -> None:
    assert [RuralMacro().shadow_sigma_db(d, 1e9, True) for d in (1099.0, 1100.0)] == [4.0, 6.0]


@pytest.mark.parametrize(
    ("part", "distance_m", "frequency_hz", "message"),
    [
        (UrbanMicro(), 9.9, 5e9, "urban_micro covers 10 m to 5000 m, got 9.9 m"),
        (UrbanMicro(), 5001.0, 5e9, "got 5001 m"),
        (UrbanMicro(), 100.0, 0.4e9, "urban_micro covers 0.5 to 100 GHz, got 0.4 GHz"),
        (UrbanMacro(), 9.0, 5e9, "urban_macro covers 10 m to 5000 m, got 9 m"),
        (UrbanMacro(), 100.0, 101e9, "urban_macro covers 0.5 to 100 GHz, got 101 GHz"),
        (RuralMacro(), 5001.0, 5e9, "rural_macro NLOS covers 10 m to 5000 m, got 5001 m"),
        (RuralMacro(), 100.0, 31e9, "rural_macro covers 0.5 to 30 GHz, got 31 GHz"),
        (Macro(), 5.0, 2e9, "macro covers 35 m to 5000 m, got 5 m"),
        (Macro(), 100.0, 3.5e9, "macro covers 1.5 to 2.5 GHz, got 3.5 GHz"),
        (LogDistance(), 0.5, 5e9, "log_distance covers 1 m upwards, got 0.5 m"),
        (LogDistance(), math.nan, 5e9, "got nan m"),
        (LogDistance(), math.inf, 5e9, "got inf m"),
        (FixedGain(-1.0), -1.0, 5e9, "fixed_gain covers 0 m upwards, got -1 m"),
    ],
)
def test_a_formula_rejects_distances_and_carriers_outside_its_range(
    part: PathLoss, distance_m: float, frequency_hz: float, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        part.loss_db(distance_m, frequency_hz, False)


def test_the_rural_range_is_twice_as_long_with_los() -> None:
    assert RuralMacro().loss_db(10e3, 5e9, True) > 140
    with pytest.raises(ValueError, match=re.escape("rural_macro LOS covers 10 m to 10000 m")):
        RuralMacro().loss_db(10_001.0, 5e9, True)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("log_distance", "exponent", 0.0),
        ("log_distance", "reference_loss", -1.0),
        ("log_distance", "reference_distance", 0.0),
        ("urban_micro", "device_height", 1.0),
        ("urban_micro", "sight", "maybe"),
        ("urban_macro", "device_height", 13.1),
        ("urban_macro", "sight", "maybe"),
        ("rural_macro", "device_height", 0.9),
        ("rural_macro", "station_height", 151.0),
        ("rural_macro", "street_width", 4.0),
        ("rural_macro", "building_height", 51.0),
        ("rural_macro", "sight", "maybe"),
        ("macro", "penetration_loss", -1.0),
        ("fixed_gain", "gain", 1.0),
    ],
)
def test_invalid_path_losses_are_rejected(name: str, field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{field} "):
        PATHLOSS[name](**{field: value})


def test_descriptions_of_path_losses() -> None:
    message = {"los": "38.901 UMi LOS", "nlos": "38.901 UMi NLOS", "random": "38.901 UMi LOS/NLOS"}
    assert {sight: UrbanMicro(sight).describe() for sight in message} == message  # type: ignore[arg-type]
    assert UrbanMacro("los").describe() == "38.901 UMa LOS"
    assert RuralMacro().describe() == "38.901 RMa LOS/NLOS"
    assert FixedGain(-80.0).describe() == "fixed gain -80 dB"
