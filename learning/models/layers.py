"""Layers of a network as data, from which shapes, parameters, FLOPs and the torch module follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import nn

Size = tuple[int, ...]


@dataclass(frozen=True)
class Weight:
    """One parameter tensor: drawn from U(+-1/sqrt(fan_in)), PyTorch's default, or filled with `fill`."""

    shape: Size
    fan_in: int = 0
    fill: float | None = None


class Layer(Protocol):
    """One layer of a network, for samples of size `inputs`."""

    def outputs(self, inputs: Size) -> Size:
        """Return the size of one sample after this layer. Raises ValueError when `inputs` is too small."""

    def weights(self, inputs: Size) -> list[Weight]:
        """Return its parameters, in the order of `module(inputs).parameters()`."""

    def flops(self, inputs: Size) -> int:
        """Return forward FLOPs of one sample: 2 per multiply-add of convolutions and linear maps, nothing else."""

    def module(self, inputs: Size) -> nn.Module:
        """Return the torch layer."""


@dataclass(frozen=True)
class Conv:
    """2-D convolution with square kernels."""

    channels: int
    kernel: int
    padding: int = 0
    stride: int = 1
    bias: bool = True

    def outputs(self, inputs: Size) -> Size:
        """[channels, height, width] after the sliding window."""
        if len(inputs) != 3:
            raise ValueError(
                f"a convolution needs inputs (channels, height, width), got {inputs}; use mlp or logistic"
            )
        sides = tuple((side + 2 * self.padding - self.kernel) // self.stride + 1 for side in inputs[1:])
        _check_sides(sides, f"a {self.kernel}x{self.kernel} convolution", inputs)
        return (self.channels, *sides)

    def weights(self, inputs: Size) -> list[Weight]:
        """Kernel, then bias."""
        fan_in = inputs[0] * self.kernel**2
        kernel = Weight((self.channels, inputs[0], self.kernel, self.kernel), fan_in)
        return [kernel, Weight((self.channels,), fan_in)] if self.bias else [kernel]

    def flops(self, inputs: Size) -> int:
        """2 x outputs x fan-in."""
        return 2 * prod(self.outputs(inputs)) * inputs[0] * self.kernel**2

    def module(self, inputs: Size) -> nn.Module:
        """nn.Conv2d."""
        from torch import nn

        return nn.Conv2d(inputs[0], self.channels, self.kernel, self.stride, self.padding, bias=self.bias)


@dataclass(frozen=True)
class Linear:
    """Affine map of flat features."""

    features: int

    def outputs(self, inputs: Size) -> Size:
        """[features]."""
        return (self.features,)

    def weights(self, inputs: Size) -> list[Weight]:
        """Matrix [features, inputs], then bias."""
        return [Weight((self.features, inputs[0]), inputs[0]), Weight((self.features,), inputs[0])]

    def flops(self, inputs: Size) -> int:
        """2 x inputs x features."""
        return 2 * inputs[0] * self.features

    def module(self, inputs: Size) -> nn.Module:
        """nn.Linear."""
        from torch import nn

        return nn.Linear(inputs[0], self.features)


@dataclass(frozen=True)
class GroupNorm:
    """Normalisation over groups of channels (arXiv:1803.08494), without statistics shared between samples."""

    groups: int

    def outputs(self, inputs: Size) -> Size:
        """Unchanged."""
        return inputs

    def weights(self, inputs: Size) -> list[Weight]:
        """Scale 1 and shift 0 per channel."""
        return [Weight((inputs[0],), fill=1.0), Weight((inputs[0],), fill=0.0)]

    def flops(self, inputs: Size) -> int:
        """Not counted, as in torch's counter."""
        return 0

    def module(self, inputs: Size) -> nn.Module:
        """nn.GroupNorm."""
        from torch import nn

        return nn.GroupNorm(self.groups, inputs[0])


class _NoParameters:
    """A layer without parameters and without counted multiplications."""

    def weights(self, inputs: Size) -> list[Weight]:
        """No parameters."""
        return []

    def flops(self, inputs: Size) -> int:
        """Not counted, as in torch's counter."""
        return 0


@dataclass(frozen=True)
class Pool(_NoParameters):
    """2x2 max pooling; an odd last row or column is dropped."""

    def outputs(self, inputs: Size) -> Size:
        """Both sides halved, rounded down."""
        sides = tuple(side // 2 for side in inputs[1:])
        _check_sides(sides, "2x2 pooling", inputs)
        return (inputs[0], *sides)

    def module(self, inputs: Size) -> nn.Module:
        """nn.MaxPool2d."""
        from torch import nn

        return nn.MaxPool2d(2)


@dataclass(frozen=True)
class Relu(_NoParameters):
    """max(x, 0)."""

    def outputs(self, inputs: Size) -> Size:
        """Unchanged."""
        return inputs

    def module(self, inputs: Size) -> nn.Module:
        """nn.ReLU."""
        from torch import nn

        return nn.ReLU()


@dataclass(frozen=True)
class Flatten(_NoParameters):
    """All features in one vector; `mean` first averages each channel over the plane."""

    mean: bool = False

    def outputs(self, inputs: Size) -> Size:
        """[number of features]."""
        return (inputs[0],) if self.mean else (prod(inputs),)

    def module(self, inputs: Size) -> nn.Module:
        """nn.Flatten, or the average over the plane."""
        from learning.models.custom_layers import ChannelMeans, nn

        return ChannelMeans() if self.mean else nn.Flatten()


@dataclass(frozen=True)
class Residual:
    """relu(body(x) + shortcut(x)); an empty shortcut is the identity (arXiv:1512.03385)."""

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()

    def outputs(self, inputs: Size) -> Size:
        """Outputs of the body."""
        return layer_sizes(self.body, inputs)[-1]

    def weights(self, inputs: Size) -> list[Weight]:
        """Those of the body, then those of the shortcut."""
        return all_weights(self.body, inputs) + all_weights(self.shortcut, inputs)

    def flops(self, inputs: Size) -> int:
        """Both branches."""
        return sum(
            layer.flops(size)
            for branch in (self.body, self.shortcut)
            for layer, size in zip(branch, layer_sizes(branch, inputs), strict=False)
        )

    def module(self, inputs: Size) -> nn.Module:
        """The two branches and their sum."""
        from learning.models.custom_layers import Branches

        return Branches(assemble(self.body, inputs), assemble(self.shortcut, inputs))


def layer_sizes(layers: Sequence[Layer], inputs: Size) -> list[Size]:
    """Return the size of a sample before each layer and after the last: one entry more than layers."""
    sizes = [inputs]
    for layer in layers:
        sizes.append(layer.outputs(sizes[-1]))
    return sizes


def all_weights(layers: Sequence[Layer], inputs: Size) -> list[Weight]:
    """Return every parameter tensor of a list of layers, in the order of the module's parameters."""
    return [
        weight
        for layer, size in zip(layers, layer_sizes(layers, inputs), strict=False)
        for weight in layer.weights(size)
    ]


def training_flops(layers: Sequence[Layer], inputs: Size) -> int:
    """Return forward and backward FLOPs of one sample: three times the forward FLOPs.

    The first layer needs no input gradient, so it counts twice only.
    """
    forward = [layer.flops(size) for layer, size in zip(layers, layer_sizes(layers, inputs), strict=False)]
    first = next((flops for flops in forward if flops), 0)
    return 3 * sum(forward) - first


def assemble(layers: Sequence[Layer], inputs: Size) -> nn.Sequential:
    """Return the layers as nn.Sequential."""
    from torch import nn

    return nn.Sequential(
        *(layer.module(size) for layer, size in zip(layers, layer_sizes(layers, inputs), strict=False))
    )


def _check_sides(sides: Size, operation: str, inputs: Size) -> None:
    if min(sides) < 1:
        raise ValueError(
            f"inputs {inputs} are too small for {operation}; use a smaller model (mlp) or larger images"
        )
