"""DC-HierSignSGD, MTGC, SCAFFOLD, QHetFed, FedProx, FedAdam and momentum against NumPy references; their bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.scenario import Scenario
from netsim.simulation.run import Run, execute, simulate

from .runs import scenario, weights
from .test_ledger import tables_equal

Vector = NDArray[np.float64]
TASK = "{{dataset: {{synthetic: {{noise: 0, dim: 12, heterogeneity: 1, edge_heterogeneity: {}}}}}}}"
ROUNDS, EDGES, FAN, LR = 6, 2, 3, 0.1
DC = "dc_hier_sign_sgd: {{learning_rate: 0.1, batch_size: 4, tau: [1, 3], ties: zero, level: {}}}"
MTGC = "mtgc: {learning_rate: 0.1, batch_size: 4, tau: [2, 3]}"
SCAFFOLD = "scaffold: {learning_rate: 0.1, batch_size: 4, local_steps: 4}"
QHETFED = "qhetfed: {learning_rate: 0.1, batch_size: 4, tau: [1, 3], gamma: 4, levels: [null, null]}"


def scene(algorithm: str, fanout: tuple[int, ...] = (EDGES, FAN), **more: object) -> Scenario:
    more = {"rounds": ROUNDS, "precision": "float64", "evaluate": "{every: 1}", **more}
    task = TASK.format(int(len(fanout) > 1))
    return scenario(list(fanout), algorithm, task=task, **more)  # type: ignore[arg-type]


def gradients(run: Run) -> list[Callable[[Vector], Vector]]:
    """Each device's exact gradient."""
    task = run.task
    h, centres = task.curvatures, task.centres  # type: ignore[attr-defined]
    return [lambda w, b=b: h * (w - b) for b in centres]


def start(run: Run) -> Vector:
    return np.array(run.task.initial(run.scenario.seed), dtype=np.float64)  # type: ignore[attr-defined]


def dc_hier_sign_sgd(w: Vector, g: list[Callable[[Vector], Vector]], level: int) -> Vector:
    for _ in range(ROUNDS):
        at_w = np.array([gi(w) for gi in g])
        mean, edges = at_w.mean(0), at_w.reshape(EDGES, FAN, -1).mean(1)
        models = []
        for e in range(EDGES):
            v = w.copy()
            for _ in range(3):
                anchors = [at_w[i] if level == 1 else edges[e] for i in range(e * FAN, e * FAN + FAN)]
                signs = [np.sign(g[e * FAN + i](v) + mean - anchors[i]) for i in range(FAN)]
                v = v - LR * np.sign(sum(signs))
            models.append(v)
        w = np.mean(models, axis=0)
    return w


def mtgc(w: Vector, g: list[Callable[[Vector], Vector]]) -> Vector:
    return mtgc_with_corrections(w, g)[0]


def mtgc_with_corrections(w: Vector, g: list[Callable[[Vector], Vector]]) -> tuple[Vector, Vector, Vector]:
    """(the model, z of every device, y of every edge server before its last update)."""
    z, y = np.zeros((EDGES * FAN, w.size)), np.zeros((EDGES, w.size))
    for _ in range(ROUNDS):
        groups = []
        for e in range(EDGES):
            v = w.copy()
            for _ in range(3):
                ends = []
                for i in range(e * FAN, e * FAN + FAN):
                    x = v.copy()
                    for _ in range(2):
                        x = x - LR * (g[i](x) + z[i] + y[e])
                    ends.append(x)
                v = np.mean(ends, axis=0)
                for i, x in zip(range(e * FAN, e * FAN + FAN), ends, strict=True):
                    z[i] += (x - v) / (LR * 2)
            groups.append(v)
        w, before = np.mean(groups, axis=0), y.copy()
        y += (np.array(groups) - w) / (LR * 2 * 3)
    return w, z, before


def scaffold(w: Vector, g: list[Callable[[Vector], Vector]]) -> Vector:
    """Option II as the paper writes it, with control variates c and c_i."""
    c, variates = np.zeros_like(w), np.zeros((len(g), w.size))
    for _ in range(ROUNDS):
        ends, new_variates = [], []
        for i, gi in enumerate(g):
            x = w.copy()
            for _ in range(4):
                x = x - LR * (gi(x) - variates[i] + c)
            ends.append(x)
            new_variates.append(variates[i] - c + (w - x) / (4 * LR))
        w, variates = np.mean(ends, axis=0), np.array(new_variates)
        c = variates.mean(0)
    return w


