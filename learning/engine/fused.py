"""Local work of linear layers (logistic, mlp): hand-batched, the SGD step fused into the weight gradient.

Matrix products of this size depend in their last bits on where a matrix lies in memory, so every matrix
of a stack starts on a 64-byte boundary: then no result depends on a device's place in its stack.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from learning.engine.minibatches import minibatches
from learning.engine.promises import Train
from learning.tasks import BoundTask

LINE = 16
"""Elements of alignment: 64 bytes of float32, 128 of float64."""


def aligned(rows: int, shape: Sequence[int], like: Tensor) -> Tensor:
    """Uninitialised [rows, *shape] whose every row starts on a cache line."""
    size = math.prod(shape)
    padded = like.new_empty((rows, -(-size // LINE) * LINE))
    return padded[:, :size].view(rows, *shape)


class Fused:
    """K devices' networks of linear layers and ReLUs with softmax cross entropy, as batched matrix products."""

    def __init__(self, task: BoundTask, seed: int) -> None:
        self._task, self._seed = task, seed
        names = [name for name, _ in task.shapes]
        self._layers = list(zip(names[0::2], names[1::2], strict=True))

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """See Trainer. Rows of `work` must start on cache lines, as `aligned` lays them out."""
        steps, batch = jobs[0].steps, jobs[0].leaf.batch_size
        rate, whole = jobs[0].leaf.learning_rate, models or jobs[0].steps > 1
        picks = minibatches(self._seed, jobs, self._task.samples)
        devices = [job.device for job in jobs]
        start = work.clone() if whole and not models else None
        views = self._task.views(work)
        weights = [(views[w], views[b]) for w, b in self._layers]
        for step in range(steps):
            x, y = self._task.gather(devices, picks[:, step])
            inputs = _as_aligned(x.reshape(len(jobs), batch, -1))
            self._step(weights, inputs, y, rate, whole)
        if start is not None:
            work.sub_(start)

    def _step(
        self, weights: Sequence[tuple[Tensor, Tensor]], x: Tensor, y: Tensor, rate: float, whole: bool
    ) -> None:
        """One SGD step in place; if not `whole`, the step itself instead of the stepped weights."""
        heard = [x]
        for n, (w, b) in enumerate(weights):
            z = aligned(len(x), (x.shape[1], w.shape[1]), x)
            torch.bmm(heard[-1], w.transpose(1, 2), out=z)
            z.add_(b[:, None])
            heard.append(z.relu_() if n + 1 < len(weights) else z)
        g = _loss_gradient(heard.pop(), y)
        for n, (w, b) in reversed(list(enumerate(weights))):
            below = heard[n]
            earlier = None
            if n:
                earlier = aligned(*_split(below), below)
                torch.bmm(g, w, out=earlier)
                earlier.masked_fill_(below <= 0, 0.0)
            w.baddbmm_(g.transpose(1, 2), below, beta=1.0 if whole else 0.0, alpha=-rate)
            if whole:
                b.sub_(g.sum(1), alpha=rate)
            else:
                torch.mul(g.sum(1), -rate, out=b)
            if earlier is not None:
                g = earlier


def _loss_gradient(scores: Tensor, y: Tensor) -> Tensor:
    """Mean cross entropy's gradient with respect to scores [K, B, C]: (softmax - one-hot) / B."""
    g = scores.copy_(scores.softmax(-1))
    g.scatter_add_(2, y[..., None], g.new_full((1, 1, 1), -1.0).expand(*y.shape, 1))
    return g.mul_(1.0 / y.shape[1])


def _as_aligned(x: Tensor) -> Tensor:
    return x if (x.shape[1] * x.shape[2]) % LINE == 0 else aligned(*_split(x), x).copy_(x)


def _split(x: Tensor) -> tuple[int, tuple[int, int]]:
    return x.shape[0], (x.shape[1], x.shape[2])
