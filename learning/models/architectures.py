"""The built-in models as lists of layers, and their initial parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from learning.models.layers import (
    Conv,
    Flatten,
    GroupNorm,
    Layer,
    Linear,
    Pool,
    Relu,
    Residual,
    Size,
    Weight,
    all_weights,
    assemble,
    layer_sizes,
    training_flops,
)
from learning.models.torch_module import Module
from learning.rng.keyed import row_key, uniforms

if TYPE_CHECKING:
    from torch import nn

Family = Literal["linear", "small_conv", "conv"]


class Model(Protocol):
    """A part: a classifier of samples of size `inputs`. Raises ValueError where these are too small for it."""

    @property
    def architecture(self) -> Family:
        """How the model may be trained.

        "linear": a chain of nn.Flatten, nn.Linear and nn.ReLU only. "small_conv": a chain that begins with
        convolutions of few channels (stride 1, no padding, with bias), each followed by nn.ReLU and at most one 2x2
        nn.MaxPool2d, and ends as "linear". "conv": anything else.
        """

    def dim(self, inputs: Size, classes: int) -> int:
        """Return the number of parameters d."""

    def flops(self, inputs: Size, classes: int) -> int:
        """Return forward and backward FLOPs of one sample, as torch.utils.flop_counter counts them."""

    def weights(self, inputs: Size, classes: int) -> list[Weight]:
        """Return shapes and initial distributions of the parameters, in the order of `build(...).parameters()`."""

    def build(self, inputs: Size, classes: int) -> nn.Module:
        """Return the torch module: [B, *inputs] -> scores [B, classes]; no dropout, no batch norm."""


class _Layered(ABC):
    """A model given by its `layers`, from which everything else follows."""

    architecture: ClassVar[Family] = "conv"

    @abstractmethod
    def layers(self, classes: int) -> tuple[Layer, ...]:
        """Return the layers in order."""

    def dim(self, inputs: Size, classes: int) -> int:
        """Return the number of parameters d."""
        return sum(prod(weight.shape) for weight in self.weights(inputs, classes))

    def flops(self, inputs: Size, classes: int) -> int:
        """Return forward and backward FLOPs of one sample."""
        return training_flops(self._checked(inputs, classes), inputs)

    def weights(self, inputs: Size, classes: int) -> list[Weight]:
        """Return shapes and initial distributions of the parameters."""
        return all_weights(self._checked(inputs, classes), inputs)

    def widest(self, inputs: Size, classes: int) -> int:
        """Return the numbers per sample in the widest of the inputs and all layers' outputs."""
        return max(map(prod, layer_sizes(self._checked(inputs, classes), inputs)))

    def build(self, inputs: Size, classes: int) -> nn.Module:
        """Return the torch module."""
        return assemble(self._checked(inputs, classes), inputs)

    def _checked(self, inputs: Size, classes: int) -> tuple[Layer, ...]:
        layers = self.layers(classes)
        try:
            layer_sizes(layers, inputs)
        except ValueError as error:
            raise ValueError(f"{type(self).__name__} on inputs {inputs}: {error}") from error
        return layers


@dataclass(frozen=True)
class Logistic(_Layered):
    """Multinomial logistic regression: one linear map, 7,850 parameters on MNIST. Convex."""

    architecture = "linear"

    def layers(self, classes: int) -> tuple[Layer, ...]:
        """flatten, linear."""
        return (Flatten(), Linear(classes))


@dataclass(frozen=True)
class Mlp(_Layered):
    """Fully connected network with ReLU; `hidden` lists the widths of the hidden layers."""

    hidden: tuple[int, ...] = (64,)

    architecture = "linear"

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if not self.hidden:
            raise ValueError("hidden must name at least one width, got []; for no hidden layer use logistic")
        if min(self.hidden) < 1:
            raise ValueError(f"hidden widths must be >= 1, got {list(self.hidden)}; remove the layer instead")

    def layers(self, classes: int) -> tuple[Layer, ...]:
        """flatten, (linear, relu) per hidden layer, linear."""
        inner = tuple(layer for width in self.hidden for layer in (Linear(width), Relu()))
        return (Flatten(), *inner, Linear(classes))


