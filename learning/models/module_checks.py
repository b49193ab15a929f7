"""Construction, checks and cost of external modules. Imported lazily, since it needs torch."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.utils.flop_counter import FlopCounterMode

from learning.models.layers import Size

CLOSE = 1e-3
"""Difference of scores, relative to the largest, up to which two outputs for one sample differ by rounding only."""


def create_module(of: str, args: Mapping[str, Any], inputs: Size, classes: int, seed: int) -> nn.Module:
    """Return the module with parameters drawn with `seed`. Raises ValueError where it cannot be created.

    The state of torch's generator is preserved.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            factory = _import_factory(of)
            module = factory(**{**_task_arguments(factory, inputs, classes), **args})
        except (Exception, SystemExit) as error:  # any error of the user's code
            raise ValueError(f"{of} cannot be made: {type(error).__name__}: {error}") from error
        if not isinstance(module, nn.Module):
            raise ValueError(
                f"{of} must make a torch.nn.Module, got {type(module).__name__}; return the module itself"
            )
        _scores(of, module, _samples(inputs))  # lazy layers take their size from a first sample
    return module


def check_module(of: str, module: nn.Module, inputs: Size, classes: int) -> nn.Module:
    """Return the module if it can be trained here. Raises ValueError that names the obstacle."""
    for name, layer in module.named_modules():
        if isinstance(layer, _BatchNorm) or getattr(layer, "track_running_stats", False):
            raise ValueError(
                f"{of}: {name} is {type(layer).__name__}, whose statistics mix samples and are no parameters: devices "
                "cannot average them; use nn.GroupNorm or nn.LayerNorm"
            )
        if isinstance(layer, _DropoutNd) and layer.p > 0:
            raise ValueError(
                f"{of}: {name} is {type(layer).__name__}, whose output is random; leave dropout out"
            )
    _check_parameters(of, module)
    _check_scores(of, module, inputs, classes)
    return module


def count_costs(module: nn.Module, inputs: Size, classes: int) -> tuple[int, int, int]:
    """Return parameters, forward and backward FLOPs of a sample (torch's counter), and numbers in the widest output."""
    samples, widest = _samples(inputs), [prod(inputs)]
    hooks = [layer.register_forward_hook(_record_sizes(widest, len(samples))) for layer in module.modules()]
    with FlopCounterMode(display=False) as counter:
        scores = module(samples)
        torch.autograd.backward(nn.functional.cross_entropy(scores, torch.arange(len(samples)) % classes))
    for hook in hooks:
        hook.remove()
    dim = sum(p.numel() for p in module.parameters())
    return dim, counter.get_total_flops() // len(samples), max(widest)


def _import_factory(of: str) -> Callable[..., object]:
    module, _, name = of.partition(":")
    target: Any = importlib.import_module(module)
    for step in name.split("."):
        target = getattr(target, step)
    factory: Callable[..., object] = target
    return factory


def _task_arguments(factory: Callable[..., object], inputs: Size, classes: int) -> dict[str, object]:
    """Return the arguments of the task that the factory accepts by name."""
    available = {"inputs": inputs, "classes": classes}
    return {name: available[name] for name in inspect.signature(factory).parameters if name in available}


def _check_parameters(of: str, module: nn.Module) -> None:
    parameters = dict(module.named_parameters())
    if not parameters:
        raise ValueError(f"{of} has no parameters, so there is nothing to learn; register nn.Parameters")
    for name, p in parameters.items():
        if not p.requires_grad or p.dtype != torch.float32:
            raise ValueError(
                f"{of}: {name} must be a float32 parameter that requires a gradient, got {p.dtype} with requires_grad "
                f"{p.requires_grad}; make what stays constant a buffer"
            )


def _check_scores(of: str, module: nn.Module, inputs: Size, classes: int) -> None:
    samples, before = _samples(inputs), {name: b.clone() for name, b in module.named_buffers()}
    scores = _scores(of, module, samples)
    if tuple(scores.shape) != (len(samples), classes):
        raise ValueError(
            f"{of} must map {[len(samples), *inputs]} to scores {[len(samples), classes]}, got {list(scores.shape)}"
        )
    if not torch.equal(scores, _scores(of, module, samples)):
        raise ValueError(f"{of} gives different scores for the same samples; leave dropout out")
    single = _scores(of, module, samples[:1])
    if float((single - scores[:1]).abs().max()) > CLOSE * float(scores.abs().max()):
        raise ValueError(
            f"{of} gives a sample other scores in a batch than alone; use nn.GroupNorm or nn.LayerNorm, not batch norm"
        )
    changed = [name for name, b in module.named_buffers() if not torch.equal(b, before[name])]
    if changed:
        raise ValueError(f"{of}: the buffer {changed[0]} changes with every call; devices cannot average it")


@torch.no_grad()
def _scores(of: str, module: nn.Module, samples: Tensor) -> Tensor:
    try:
        scores = module(samples)
    except Exception as error:
        raise ValueError(f"{of} fails on {list(samples.shape)}: {type(error).__name__}: {error}") from error
    if not isinstance(scores, Tensor):
        raise ValueError(f"{of} must return scores [B, classes], got {type(scores).__name__}")
    return scores


def _samples(inputs: Size) -> Tensor:
    """Return a few samples that are neither equal nor zero."""
    count = 3
    return torch.linspace(-1.0, 1.0, count * prod(inputs)).sin_().view(count, *inputs)


def _record_sizes(widest: list[int], samples: int) -> Callable[..., None]:
    def note(_module: nn.Module, _given: object, output: object) -> None:
        if isinstance(output, Tensor):
            widest.append(output.numel() // samples)

    return note
