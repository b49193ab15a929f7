"""Tasks as tensors on one device. Imported lazily, since it needs torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from learning.datasets.arrays import Arrays

EVALUATION_CHUNK = 1000  # test samples scored at once: fixed, since sums depend on it in the last bits

Params = Mapping[str, Tensor]


class _TaskTensors(ABC):
    """Common part of the bound tasks; see `learning.tasks.task.BoundTask` for the interface."""

    def __init__(
        self, module: nn.Module, samples: Sequence[int], device: torch.device, dtype: torch.dtype
    ) -> None:
        self.module = module.to(device=device, dtype=dtype)
        self.shapes = [(name, tuple(p.shape)) for name, p in self.module.named_parameters()]
        self.samples = list(samples)
        self.device, self.dtype = device, dtype
        self.uses_bfloat16 = False
        self.dim = sum(p.numel() for p in self.module.parameters())

    def views(self, vectors: Tensor) -> dict[str, Tensor]:
        """Return views [..., *shape] by parameter name into vectors [..., d], which share its memory."""
        lead, offset, views = vectors.shape[:-1], 0, {}
        for name, shape in self.shapes:
            count = int(np.prod(shape))
            views[name] = vectors[..., offset : offset + count].view(*lead, *shape)
            offset += count
        return views

    @abstractmethod
    def gather(self, devices: Sequence[int], positions: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return inputs and labels of some samples of some devices."""

    @abstractmethod
    def loss(self, params: Params, x: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of one batch."""

    @torch.no_grad()
    def local_loss(self, vector: Tensor, device: int, positions: NDArray[np.int64] | None = None) -> float:
        """Return the mean loss of a model [d] over samples of a device: those at `positions`, or all."""
        used = np.arange(self.samples[device]) if positions is None else positions
        params, total = self.views(vector), 0.0
        for first in range(0, len(used), EVALUATION_CHUNK):
            chunk = used[None, first : first + EVALUATION_CHUNK]
            x, y = self.gather([device], chunk)
            total += float(self.loss(params, x[0], y[0])) * chunk.size
        return total / len(used)

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device=self.device, dtype=self.dtype)


class BoundClassification(_TaskTensors):
    """Labelled samples in their stored type (uint8 or float32), normalised when they are gathered."""

    def __init__(
        self,
        module: nn.Module,
        start: Callable[[int], NDArray[np.float64]],
        arrays: Arrays,
        parts: Sequence[NDArray[np.int64]],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(module, [len(part) for part in parts], device, dtype)
        self._start = start
        self._order = np.concatenate(parts)
        self._firsts = np.array([0, *accumulate(self.samples)][:-1], dtype=np.int64)
        self._train_x, self._test_x = (_on(x, device) for x in (arrays.train_x, arrays.test_x))
        self._train_y, self._test_y = (_on(y, device) for y in (arrays.train_y, arrays.test_y))
        scale = 255.0 if arrays.train_x.dtype == np.uint8 else 1.0
        axes = (-1, *[1] * (arrays.train_x.ndim - 2))
        std = np.array(arrays.std).reshape(axes)
        self._factor = self._tensor(1.0 / (scale * std))
        self._shift = self._tensor(-np.array(arrays.mean).reshape(axes) / std)

    def initial(self, seed: int) -> Tensor:
        """Return the initial model [d]."""
        return self._tensor(self._start(seed))

    def gather(self, devices: Sequence[int], positions: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return inputs [K, B, *inputs] and labels [K, B] of `positions` [K, B] in the sample lists of the devices."""
        check_positions(devices, positions, self.samples)
        flat = self._order[self._firsts[list(devices)][:, None] + positions].reshape(-1)
        index = _on(flat, self.device)
        # index_select copies whole samples: twenty times faster than indexing where they are bytes
        x = self._normalised(self._train_x.index_select(0, index))
        return x.view(*positions.shape, *x.shape[1:]), self._train_y.index_select(0, index).view(
            positions.shape
        )

    def loss(self, params: Params, x: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross entropy of one batch; usable under torch.func's vmap and grad."""
        return functional.cross_entropy(functional_call(self.module, dict(params), (x,)), y)

    def module_loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the same loss through the module's own parameters."""
        scores: Tensor = self.module(x)
        return functional.cross_entropy(scores, y)

    @torch.no_grad()
    def evaluate(self, vector: Tensor) -> dict[str, float]:
        """Return accuracy and mean cross entropy on the test split."""
        params = self.views(vector.to(device=self.device, dtype=self.dtype))
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        for first in range(0, len(self._test_y), EVALUATION_CHUNK):
            labels = self._test_y[first : first + EVALUATION_CHUNK]
            scores = functional_call(
                self.module, params, (self._normalised(self._test_x[first : first + EVALUATION_CHUNK]),)
            )
            correct += (scores.argmax(1) == labels).sum()
            loss += functional.cross_entropy(scores, labels, reduction="sum")
        count = len(self._test_y)
        return {"accuracy": int(correct) / count, "loss": float(loss) / count}

    def _normalised(self, samples: Tensor) -> Tensor:
        """Return a copy of the samples, scaled and shifted in place, which is faster than allocating results."""
        return samples.to(self.dtype, copy=True).mul_(self._factor).add_(self._shift)


class _Flat(nn.Module):
    """A module with one parameter vector w [d]."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(dim))


class _BoundObjective(_TaskTensors):
    """A synthetic objective of one vector w [d]."""

    def __init__(
        self, start: NDArray[np.float64], samples: Sequence[int], device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(_Flat(len(start)), samples, device, dtype)
        self._start = start

    def initial(self, seed: int) -> Tensor:
        """Return the initial model [d], the same for every seed."""
        return self._tensor(self._start)

    def module_loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the same loss through the module's own parameters."""
        return self.loss(dict(self.module.named_parameters()), x, y)


class BoundQuadratic(_BoundObjective):
    """A quadratic: gathered inputs are the noise, labels the device ordinals; gradient H (w - b_i) + mean noise."""

    def __init__(
        self,
        start: NDArray[np.float64],
        samples: Sequence[int],
        device: torch.device,
        dtype: torch.dtype,
        curvatures: NDArray[np.float64],
        centres: NDArray[np.float64],
        noise: Callable[[Sequence[int], NDArray[np.int64]], NDArray[np.float64]],
    ) -> None:
        super().__init__(start, samples, device, dtype)
        self._curvatures, self._centres, self._noise = self._tensor(curvatures), self._tensor(centres), noise

    def gather(self, devices: Sequence[int], positions: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return noise [K, B, d] and device ordinals [K, B]."""
        check_positions(devices, positions, self.samples)
        owners = np.broadcast_to(np.array(devices, dtype=np.int64)[:, None], positions.shape)
        return self._tensor(self._noise(devices, positions)), _on(owners, self.device)

    def loss(self, params: Params, x: Tensor, y: Tensor) -> Tensor:
        """Return 1/2 (w - b)' H (w - b) + mean(noise)' w."""
        w = params["w"]
        distance = w - self._centres[y[0]]
        return 0.5 * (self._curvatures * distance * distance).sum() + (x.mean(0) * w).sum()

    @torch.no_grad()
    def evaluate(self, vector: Tensor) -> dict[str, float]:
        """Return F(w) - F(w*) as loss; there is no accuracy."""
        w = vector.to(device=self.device, dtype=torch.float64)
        return {"accuracy": float("nan"), "loss": 0.5 * float((self._curvatures.double() * w * w).sum())}


class BoundRidge(_BoundObjective):
    """Generated inputs with labels 0 or 1; every device has the same number of samples."""

    def __init__(
        self,
        start: NDArray[np.float64],
        samples: Sequence[int],
        device: torch.device,
        dtype: torch.dtype,
        inputs: NDArray[np.float64],
        labels: NDArray[np.int64],
        ridge: float,
        minimum: float,
    ) -> None:
        super().__init__(start, samples, device, dtype)
        self._inputs, self._labels = torch.from_numpy(inputs).to(device), _on(labels, device)
        self._ridge, self._minimum = ridge, minimum

    def gather(self, devices: Sequence[int], positions: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return inputs [K, B, d] and labels [K, B]."""
        check_positions(devices, positions, self.samples)
        first = np.array(devices, dtype=np.int64)[:, None] * self.samples[0]
        index = _on(first + positions, self.device)
        return self._inputs[index].to(self.dtype), self._labels[index]

    def loss(self, params: Params, x: Tensor, y: Tensor) -> Tensor:
        """Return mean log(1 + exp(-s x'w)) + ridge / 2 ||w||^2."""
        return _ridge_loss(params["w"], x, y, self._ridge)

    @torch.no_grad()
    def evaluate(self, vector: Tensor) -> dict[str, float]:
        """Return F(w) - F(w*) as loss and the accuracy, both on the training samples of all devices."""
        w = vector.to(device=self.device, dtype=torch.float64)
        correct = ((self._inputs @ w > 0) == (self._labels == 1)).sum()
        loss = float(_ridge_loss(w, self._inputs, self._labels, self._ridge)) - self._minimum
        return {"accuracy": int(correct) / len(self._labels), "loss": loss}


def check_positions(devices: Sequence[int], positions: NDArray[np.int64], samples: Sequence[int]) -> None:
    """Raise IndexError where a position lies outside the device's own list: it would select another's sample."""
    sizes = np.array([samples[device] for device in devices])[:, None]
    if positions.shape[:1] != (len(devices),) or ((positions < 0) | (positions >= sizes)).any():
        raise IndexError(
            f"positions {positions.shape} must be [{len(devices)}, B] positions below {sizes.ravel().tolist()}"
        )


def _ridge_loss(w: Tensor, x: Tensor, y: Tensor, ridge: float) -> Tensor:
    signs = 2.0 * y.to(x.dtype) - 1.0
    return functional.softplus(-signs * (x @ w)).mean() + 0.5 * ridge * (w * w).sum()


def _on(values: NDArray[Any], device: torch.device) -> Tensor:
    """Return a tensor of the same type; copied where the array is read-only or not contiguous."""
    return torch.from_numpy(np.require(values, requirements=["C", "W"])).to(device)