@dataclass(frozen=True)
class LeNet(_Layered):
    """The small CNN of HierFL (arXiv:1905.06641) without its dropout: 21,840 parameters on 28x28x1."""

    citations: ClassVar[Mapping[str, str]] = {"liu2019hierfavg": ""}

    architecture = "small_conv"

    def layers(self, classes: int) -> tuple[Layer, ...]:
        """Two 5x5 convolutions (10, 20), each pooled; 50 hidden units."""
        convolutions = (Conv(10, 5), Pool(), Relu(), Conv(20, 5), Pool(), Relu())
        return (*convolutions, Flatten(), Linear(50), Relu(), Linear(classes))


@dataclass(frozen=True)
class McMahanCnn(_Layered):
    """The CNN of FedAvg (arXiv:1602.05629, section 3): 1,663,370 parameters on 28x28x1."""

    citations: ClassVar[Mapping[str, str]] = {"mcmahan2016fedavg": ""}

    def layers(self, classes: int) -> tuple[Layer, ...]:
        """Two padded 5x5 convolutions (32, 64), each pooled; 512 hidden units."""
        convolutions = (Conv(32, 5, padding=2), Pool(), Relu(), Conv(64, 5, padding=2), Pool(), Relu())
        return (*convolutions, Flatten(), Linear(512), Relu(), Linear(classes))


@dataclass(frozen=True)
class CifarCnn(_Layered):
    """The CNN of the TensorFlow CIFAR tutorial: 122,570 parameters on 32x32x3."""

    def layers(self, classes: int) -> tuple[Layer, ...]:
        """Three 3x3 convolutions (32, 64, 64), the first two pooled; 64 hidden units."""
        convolutions = (Conv(32, 3), Pool(), Relu(), Conv(64, 3), Pool(), Relu(), Conv(64, 3), Relu())
        return (*convolutions, Flatten(), Linear(64), Relu(), Linear(classes))


@dataclass(frozen=True)
class ResNet8(_Layered):
    """Residual network of three stages (16, 32, 64), one block each, GroupNorm of 8 groups: 78,042 on 32x32x3.

    The CIFAR layout of He et al. (arXiv:1512.03385, section 4.2) with n = 1 block per stage, so 8 layers with weights
    on the main path; projections where the size changes; GroupNorm (arXiv:1803.08494) replaces batch norm.
    """

    citations: ClassVar[Mapping[str, str]] = {"he2015resnet": "", "wu2018groupnorm": ""}

    def layers(self, classes: int) -> tuple[Layer, ...]:
        """Stem, three residual blocks, average over the plane, linear."""
        stem = (Conv(16, 3, padding=1, bias=False), GroupNorm(8), Relu())
        blocks = (_block(16, 1), _block(32, 2), _block(64, 2))
        return (*stem, *blocks, Flatten(mean=True), Linear(classes))


def initial_vector(model: Model, inputs: Size, classes: int, seed: int) -> NDArray[np.float64]:
    """Return initial parameters [d] in the order of module.parameters(), keyed by (seed, "init").

    The distribution is PyTorch's default: weights and biases of linear maps and convolutions are U(-1/sqrt(fan_in),
    1/sqrt(fan_in)), GroupNorm starts at scale 1 and shift 0. The numbers are the same on every device and torch
    version. A user's module draws its own.
    """
    if isinstance(model, Module):
        return model.initial(inputs, classes, seed)
    weights = model.weights(inputs, classes)
    return np.concatenate(
        [_draw(weight, row_key(seed, "init", index)) for index, weight in enumerate(weights)]
    )


def _draw(weight: Weight, key: int) -> NDArray[np.float64]:
    count = prod(weight.shape)
    if weight.fill is not None:
        return np.full(count, weight.fill)
    unit = uniforms(np.array([key], dtype=np.uint64), count)[0]
    values: NDArray[np.float64] = (2.0 * unit - 1.0) / np.sqrt(weight.fan_in)
    return values


def _block(channels: int, stride: int) -> Residual:
    """Return two 3x3 convolutions, each normalised, with a 1x1 projection where the size changes."""
    first = (Conv(channels, 3, padding=1, stride=stride, bias=False), GroupNorm(8), Relu())
    second = (Conv(channels, 3, padding=1, bias=False), GroupNorm(8))
    projection = (Conv(channels, 1, stride=stride, bias=False), GroupNorm(8))
    return Residual((*first, *second), projection if stride > 1 else ())


MODELS: dict[str, type[Model]] = {
    "logistic": Logistic,
    "mlp": Mlp,
    "lenet": LeNet,
    "mcmahan_cnn": McMahanCnn,
    "cifar_cnn": CifarCnn,
    "resnet8": ResNet8,
    "module": Module,
}
