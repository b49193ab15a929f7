"""Local training of linear layers (logistic, mlp): batched by hand, with the SGD step fused into the weight gradient.

The last bits of matrix products of this size depend on the address of a matrix, so every matrix of a stack starts on a
64-byte boundary: then no result depends on a device's position in its stack.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from learning.engine.lazy_vectors import Train
from learning.engine.minibatches import draw_minibatches, gather_batches
from learning.engine.numerics import StrategyError
from learning.tasks.task import BoundTask

threshold_backward: Callable[..., Tensor] = torch.ops.aten.threshold_backward.grad_input

CACHE_LINE = 16
"""Elements of alignment: 64 bytes of float32, 128 of float64."""


def allocate_aligned(rows: int, shape: Sequence[int], like: Tensor) -> Tensor:
    """Return an uninitialised tensor [rows, *shape] whose every row starts on a cache line."""
    size = math.prod(shape)
    padded = like.new_empty((rows, -(-size // CACHE_LINE) * CACHE_LINE))
    return padded[:, :size].view(rows, *shape)


class FusedTrainer:
    """Trains K networks of linear layers and ReLUs with softmax cross entropy by batched matrix products."""

    def __init__(self, task: BoundTask, seed: int) -> None:
        self._task, self._seed = task, seed
        _check_chain(task.module)
        names = [name for name, _ in task.shapes]
        self._layers = list(zip(names[0::2], names[1::2], strict=True))

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """See Trainer. Rows that do not start on cache lines are first copied to `allocate_aligned` memory."""
        if not _is_aligned(work):
            aligned = allocate_aligned(len(work), (work.shape[1],), work).copy_(work)
            self.train(aligned, jobs, models)
            work.copy_(aligned)
            return
        rate, to_weights = jobs[0].leaf.learning_rate, models or jobs[0].steps > 1
        devices = [job.device for job in jobs]
        start = work.clone() if to_weights and not models else None
        views = self._task.views(work)
        weights = [(views[w], views[b]) for w, b in self._layers]
        for positions in draw_minibatches(self._seed, jobs, self._task.samples):
            for x, y in gather_batches(self._task, devices, _duplicate_single_samples(positions)):
                self._step(weights, _to_aligned(x.flatten(2)), y, rate, to_weights)
        if start is not None:
            work.sub_(start)

    def _step(
        self,
        weights: Sequence[tuple[Tensor, Tensor]],
        samples: Tensor,
        y: Tensor,
        rate: float,
        to_weights: bool,
    ) -> None:
        """One SGD step in place; if not `to_weights`, the step itself instead of the updated weights.

        Layers are [K, features, B]: products ten columns wide are half as fast as products ten rows high.
        """
        activations = [samples.transpose(1, 2)]
        for n, (w, b) in enumerate(weights):
            z = allocate_aligned(len(w), (w.shape[1], len(y[0])), w)
            torch.bmm(w, activations[-1], out=z)
            z.add_(b[..., None])
            activations.append(z.relu_() if n + 1 < len(weights) else z)
        g = _loss_gradient(activations.pop(), y)
        for n, (w, b) in reversed(list(enumerate(weights))):
            inputs = activations[n]
            gradient_below = (
                torch.bmm(w.transpose(1, 2), g, out=allocate_aligned(*_split(inputs), w)) if n else None
            )
            w.baddbmm_(g, inputs.transpose(1, 2), beta=1.0 if to_weights else 0.0, alpha=-rate)
            if to_weights:
                b.sub_(g.sum(2), alpha=rate)
            else:
                torch.mul(g.sum(2), -rate, out=b)
            if gradient_below is not None:
                g = threshold_backward(gradient_below, inputs, 0, grad_input=gradient_below)


def _is_aligned(work: Tensor) -> bool:
    size = CACHE_LINE * work.element_size()
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


def _duplicate_single_samples(positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn a batch of one sample into that sample twice, which has the same mean.

    Products with a single column are computed differently in a stack of one and in a larger stack.
    """
    return positions.repeat(2, axis=2) if positions.shape[2] == 1 else positions


def _loss_gradient(scores: Tensor, y: Tensor) -> Tensor:
    """Turn scores [K, C, B] into the gradient of the mean cross entropy, in place: (softmax - one-hot) / B."""
    g = torch.softmax(scores, 1, out=scores)
    g.scatter_add_(1, y[:, None], g.new_full((1, 1, 1), -1.0).expand(len(y), 1, y.shape[1]))
    return g.mul_(1.0 / y.shape[1])


def _to_aligned(x: Tensor) -> Tensor:
    return x if (x.shape[1] * x.shape[2]) % CACHE_LINE == 0 else allocate_aligned(*_split(x), x).copy_(x)


def _split(x: Tensor) -> tuple[int, tuple[int, int]]:
    return x.shape[0], (x.shape[1], x.shape[2])
