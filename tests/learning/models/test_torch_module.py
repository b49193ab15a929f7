"""A user's own torch module as a model: created with its arguments, counted once, rejected if unsuitable."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from learning.models import LeNet, Mlp, Module, initial_vector
from learning.part_names import part_name
from tests.cli.command_line import netsim
from tests.conftest import REPOSITORY
from tests.simulation.runs import final, scenario

GREY = (1, 28, 28)
SOURCE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, inputs, classes, width=6):
        super().__init__()
        channels, height, _ = inputs
        self.body = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(2, width), nn.Tanh())
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.body(x).mean((-2, -1)))

def lazy(depth):
    return nn.Sequential(nn.Flatten(), *[nn.LazyLinear(5), nn.ReLU()] * depth, nn.LazyLinear(10))
"""


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where Python finds `foreign_net`, with a cache of its own."""
    (tmp_path / "foreign_net.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("NETSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delitem(sys.modules, "foreign_net", raising=False)
    return tmp_path


def test_parameters_and_flops_equal_hand_counts() -> None:
    """9 w + w + 2 w + 10 w + 10 parameters; the convolution has no input gradient, the head has."""
    net = Module("foreign_net:Net", {"width": 4})
    assert net.dim(GREY, 10) == 9 * 4 + 4 + 8 + 40 + 10
    assert net.flops(GREY, 10) == 2 * (2 * 784 * 9 * 4) + 3 * (2 * 4 * 10)
    assert net.widest(GREY, 10) == 784 * 4
    assert [weight.shape for weight in net.weights(GREY, 10)][:2] == [(4, 1, 3, 3), (4,)]


@pytest.mark.parametrize(("of", "ours"), [("mlp", Mlp((7,))), ("lenet", LeNet())])
def test_counts_of_built_in_models_are_the_same(
    of: str, ours: Mlp | LeNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = ModuleType("copies")
    monkeypatch.setitem(sys.modules, "copies", room)
    setattr(room, of, lambda: ours.build(GREY, 10))
    copy = Module(f"copies:{of}")
    assert (copy.dim(GREY, 10), copy.flops(GREY, 10)) == (ours.dim(GREY, 10), ours.flops(GREY, 10))
    assert copy.widest(GREY, 10) == ours.widest(GREY, 10)


def test_counts_are_cached_until_the_source_changes(lab: Path) -> None:
    known = Module("foreign_net:Net").dim(GREY, 10)
    code = (
        "import sys\nfrom learning.models import Module\nnet = Module('foreign_net:Net')\n"
        "print(net.dim((1, 28, 28), 10), 'torch' in sys.modules)"
    )

    def told() -> list[str]:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=lab, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert told() == [str(known), "False"]
    (lab / "foreign_net.py").write_text(SOURCE.replace("width=6", "width=8"))
    assert told() == [str(known + 2 * 9 + 2 + 4 + 20), "True"]


def test_another_source_or_argument_changes_the_part_name(lab: Path) -> None:
    names = [part_name(Module("foreign_net:Net", args)) for args in ({}, {"width": 8})]
    (lab / "foreign_net.py").write_text(SOURCE + "\n")
    assert len({*names, part_name(Module("foreign_net:Net"))}) == 3


def test_initial_parameters_depend_on_the_seed_and_preserve_torch_s_generator() -> None:
    net = Module("foreign_net:Net")
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, again, other = (initial_vector(net, GREY, 10, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert abs(one[:54]).max() <= 1 / 3  # nn.Conv2d's own law


def test_functions_and_lazy_layers_are_accepted() -> None:
    assert Module("foreign_net:lazy", {"depth": 1}).dim(GREY, 10) == 785 * 5 + 6 * 10


@pytest.mark.parametrize("strategy", [None, "vmap:4"])
def test_training_equals_the_reference(strategy: str | None) -> None:
    task = "{dataset: digits, partition: iid, model: {'foreign_net:Net': {width: 4}}}"
    algorithm = "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [2, 2]}"
    scene = scenario([2, 2], algorithm, rounds=2, task=task, precision="float64")
    assert abs(final(scene, strategy=strategy) - final(scene, engine="eager")).max() < 1e-12


class Dice(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(x.flatten(1)), 0.5)


class Company(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        scores = super().forward(x.flatten(1))
        return scores - scores.mean(0)


class Counter(nn.Linear):
    calls: Tensor

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x.flatten(1))


def counter() -> nn.Module:
    net = Counter(784, 10)
    net.register_buffer("calls", torch.zeros(1))
    return net


def frozen() -> nn.Module:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    return net.requires_grad_(False)


def raising() -> nn.Module:
    raise RuntimeError("no luck")


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "batch norm": (
        lambda: nn.Sequential(nn.Conv2d(1, 10, 28), nn.BatchNorm2d(10), nn.Flatten()),
        "1 is BatchNorm2d, whose statistics mix samples.*use nn.GroupNorm",
    ),
    "dropout": (
        lambda: nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(784, 10)),
        "1 is Dropout, whose output is random; leave dropout out",
    ),
    "hidden dropout": (lambda: Dice(784, 10), "different scores for the same samples"),
    "hidden batch norm": (lambda: Company(784, 10), "other scores in a batch than alone"),
    "a counting buffer": (counter, "the buffer calls changes with every call"),
    "frozen parameters": (frozen, "1.weight must be a float32 parameter that requires a gradient"),
    "half parameters": (
        lambda: frozen().requires_grad_().half().float().double(),
        "got torch.float64|fails on",
    ),
    "no parameters": (nn.Flatten, "has no parameters"),
    "other classes": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 3)),
        r"scores \[3, 10\], got \[3, 3\]",
    ),
    "other inputs": (lambda: nn.Linear(784, 10), "fails on .3, 1, 28, 28.: RuntimeError"),
    "no module": (lambda: 3, "must make a torch.nn.Module, got int"),
    "an error": (raising, "cannot be made: RuntimeError: no luck"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_unsuitable_modules_are_rejected_with_the_reason(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, says = REFUSED[case]
    room = ModuleType("refused")
    monkeypatch.setitem(sys.modules, "refused", room)
    room.make = make  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=f"refused:make.*({says})"):
        Module("refused:make").dim(GREY, 10)


@pytest.mark.parametrize(
    ("of", "says"), [("net", "must be package.module:Name"), ("nowhere:Net", "no module nowhere")]
)
def test_a_wrong_path_is_rejected(of: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Module(of)


def test_the_documentation_page_about_models_is_correct(lab: Path) -> None:
    """Its Python code is my_models.py, its commands run, and its error message is the printed one."""
    import re
    import shlex

    page = (REPOSITORY / "docs" / "models.md").read_text()
    blocks = re.findall(r"```(\w*)\n(.*?)```", page, re.DOTALL)
    python, shell, refusal = (
        next(text for name, text in blocks if name == wanted) for wanted in ("python", "sh", "")
    )
    (lab / "my_models.py").write_text(python)
    told = ""
    for line in filter(None, shell.splitlines()):
        done = netsim(*shlex.split(line, comments=True)[1:], cwd=lab)
        assert done.returncode == (1 if "Noisy" in line else 0), done.stderr
        told += done.stdout + done.stderr
    assert refusal.strip() in told