def qhetfed(w: Vector, g: list[Callable[[Vector], Vector]]) -> Vector:
    for _ in range(ROUNDS):
        groups = []
        for e in range(EDGES):
            v = w.copy()
            for steps in (1, 1, 4):
                ends = []
                for i in range(e * FAN, e * FAN + FAN):
                    x = v.copy()
                    for _ in range(steps):
                        x = x - LR * g[i](x)
                    ends.append(x)
                v = np.mean(ends, axis=0)
            groups.append(v)
        w = np.mean(groups, axis=0)
    return w


def fedprox(w: Vector, g: list[Callable[[Vector], Vector]]) -> Vector:
    for _ in range(ROUNDS):
        ends = []
        for gi in g:
            x = w.copy()
            for _ in range(4):
                x = x - LR * (gi(x) + 0.5 * (x - w))
            ends.append(x)
        w = np.mean(ends, axis=0)
    return w


def momentum(w: Vector, g: list[Callable[[Vector], Vector]]) -> Vector:
    """Devices with momentum 0.9, decay 0.01 and a rate that falls with their own local steps."""
    for turn in range(ROUNDS):
        ends = []
        for gi in g:
            x, v = w.copy(), np.zeros_like(w)
            for step in range(4):
                v = 0.9 * v + gi(x) + 0.01 * x
                x = x - LR * 5 / (5 + 4 * turn + step) * v
            ends.append(x)
        w = np.mean(ends, axis=0)
    return w


def fedadam(w: Vector, g: list[Callable[[Vector], Vector]]) -> Vector:
    m, v = np.zeros_like(w), np.full_like(w, 1e-6)
    for _ in range(ROUNDS):
        groups = []
        for e in range(EDGES):
            y = w.copy()
            for _ in range(3):
                ends = []
                for i in range(e * FAN, e * FAN + FAN):
                    x = y.copy()
                    for _ in range(2):
                        x = x - LR * g[i](x)
                    ends.append(x)
                y = np.mean(ends, axis=0)
            groups.append(y)
        moved = np.mean(groups, axis=0) - w
        m = 0.9 * m + 0.1 * moved
        v = 0.99 * v + 0.01 * moved**2
        w = w + 0.1 * m / (np.sqrt(v) + 1e-3)
    return w


FEDPROX = "fedprox: {learning_rate: 0.1, batch_size: 4, local_steps: 4, prox: 0.5, weights: devices}"
MOMENTUM = (
    "fedavg: {learning_rate: 0.1, batch_size: 4, local_steps: 4, weights: devices, "
    "local: {momentum: 0.9, weight_decay: 0.01, schedule: {inverse: 5}}}"
)
FEDADAM = "fedopt: {learning_rate: 0.1, batch_size: 4, tau: [2, 3], server: {kind: adam, rate: 0.1}}"
CASES = {
    "fedprox": (FEDPROX, (5,), fedprox),
    "momentum": (MOMENTUM, (5,), momentum),
    "fedadam": (FEDADAM, (EDGES, FAN), fedadam),
    "dc, devices": (DC.format(1), (EDGES, FAN), lambda w, g: dc_hier_sign_sgd(w, g, 1)),
    "dc, edges": (DC.format(2), (EDGES, FAN), lambda w, g: dc_hier_sign_sgd(w, g, 2)),
    "mtgc": (MTGC, (EDGES, FAN), mtgc),
    "scaffold": (SCAFFOLD, (5,), scaffold),
    "qhetfed": (QHETFED, (EDGES, FAN), qhetfed),
}
cases = pytest.mark.parametrize("name", CASES)


@cases
@pytest.mark.parametrize("engine", ["batched", "eager"])
def test_results_equal_a_numpy_reference(name: str, engine: str) -> None:
    algorithm, fanout, reference = CASES[name]
    run = execute(scene(algorithm, fanout), device="cpu", engine=engine)
    first = execute(scene(algorithm, fanout, rounds=1), engine="timing")
    expected = reference(start(first), gradients(run))
    assert np.abs(weights(run) - expected).max() < 1e-11
    assert np.abs(expected - start(first)).max() > 0.1


