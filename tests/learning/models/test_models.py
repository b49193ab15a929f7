"""Models: closed forms agree with the torch modules and torch's FLOP counter."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.utils.flop_counter import FlopCounterMode

from learning.models import MODELS, LeNet, Logistic, Mlp, Model, initial_vector
from learning.models.layers import Conv, Linear, Pool, Relu, Residual, layer_sizes

torch.set_num_threads(1)
GREY, COLOUR = (1, 28, 28), (3, 32, 32)
OURS = [name for name in MODELS if name != "module"]
MODELS_AND_INPUTS = [(name, inputs) for name in OURS for inputs in (GREY, COLOUR)]


@pytest.mark.parametrize(
    ("name", "inputs", "dim"),
    [
        ("logistic", GREY, 7_850),
        ("mlp", GREY, 50_890),
        ("lenet", GREY, 21_840),
        ("mcmahan_cnn", GREY, 1_663_370),
        ("cifar_cnn", COLOUR, 122_570),
        ("resnet8", COLOUR, 78_042),
    ],
)
def test_published_sizes(name: str, inputs: tuple[int, ...], dim: int) -> None:
    assert MODELS[name]().dim(inputs, 10) == dim


@pytest.mark.parametrize(("name", "inputs"), MODELS_AND_INPUTS)
def test_dim_and_weights_equal_those_of_the_module(name: str, inputs: tuple[int, ...]) -> None:
    model = MODELS[name]()
    shapes = [tuple(p.shape) for p in model.build(inputs, 7).parameters()]
    assert [weight.shape for weight in model.weights(inputs, 7)] == shapes
    assert model.dim(inputs, 7) == sum(map(prod, shapes))


@pytest.mark.parametrize(("name", "inputs"), MODELS_AND_INPUTS)
def test_flops_equal_torch_s_count(name: str, inputs: tuple[int, ...]) -> None:
    model, batch = MODELS[name](), 3
    module = model.build(inputs, 10)
    with FlopCounterMode(display=False) as counter:
        loss = nn.functional.cross_entropy(module(torch.randn(batch, *inputs)), torch.arange(batch))
        loss.backward()  # type: ignore[no-untyped-call]
    assert model.flops(inputs, 10) * batch == counter.get_total_flops()


@pytest.mark.parametrize("name", OURS)
def test_gradients_under_vmap_equal_those_of_a_loop(name: str) -> None:
    inputs, module = (1, 20, 20), MODELS[name]().build((1, 20, 20), 4).double()
    stacked = {key: torch.stack([p.detach(), p.detach() + 0.01]) for key, p in module.named_parameters()}
    x, y = torch.randn(2, 3, *inputs, dtype=torch.float64), torch.tensor([[0, 1, 2], [3, 2, 1]])

    def loss(params: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(functional_call(module, params, (x,)), y)

    together = vmap(grad(loss))(stacked, x, y)
    for row in range(2):
        alone = grad(loss)({key: value[row] for key, value in stacked.items()}, x[row], y[row])
        assert all(torch.allclose(together[key][row], alone[key], atol=1e-10) for key in alone)


@pytest.mark.parametrize("name", ["lenet", "mcmahan_cnn", "cifar_cnn"])
def test_inputs_that_are_too_small_are_rejected_with_a_remedy(name: str) -> None:
    with pytest.raises(ValueError, match=r"on inputs \(1, 3, 3\).*too small for .*use a smaller model"):
        MODELS[name]().dim((1, 3, 3), 10)


def test_a_convolution_rejects_flat_features() -> None:
    with pytest.raises(
        ValueError, match=r"needs inputs .channels, height, width., got .20,.; use mlp or logistic"
    ):
        LeNet().flops((20,), 2)


def test_linear_models_accept_any_inputs() -> None:
    assert Logistic().dim((20,), 3) == 63
    assert Mlp((5, 4)).dim((2, 3), 2) == (6 + 1) * 5 + (5 + 1) * 4 + (4 + 1) * 2


@pytest.mark.parametrize(
    ("hidden", "message"),
    [((), "for no hidden layer use logistic"), ((8, 0), "widths must be >= 1, got .8, 0.")],
)
def test_wrong_widths_are_rejected(hidden: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mlp(hidden)


@pytest.mark.parametrize("model", [Mlp((50,)), LeNet(), MODELS["resnet8"]()], ids=repr)
def test_initial_vectors_follow_torch_s_default_distribution(model: Model) -> None:
    """Every tensor fills U(-1/sqrt(fan_in), 1/sqrt(fan_in)), whose variance is a third of the bound squared."""
    vector, offset = initial_vector(model, GREY, 10, seed=1), 0
    for weight in model.weights(GREY, 10):
        part = vector[offset : (offset := offset + prod(weight.shape))]
        if weight.fill is not None:
            assert (part == weight.fill).all()
            continue
        bound = 1 / np.sqrt(weight.fan_in)
        assert np.abs(part).max() < bound
        if part.size > 400:
            assert (part.mean() / bound, part.var() * 3 / bound**2) == pytest.approx((0, 1), abs=0.12)
    assert offset == len(vector)


def test_bounds_equal_those_of_a_new_torch_module() -> None:
    torch.manual_seed(0)
    fresh = [p.abs().max().item() for p in LeNet().build(GREY, 10).parameters() if p.numel() > 200]
    bounds = [1 / np.sqrt(w.fan_in) for w in LeNet().weights(GREY, 10) if prod(w.shape) > 200]
    assert fresh == pytest.approx(bounds, rel=0.01)


def test_initial_vectors_are_keyed_by_the_seed_and_do_not_change() -> None:
    first, second = (initial_vector(Logistic(), (4,), 2, seed) for seed in (1, 2))
    assert first.dtype == np.float64
    assert not np.array_equal(first, second)
    assert first[:3].tolist() == [-0.02882216509897262, -0.2377989605301991, 0.27845318510662764]


def test_layer_sizes_by_hand() -> None:
    chain = (Conv(4, 3, padding=1, stride=2), Relu(), Pool(), Residual((Conv(4, 3, padding=1),)))
    assert layer_sizes(chain, (3, 9, 8)) == [(3, 9, 8), (4, 5, 4), (4, 5, 4), (4, 2, 2), (4, 2, 2)]
    assert Linear(5).outputs((7,)) == (5,)


@pytest.mark.parametrize("name", OURS)
def test_no_statistics_are_shared_between_samples(name: str) -> None:
    """A sample's scores do not depend on its batch, in training mode too."""
    module = MODELS[name]().build(COLOUR, 10).double()
    x = torch.randn(4, *COLOUR, dtype=torch.float64)
    assert torch.allclose(module(x)[:1], module(x[:1]), atol=1e-12)


def test_only_chains_of_linear_and_relu_have_the_family_linear() -> None:
    for model in (MODELS[name]() for name in OURS):
        kinds = {type(layer) for layer in model.build(COLOUR, 10).children()}
        assert (model.architecture == "linear") == (kinds <= {nn.Flatten, nn.Linear, nn.ReLU})
