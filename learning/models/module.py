"""A user's own torch module as a model: any class or function that makes one, named by its import path."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from learning.models.layers import Size, Weight
from learning.rng.keyed import row_key
from learning.store.caches import load_integers, store_integers

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Counts:
    """What a module costs: parameters, forward and backward FLOPs of a sample, numbers in its widest layer."""

    dim: int
    flops: int
    widest: int


@dataclass(frozen=True)
class Module:
    """`of: package.module:Name` called with `args`, and with `inputs` and `classes` where it takes them.

    Name is an nn.Module class, or a function that returns a module, which maps [B, *inputs] to scores [B, classes];
    `inputs` is the size of a sample, `classes` a number. The generic strategies train it (loop, vmap); its parameters
    begin as it draws them itself, by the seed. Batch norm and dropout are refused: they make a sample's answer depend
    on other samples or on a dice. Parameters and FLOPs are counted once, by torch, and remembered under a hash of the
    source file, so that `check` and timing-only runs need no torch.
    """

    of: str
    args: Mapping[str, Any] = field(default_factory=dict)
    source: str = field(init=False, repr=False)
    """A hash of the file behind `of`: part of every digest."""

    family: ClassVar[Literal["conv"]] = "conv"

    def __post_init__(self) -> None:
        module, _, name = self.of.partition(":")
        if not module or not name:
            raise ValueError(f"of must be package.module:Name, got {self.of!r}; name what makes the module")
        object.__setattr__(self, "args", dict(sorted(self.args.items())))
        object.__setattr__(self, "source", _source(self.of, module))

    @staticmethod
    def adopts(found: object) -> bool:
        """Whether an imported thing that is no part by itself is to be wrapped by this one."""
        return callable(found)

    def dim(self, inputs: Size, classes: int) -> int:
        """Number of parameters d."""
        return self._counts(inputs, classes).dim

    def flops(self, inputs: Size, classes: int) -> int:
        """Forward and backward FLOPs of one sample, as torch's counter counts them."""
        return self._counts(inputs, classes).flops

    def widest(self, inputs: Size, classes: int) -> int:
        """Numbers per sample in the widest of the inputs and all submodules' outputs."""
        return self._counts(inputs, classes).widest

    def weights(self, inputs: Size, classes: int) -> list[Weight]:
        """Shapes of the parameters; their law is the module's own (see `initial`)."""
        return [Weight(tuple(p.shape)) for p in self.build(inputs, classes).parameters()]

    def initial(self, inputs: Size, classes: int, seed: int) -> NDArray[np.float64]:
        """Parameters [d] as the module draws them from torch's generator, seeded by (seed, "init")."""
        from learning.models.foreign import made

        module = made(self.of, self.args, inputs, classes, row_key(seed, "init", 0) >> 1)
        return np.concatenate([p.detach().double().numpy().ravel() for p in module.parameters()])

    def build(self, inputs: Size, classes: int) -> nn.Module:
        """The module. Raises ValueError where it cannot be made, or not be trained here; says why."""
        from learning.models.foreign import checked, made

        return checked(self.of, made(self.of, self.args, inputs, classes, 0), inputs, classes)

    def _counts(self, inputs: Size, classes: int) -> Counts:
        about = json.dumps([self.of, self.source, self.args, inputs, classes, version("torch")], default=repr)
        name = f"module-{blake2b(about.encode(), digest_size=12).hexdigest()}"
        known = load_integers(name) if self.source else None
        if known is not None:
            return Counts(**known)
        from learning.models.foreign import counted

        counts = Counts(*counted(self.build(inputs, classes), inputs, classes))
        if self.source:
            store_integers(name, asdict(counts))
        return counts


def _source(of: str, module: str) -> str:
    """A hash of the module's file, without running it; empty for what was typed into a session."""
    try:
        loaded = sys.modules.get(module)
        file = getattr(loaded, "__file__", None) if loaded else getattr(find_spec(module), "origin", "")
    except (ImportError, ValueError) as error:
        raise ValueError(f"of names {of}, which cannot be found: {error}") from None
    if file == "":
        raise ValueError(f"of names {of}, but there is no module {module} here; put it where Python finds it")
    known = file is not None and Path(file).is_file()
    return blake2b(Path(str(file)).read_bytes(), digest_size=8).hexdigest() if known else ""
