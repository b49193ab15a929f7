"""Local training of CNNs with few channels on a CPU: device by device, by hand-written steps in preallocated memory.

The convolutions of oneDNN are made for many channels. With ten or twenty, copying patches and multiplying matrices is
twice as fast, provided that the batch is the innermost dimension and the memory stays in cache. Devices are therefore
trained one at a time, all steps in a row, always in the same memory, so that no result depends on the stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from learning.engine.blocks import Activation, Block, ConvBlock, LinearBlock, Parameter
from learning.engine.lazy_vectors import Train
from learning.engine.minibatches import draw_minibatches, gather_batches
from learning.engine.numerics import StrategyError
from learning.tasks.task import BoundTask

TILE = 32
"""Samples that pass through the network together; larger batches add gradients tile by tile, in order."""


class Im2colTrainer:
    """Trains chains of convolutions (stride 1, no padding), 2x2 max pooling, ReLU and linear maps."""

    def __init__(self, task: BoundTask, seed: int) -> None:
        self._task, self._seed = task, seed
        self._weights = torch.empty(task.dim, device=task.device, dtype=task.dtype)
        self._gradient = torch.empty_like(self._weights)
        self._plan = _plan(task.module)
        self._networks: dict[tuple[int, ...], _Network] = {}

    @torch.no_grad()
    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """See Trainer."""
        for row, job in zip(work, jobs, strict=True):
            self._weights.copy_(row)
            self._descend(job)
            if models:
                row.copy_(self._weights)
            elif job.steps == 1:
                torch.mul(self._gradient, -job.leaf.learning_rate, out=row)
            else:
                torch.sub(self._weights, row, out=row)

    def _descend(self, job: Train) -> None:
        """Perform all steps of one device on its weights; the gradient of the last step is kept."""
        for positions in draw_minibatches(self._seed, [job], self._task.samples):
            for x, y in gather_batches(self._task, [job.device], positions):
                self._differentiate(x[0], y[0])
                self._weights.sub_(self._gradient, alpha=job.leaf.learning_rate)

    def _differentiate(self, x: Tensor, y: Tensor) -> None:
        """Compute the gradient of the mean loss of X [B, C, H, W], y [B]."""
        for first in range(0, len(y), TILE):
            tile, labels = x[first : first + TILE], y[first : first + TILE]
            self._network(tile.shape).add_gradient(tile, labels, 1.0 / len(y), beta=1.0 if first else 0.0)

    def _network(self, shape: torch.Size) -> _Network:
        """Return the network for tiles of this shape; few exist, as only the last tile of a batch differs."""
        if shape not in self._networks:
            inputs = self._weights.new_empty(*shape[1:], shape[0])
            self._networks[shape] = _Network(inputs, self._plan, self._parameters())
        return self._networks[shape]

    def _parameters(self) -> list[Parameter]:
        views, gradients = self._task.views(self._weights), self._task.views(self._gradient)
        names = [name for name, _ in self._task.shapes]
        return [
            Parameter(views[w], views[b], gradients[w], gradients[b])
            for w, b in zip(names[::2], names[1::2], strict=True)
        ]


class _Network:
    """Blocks on one tile of samples, with softmax cross entropy at the end."""

    def __init__(self, inputs: Tensor, plan: Sequence[_Step], parameters: Sequence[Parameter]) -> None:
        self._inputs, self._blocks = inputs, list[Block]()
        port = Activation(inputs, None)
        for step, parameter in zip(plan, parameters, strict=True):
            self._blocks.append(_block(port, step, parameter))
            port = self._blocks[-1].out
        self._scores, self._loss_gradient = port.value, port.gradient
        self._minus_one = inputs.new_full((1, inputs.shape[-1]), -1.0)

    def add_gradient(self, x: Tensor, y: Tensor, weight: float, beta: float) -> None:
        """Set parameter gradients to beta * old + weight * gradient of the summed loss of X [B, C, H, W], y [B]."""
        self._inputs.copy_(x.permute(1, 2, 3, 0))
        for block in self._blocks:
            block.forward()
        g = self._loss_gradient
        assert g is not None
        torch.softmax(self._scores, 0, out=g)
        g.scatter_add_(0, y[None], self._minus_one).mul_(weight)
        for block in reversed(self._blocks):
            block.backward(beta)


_Step = tuple[nn.Module, bool, bool]
"""An affine map, whether it is pooled, whether a ReLU follows."""


def _block(inputs: Activation, step: _Step, parameter: Parameter) -> Block:
    affine, pooled, rectified = step
    if isinstance(affine, nn.Conv2d):
        return ConvBlock(inputs, parameter, pooled, rectified)
    return LinearBlock(inputs, parameter, rectified)


def _plan(module: nn.Module) -> list[_Step]:
    """Return the chain as affine maps with what follows each. Raises StrategyError where another strategy is needed."""
    layers = list(module.children())
    starts = [n for n, layer in enumerate(layers) if isinstance(layer, (nn.Conv2d, nn.Linear))]
    spans = [layers[a:b] for a, b in pairwise([*starts, len(layers)])]
    if type(module) is not nn.Sequential or starts[:1] != [0] or not all(map(_is_supported, spans)):
        raise StrategyError(
            "family small_conv means a chain of convolutions (stride 1, no padding, with bias), each followed by at "
            "most one 2x2 max pooling, and linear maps, in nn.Sequential; got "
            f"{' '.join(str(module).split())}; give the model the family conv, or take another strategy"
        )
    return [(span[0], _has(span, nn.MaxPool2d) > 0, _has(span, nn.ReLU) > 0) for span in spans]


def _is_supported(span: Sequence[nn.Module]) -> bool:
    """Whether the blocks compute an affine map and the layers that follow it."""
    first = span[0]
    after = {nn.ReLU, nn.Flatten, nn.MaxPool2d} if isinstance(first, nn.Conv2d) else {nn.ReLU}
    pools = [layer for layer in span if isinstance(layer, nn.MaxPool2d)]
    plain = first.bias is not None and all(type(layer) in after for layer in span[1:])
    if isinstance(first, nn.Conv2d):
        traits = (first.stride, first.padding, first.dilation, first.groups)
        plain = plain and traits == ((1, 1), (0, 0), (1, 1), 1) and len(set(first.kernel_size)) == 1
    return plain and [_traits(pool) for pool in pools] in ([], [(2, 2, 0, 1, False)])


def _traits(pool: nn.MaxPool2d) -> tuple[object, ...]:
    return (pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode)


def _has(span: Sequence[nn.Module], kind: type[nn.Module]) -> int:
    return sum(isinstance(layer, kind) for layer in span)
