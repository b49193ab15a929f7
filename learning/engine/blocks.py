"""Blocks of a network: affine maps with pooling and ReLU, forward and backward, in memory reused for every batch.

The batch is the innermost dimension ([channels, height, width, B] and [features, B]): the patches under a kernel are
then copies of long runs, and the matrix products are wide enough to run near the processor's peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from learning.engine.fused_trainer import CACHE_LINE, threshold_backward


@dataclass(frozen=True)
class Activation:
    """Output of a block, and the memory for its gradient (None where the gradient is not needed)."""

    value: Tensor
    gradient: Tensor | None


@dataclass(frozen=True)
class Parameter:
    """A weight and its bias, with the memory for their gradients."""

    weight: Tensor
    bias: Tensor
    d_weight: Tensor
    d_bias: Tensor


class Block(Protocol):
    """One affine map with what follows it."""

    out: Activation

    def forward(self) -> None:
        """Compute `out.value` from the activation below."""

    def backward(self, beta: float) -> None:
        """Compute the gradient of the activation below from `out.gradient`, which is overwritten.

        Parameter gradients become beta * old + new.
        """


class LinearBlock:
    """z = W x + b, optionally with ReLU, on [features, B]."""

    def __init__(self, inputs: Activation, parameter: Parameter, rectified: bool) -> None:
        self._parameter, self._rectified = parameter, rectified
        batch = inputs.value.shape[-1]
        self._x = inputs.value.view(-1, batch)
        self._dx = None if inputs.gradient is None else inputs.gradient.view(-1, batch)
        self.out = _port(self._x, len(parameter.bias), batch)
        self._bias, self._ones = parameter.bias[:, None], self._x.new_ones(batch)

    def forward(self) -> None:
        """See Block."""
        torch.addmm(self._bias, self._parameter.weight, self._x, out=self.out.value)
        if self._rectified:
            self.out.value.relu_()

    def backward(self, beta: float) -> None:
        """See Block."""
        g = _backward_relu(self.out, self._rectified)
        self._parameter.d_bias.addmv_(g, self._ones, beta=beta)
        self._parameter.d_weight.addmm_(g, self._x.t(), beta=beta)
        if self._dx is not None:
            torch.mm(self._parameter.weight.t(), g, out=self._dx)


class ConvBlock:
    """A convolution of stride 1 without padding, optionally with 2x2 max pooling and ReLU, on [channels, H, W, B].

    The bias is added after pooling and its gradient taken before unpooling: a quarter of the work and the same values,
    since rounding is monotone.
    """

    def __init__(self, inputs: Activation, parameter: Parameter, pooled: bool, rectified: bool) -> None:
        self._parameter, self._rectified = parameter, rectified
        x, (channels, _, kernel, _) = inputs.value, parameter.weight.shape
        height, width, batch = x.shape[1] - kernel + 1, x.shape[2] - kernel + 1, x.shape[3]
        self._patches = _patches(x, kernel)
        self._cols_2d = _matrix(x, len(parameter.weight[0].view(-1)), height * width * batch)
        self._cols = self._cols_2d.view(self._patches.shape)
        self._sums_2d = _matrix(x, channels, height * width * batch)
        sums = self._sums_2d.view(channels, height, width, batch)
        self._pool = _Pool(sums) if pooled else None
        self.out = _port(x, *(self._pool.shape if self._pool else sums.shape))
        self._out_2d = self.out.value.view(channels, -1)
        self._weight_2d, self._bias = parameter.weight.view(channels, -1), parameter.bias[:, None]
        self._d_weight_2d = parameter.d_weight.view(channels, -1)
        self._ones = x.new_ones(self._out_2d.shape[1])
        self._input_gradient = (
            None if inputs.gradient is None else _InputGradient(inputs.gradient, parameter.weight)
        )

    def forward(self) -> None:
        """See Block."""
        self._cols.copy_(self._patches)
        torch.mm(self._weight_2d, self._cols_2d, out=self._sums_2d)
        if self._pool is None:
            self._out_2d.copy_(self._sums_2d)
        else:
            self._pool.forward(self.out.value)
        self._out_2d.add_(self._bias)
        if self._rectified:
            self.out.value.relu_()

    def backward(self, beta: float) -> None:
        """See Block."""
        g = _backward_relu(self.out, self._rectified)
        self._parameter.d_bias.addmv_(g.view(len(self._bias), -1), self._ones, beta=beta)
        if self._pool is None:
            self._sums_2d.copy_(g.view(len(self._bias), -1))
        else:
            self._pool.backward(g)
        self._d_weight_2d.addmm_(self._sums_2d, self._cols_2d.t(), beta=beta)
        if self._input_gradient is not None:
            self._input_gradient.fill(self._sums_2d)


class _Pool:
    """2x2 max pooling of `sums`, later overwritten by its gradient; of equal values the first in reading order wins."""

    def __init__(self, sums: Tensor) -> None:
        channels, height, width, batch = sums.shape
        self.shape = (channels, height // 2, width // 2, batch)
        self._sums, self._ragged = sums, height % 2 + width % 2 > 0
        corner = sums[:, : height // 2 * 2, : width // 2 * 2]
        self._corners = [corner[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
        self._right, self._lower, self._lower_right = (sums.new_empty(self.shape) for _ in range(3))
        self._bottom = sums.new_empty(self.shape)

    def forward(self, out: Tensor) -> None:
        """Write the maxima to `out`; their positions are stored as zeros and ones."""
        a, b, c, d = self._corners
        torch.gt(b, a, out=self._right)
        torch.gt(d, c, out=self._lower_right)
        torch.maximum(a, b, out=out)
        torch.maximum(c, d, out=self._bottom)
        torch.gt(self._bottom, out, out=self._lower)
        torch.maximum(out, self._bottom, out=out)

    def backward(self, g: Tensor) -> None:
        """Write each gradient to the position of its maximum, and zeros elsewhere; `g` is overwritten."""
        a, b, c, d = self._corners
        if self._ragged:
            self._sums.zero_()
        torch.mul(g, self._lower, out=self._bottom)
        g.sub_(self._bottom)
        torch.mul(g, self._right, out=b)
        torch.sub(g, b, out=a)
        torch.mul(self._bottom, self._lower_right, out=d)
        torch.sub(self._bottom, d, out=c)


class _InputGradient:
    """The gradient of a convolution's input: products added over kernel rows, then shifts added over kernel columns."""

    def __init__(self, into: Tensor, weight: Tensor) -> None:
        out_channels, channels, kernel, _ = weight.shape
        _, height, width, batch = into.shape
        across, line = width - kernel + 1, (width - kernel + 1) * batch
        self._into, self._weight = into, weight.permute(2, 0, 1, 3)
        self._by_row = weight.new_empty(kernel, out_channels, channels, kernel)
        flat = self._by_row.view(kernel, out_channels, channels * kernel)
        rows, run = _matrix(into, channels * kernel, height * line), (height - kernel + 1) * line
        self._rows = rows.view(channels, kernel, height, across, batch)
        self._products = [(rows[:, i * line : i * line + run], flat[i].t()) for i in range(kernel)]
        self._shifts = [(into[:, :, j : j + across], self._rows[:, j]) for j in range(kernel)]

    def fill(self, g: Tensor) -> None:
        """Compute the gradient from `g` [channels out, height * width * B], the gradient of the convolution's sums."""
        self._by_row.copy_(self._weight)
        self._rows.zero_()
        for rows, weight in self._products:
            rows.addmm_(weight, g)
        self._into.zero_()
        for into, rows in self._shifts:
            into.add_(rows)


def _port(like: Tensor, *shape: int) -> Activation:
    return Activation(like.new_empty(shape), like.new_empty(shape))


def _matrix(like: Tensor, rows: int, columns: int) -> Tensor:
    """Uninitialised [rows, columns] with a cache line between rows: rows of 2^n bytes would share cache sets."""
    return like.new_empty(rows, -(-columns // CACHE_LINE) * CACHE_LINE + CACHE_LINE)[:, :columns]


def _patches(x: Tensor, kernel: int) -> Tensor:
    """View [C, k, k, H', W', B] of x [C, H, W, B]: entry (c, i, j, y, x) is the image at (y + i, x + j)."""
    channels, height, width, batch = x.shape
    plane, row, column, _ = x.stride()
    size = (channels, kernel, kernel, height - kernel + 1, width - kernel + 1, batch)
    return x.as_strided(size, (plane, row, column, row, column, 1))


def _backward_relu(out: Activation, rectified: bool) -> Tensor:
    """Return the gradient before the ReLU, in place."""
    g = out.gradient
    assert g is not None
    return threshold_backward(g, out.value, 0, grad_input=g) if rectified else g
