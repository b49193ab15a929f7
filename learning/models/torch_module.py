"""A user's own torch module as a model: any class or function that creates one, given by its import path."""

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
    """Cost of a module: parameters, forward and backward FLOPs of a sample, numbers in its widest layer."""

    dim: int
    flops: int
    widest: int


@dataclass(frozen=True)
class Module:
    """`of: package.module:Name` called with `args`, and with `inputs` and `classes` where it accepts them.

    Name is an nn.Module class, or a function that returns a module, which maps [B, *inputs] to scores [B, classes];
    `inputs` is the size of a sample, `classes` a number. The generic strategies train it (loop, vmap). Its parameters
    start as it draws them itself, seeded. Batch norm and dropout are rejected: they make the output for a sample depend
    on other samples or on random numbers. Parameters and FLOPs are counted once by torch and stored under a hash of the
    source file, so that `check` and timing-only runs need no torch.
    """

    of: str
    args: Mapping[str, Any] = field(default_factory=dict)
    source: str = field(init=False, repr=False)
    """A hash of the file of `of`, which is part of every digest."""

    architecture: ClassVar[Literal["conv"]] = "conv"

    def __post_init__(self) -> None:
        module, _, name = self.of.partition(":")
        if not module or not name:
            raise ValueError(f"of must be package.module:Name, got {self.of!r}; name what makes the module")
        object.__setattr__(self, "args", dict(sorted(self.args.items())))
        object.__setattr__(self, "source", _source_hash(self.of, module))

    @staticmethod
    def wraps(target: object) -> bool:
        """Whether an imported object that is no part itself is wrapped by this class."""
        return callable(target)

    def dim(self, inputs: Size, classes: int) -> int:
        """Return the number of parameters d."""
        return self._counts(inputs, classes).dim

    def flops(self, inputs: Size, classes: int) -> int:
        """Return forward and backward FLOPs of one sample, as torch's counter counts them."""
        return self._counts(inputs, classes).flops

    def widest(self, inputs: Size, classes: int) -> int:
        """Return the numbers per sample in the widest of the inputs and all submodules' outputs."""
        return self._counts(inputs, classes).widest

    def weights(self, inputs: Size, classes: int) -> list[Weight]:
        """Return shapes of the parameters; their distribution is the module's own (see `initial`)."""
        return [Weight(tuple(p.shape)) for p in self.build(inputs, classes).parameters()]

    def initial(self, inputs: Size, classes: int, seed: int) -> NDArray[np.float64]:
        """Return parameters [d] as the module draws them from torch's generator, seeded by (seed, "init")."""
        from learning.models.module_checks import create_module

        module = create_module(self.of, self.args, inputs, classes, row_key(seed, "init", 0) >> 1)
        return np.concatenate([p.detach().double().numpy().ravel() for p in module.parameters()])

    def build(self, inputs: Size, classes: int) -> nn.Module:
        """Return the module. Raises ValueError where it cannot be created, or not be trained here."""
        from learning.models.module_checks import check_module, create_module

        return check_module(self.of, create_module(self.of, self.args, inputs, classes, 0), inputs, classes)

    def _counts(self, inputs: Size, classes: int) -> Counts:
        content = json.dumps(
            [self.of, self.source, self.args, inputs, classes, version("torch")], default=repr
        )
        name = f"module-{blake2b(content.encode(), digest_size=12).hexdigest()}"
        cached = load_integers(name) if self.source else None
        if cached is not None:
            return Counts(**cached)
        from learning.models.module_checks import count_costs

        counts = Counts(*count_costs(self.build(inputs, classes), inputs, classes))
        if self.source:
            store_integers(name, asdict(counts))
        return counts


def _source_hash(of: str, module: str) -> str:
    """Return a hash of the module's file without executing it; empty for code typed into a session."""
    try:
        loaded = sys.modules.get(module)
        file = getattr(loaded, "__file__", None) if loaded else getattr(find_spec(module), "origin", "")
    except (ImportError, ValueError) as error:
        raise ValueError(f"of names {of}, which cannot be found: {error}") from None
    if file == "":
        raise ValueError(f"of names {of}, but there is no module {module} here; put it where Python finds it")
    cached = file is not None and Path(file).is_file()
    return blake2b(Path(str(file)).read_bytes(), digest_size=8).hexdigest() if cached else ""
