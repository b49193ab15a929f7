"""Local work of linear layers (logistic, mlp): hand-batched, the SGD step fused into the weight gradient.

Matrix products of this size depend in their last bits on where a matrix lies in memory, so every matrix
of a stack starts on a 64-byte boundary: then no result depends on a device's place in its stack.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from learning.engine.minibatches import batches, minibatches
from learning.engine.numerics import StrategyError
from learning.engine.promises import Train
from learning.tasks.task import BoundTask

threshold_backward: Callable[..., Tensor] = torch.ops.aten.threshold_backward.grad_input

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
        _check_chain(task.module)
        names = [name for name, _ in task.shapes]
        self._layers = list(zip(names[0::2], names[1::2], strict=True))

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """See Trainer. Rows that do not start on cache lines, as `aligned` lays them out, are copied to such."""
        if not _on_lines(work):
            laid_out = aligned(len(work), (work.shape[1],), work).copy_(work)
            self.train(laid_out, jobs, models)
            work.copy_(laid_out)
            return
        rate, whole = jobs[0].leaf.learning_rate, models or jobs[0].steps > 1
        devices = [job.device for job in jobs]
        start = work.clone() if whole and not models else None
        views = self._task.views(work)
        weights = [(views[w], views[b]) for w, b in self._layers]
        for picks in minibatches(self._seed, jobs, self._task.samples):
            for x, y in batches(self._task, devices, _never_alone(picks)):
                self._step(weights, _as_aligned(x.flatten(2)), y, rate, whole)
        if start is not None:
            work.sub_(start)

    def _step(
        self, weights: Sequence[tuple[Tensor, Tensor]], samples: Tensor, y: Tensor, rate: float, whole: bool
    ) -> None:
        """One SGD step in place; if not `whole`, the step itself instead of the stepped weights.

        Layers are [K, features, B]: products ten columns wide are half as fast as products ten rows high.
        """
        heard = [samples.transpose(1, 2)]
        for n, (w, b) in enumerate(weights):
            z = aligned(len(w), (w.shape[1], len(y[0])), w)
            torch.bmm(w, heard[-1], out=z)
            z.add_(b[..., None])
            heard.append(z.relu_() if n + 1 < len(weights) else z)
        g = _loss_gradient(heard.pop(), y)
        for n, (w, b) in reversed(list(enumerate(weights))):
            below = heard[n]
            earlier = torch.bmm(w.transpose(1, 2), g, out=aligned(*_split(below), w)) if n else None
            w.baddbmm_(g, below.transpose(1, 2), beta=1.0 if whole else 0.0, alpha=-rate)
            if whole:
                b.sub_(g.sum(2), alpha=rate)
            else:
                torch.mul(g.sum(2), -rate, out=b)
            if earlier is not None:
                g = threshold_backward(earlier, below, 0, grad_input=earlier)


def _on_lines(work: Tensor) -> bool:
    size = LINE * work.element_size()
    return work.data_ptr() % 64 == 0 and (len(work) == 1 or work.stride(0) * work.element_size() % size == 0)


def _check_chain(module: nn.Module) -> None:
    """Raise StrategyError unless the module is what `_step` computes."""
    layers = [layer for layer in module.children() if not isinstance(layer, nn.Flatten)]
    linear, between = layers[0::2], layers[1::2]
    fits = all(isinstance(layer, nn.Linear) and layer.bias is not None for layer in linear)
    fits = fits and all(map(_is_relu, between)) and len(linear) == len(between) + 1
    if type(module) is not nn.Sequential or not fits:
        raise StrategyError(
            "family linear means a chain of nn.Linear (with bias) with nn.ReLU between them, in nn.Sequential; got "
            f"{' '.join(str(module).split())}; give the model the family conv, or take another strategy"
        )


def _is_relu(layer: nn.Module) -> bool:
    return isinstance(layer, nn.ReLU)


def _never_alone(picks: NDArray[np.int64]) -> NDArray[np.int64]:
    """A batch of one sample becomes that sample twice, whose mean is the same.

    Products with a single column are computed differently in a stack of one and in a larger stack.
    """
    return picks.repeat(2, axis=2) if picks.shape[2] == 1 else picks


def _loss_gradient(scores: Tensor, y: Tensor) -> Tensor:
    """Mean cross entropy's gradient with respect to scores [K, C, B], in their place: (softmax - one-hot) / B."""
    g = torch.softmax(scores, 1, out=scores)
    g.scatter_add_(1, y[:, None], g.new_full((1, 1, 1), -1.0).expand(len(y), 1, y.shape[1]))
    return g.mul_(1.0 / y.shape[1])


def _as_aligned(x: Tensor) -> Tensor:
    return x if (x.shape[1] * x.shape[2]) % LINE == 0 else aligned(*_split(x), x).copy_(x)


def _split(x: Tensor) -> tuple[int, tuple[int, int]]:
    return x.shape[0], (x.shape[1], x.shape[2])