def test_mtgc_corrections_equal_the_reference_z_and_y() -> None:
    """With equal curvatures the mean model does not depend on the corrections, so the corrections are compared."""
    run = execute(scene(MTGC), device="cpu")
    first = execute(scene(MTGC, rounds=1), engine="timing")
    _, z, y = mtgc_with_corrections(start(first), gradients(run))
    tree = run.trace.topology
    for expected, nodes in ((z, tree.levels[0]), (y, tree.levels[1])):
        assert np.abs(expected).max() > 0.1
        for node in nodes:
            shift = run.loop.corrections.drifts[node.name].shift
            assert shift is not None
            run.engine.compute(shift)
            assert shift.value is not None
            assert np.abs(shift.value.numpy() - expected[node.ordinal]).max() < 1e-10


def test_devices_apply_the_correction_of_their_edge_server() -> None:
    """One step from the model of the second round: a device moves by the rate times (gradient + z + y)."""
    one = MTGC.replace("[2, 3]", "[1, 1]")
    run = execute(scene(one, rounds=2), device="cpu", engine="eager")
    assert run.model.value is not None
    drifts = run.loop.corrections.drifts
    for device in run.trace.topology.levels[0]:
        last_model = drifts[device.name].last_model
        assert last_model is None  # the broadcast of the last model has completed its correction
    moved = {edge.name: drifts[edge.name].last_model for edge in run.trace.topology.levels[1]}
    first = execute(scene(one, rounds=1), engine="timing")
    w, g = start(first), gradients(run)
    ends = np.array([w - LR * gi(w) for gi in g])
    edges = ends.reshape(EDGES, FAN, -1).mean(1)
    y, w = (edges - edges.mean(0)) / LR, edges.mean(0)
    for edge in run.trace.topology.levels[1]:
        own = moved[edge.name]
        assert own is not None
        assert own.value is not None
        mean = np.mean([g[child.ordinal](w) for child in edge.children], axis=0)
        assert np.abs(own.value.numpy() - (w - LR * (mean + y[edge.ordinal]))).max() < 1e-11
        assert np.abs(y[edge.ordinal]).max() > 0.1


@cases
def test_a_killed_run_resumes_to_equal_tables(
    name: str,
    tmp_path,
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[no-untyped-def]
) -> None:
    from learning.store.ledger import Ledger

    from .test_resume import resumed, run_until_killed

    algorithm, fanout, _ = CASES[name]
    run_until_killed(2, scene(algorithm, fanout), Ledger(tmp_path), monkeypatch)
    tables_equal(
        resumed(scene(algorithm, fanout), tmp_path), simulate(scene(algorithm, fanout), device="cpu")
    )


@cases
def test_path_times_sum_to_the_length_of_each_round(name: str) -> None:
    algorithm, fanout, _ = CASES[name]
    rounds = simulate(scene(algorithm, fanout, rounds=3), engine="timing").rounds
    paths = rounds[[c for c in rounds.columns if c.startswith("path_")]].sum(axis=1)
    assert np.allclose(paths[1:], np.diff(rounds["sim_time_s"]), rtol=1e-9)


def test_anchors_transmit_one_gradient_up_and_one_down_per_node_and_round() -> None:
    plain = DC.format(2).replace("dc_hier", "hier").replace(", level: 2", "")
    bits = {}
    for name, algorithm in (("dc", DC.format(2)), ("plain", plain)):
        last = execute(scene(algorithm, rounds=2), engine="timing").trace.rounds[-1]
        bits[name] = {
            direction: [last[f"bits_{direction}_{n}"] for n in (1, 2)] for direction in ("up", "down")
        }
    additional = {
        direction: np.subtract(bits["dc"][direction], bits["plain"][direction]) / (2 * 32 * 12)
        for direction in ("up", "down")
    }
    assert additional["up"].tolist() == additional["down"].tolist() == [EDGES * FAN, EDGES]


def test_corrections_remove_the_loss_floor_of_signs_under_edge_heterogeneity() -> None:
    task = "{dataset: {synthetic: {noise: 0, dim: 12, edge_heterogeneity: 3}}}"
    ends = {}
    for recipe in ("hier_sign_sgd", "dc_hier_sign_sgd"):
        algorithm = f"{recipe}: {{learning_rate: 0.01, batch_size: 4, tau: [1, 4], ties: zero}}"
        made = scenario([3, 2], algorithm, task=task, rounds=120)
        ends[recipe] = execute(made, device="cpu").trace.rounds[-1]["loss"]
    assert ends["dc_hier_sign_sgd"] < 0.05 * ends["hier_sign_sgd"]
