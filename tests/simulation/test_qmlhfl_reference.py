"""QMLHFL against a NumPy reference written from theory.md, section 1, with the same random numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learning.rng.keyed import row_key, words

from .runs import final, scenario

Vector = NDArray[np.float64]
SEED, MU, BATCH, TAU, LEVELS, BUCKET, FAN = 5, 0.2, 8, (3, 2, 2), (4, 8, 16), 64, (2, 2, 3)
ALGORITHM = "qmlhfl: {learning_rate: 0.2, batch_size: 8, tau: [3, 2, 2], levels: [4, 8, 16], bucket: 64}"


def keyed(stream: str, *path: int, count: int) -> NDArray[np.uint32]:
    return words(np.array([row_key(SEED, stream, *path)], dtype=np.uint64), count)[0]


def gradient(w: Vector, x: Vector, y: NDArray[np.int64]) -> Vector:
    """Softmax regression: mean cross-entropy's gradient, weights [10, 64] then biases [10]."""
    scores = x @ w[:640].reshape(10, 64).T + w[640:]
    p = np.exp(scores - scores.max(1, keepdims=True))
    p = p / p.sum(1, keepdims=True) - np.eye(10)[y]
    return np.concatenate([(p.T @ x).ravel(), p.sum(0)]) / len(y)


def quantized(v: Vector, s: int, key: tuple[int, ...]) -> Vector:
    """QSGD: stochastic rounding of |v_j| / norm * s, one l2 norm per bucket."""
    u = (keyed("compressor", *key, count=v.size) >> 8) * 2.0**-24
    out = np.zeros_like(v)
    for start in range(0, v.size, BUCKET):
        part = slice(start, start + BUCKET)
        norm = np.sqrt(np.sum(v[part] ** 2))
        out[part] = np.sign(v[part]) * norm * np.floor(np.abs(v[part]) / norm * s + u[part]) / s
    return out


def run(
    n: int,
    node: int,
    y: Vector,
    path: tuple[int, ...],
    step: int,
    data: list[tuple[Vector, NDArray[np.int64]]],
) -> Vector:
    """Run(u, x): the model of a node on layer n after one period of its parent."""
    if n == 0:
        x, labels = data[node]
        for k in range(TAU[0]):
            pick = (
                keyed("minibatch", node, step + k, count=BATCH).astype(np.uint64) * np.uint64(len(labels))
            ) >> np.uint64(32)
            y = y - MU * gradient(y, x[pick.astype(int)], labels[pick.astype(int)])
        return y
    for k in range(TAU[n]):
        y = aggregated(n, node, y, (*path, k), step + k * int(np.prod(TAU[:n])), data)
    return y


def aggregated(
    n: int,
    node: int,
    y: Vector,
    path: tuple[int, ...],
    step: int,
    data: list[tuple[Vector, NDArray[np.int64]]],
) -> Vector:
    """Agg(u, y) = y + sum_c p_c Q_n(Run(c, y) - y)."""
    fan = FAN[len(FAN) - n]
    moved = y.copy()
    for child in range(node * fan, (node + 1) * fan):
        change = run(n - 1, child, y, path, step, data) - y
        iteration = path if n > 1 else (step,)
        moved += quantized(change, LEVELS[n - 1], (n - 1, child, 0, *iteration)) / fan
    return moved


def test_qmlhfl_equals_its_equations() -> None:
    from netsim.build import build_task
    from netsim.scenario import grow

    scene = scenario([2, 2, 3], ALGORITHM, model="logistic", precision="float64", rounds=2)
    task = build_task(scene, grow(scene))
    data = [local_data(task, device) for device in range(12)]
    w = np.asarray(task.initial(SEED))
    for t in range(2):
        w = aggregated(3, 0, w, (t,), t * 12, data)
    assert np.allclose(final(scene), w, rtol=0, atol=1e-12)


def local_data(task: object, device: int) -> tuple[Vector, NDArray[np.int64]]:
    import torch

    bound = task.bind(torch.device("cpu"), torch.float64)  # type: ignore[attr-defined]
    dataset = np.arange(task.samples[device])[None]  # type: ignore[attr-defined]
    x, y = bound.gather([device], dataset)
    return x[0].reshape(len(y[0]), -1).numpy(), y[0].numpy()
