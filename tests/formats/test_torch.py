"""PyTorch's modules and state dicts beside their own forward passes, and what is refused.

Most numbers here are small integers, and factors powers of two: every sum is exact in any order,
and values are compared as they are.
"""

import copy
import sys
from collections import OrderedDict

import numpy as np
import pytest
import reference
from randrelu import Network
from randrelu.formats.torch import chain_of_module

torch = pytest.importorskip("torch")
nn = torch.nn
RNG = np.random.default_rng(0)


def integers(*shape):
    return torch.from_numpy(RNG.integers(-4, 5, size=shape).astype("float32"))


def linear(fan_in, fan_out, bias=True):
    module = nn.Linear(fan_in, fan_out, bias=bias)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(integers(*parameter.shape))
    return module


def norm(size, **options):
    """A batch normalization whose factors are powers of two."""
    module = nn.BatchNorm1d(size, eps=0, **options)
    with torch.no_grad():
        for tensor in (module.running_mean, *module.parameters()):
            tensor.copy_(integers(*tensor.shape))
        module.running_var.copy_(torch.tensor(4.0) ** torch.from_numpy(RNG.integers(-2, 3, size)))
    return module


def forward(chain, x):
    """The layers of a chain on rows, in double."""
    layers = list(zip(chain.weights, chain.biases, strict=True))
    for i, (w, b) in enumerate(layers):
        x = x @ w.astype(float).T + (0 if b is None else b)
        x = np.maximum(x, 0) if i + 1 < len(layers) else x
    return x


def plain(dim=5):
    return nn.Sequential(linear(dim, 4), nn.ReLU(), linear(4, 3))


RELU, SQUARE = nn.ReLU(), linear(5, 5)
MODULES = {
    "a Linear by itself": linear(5, 3),
    "no bias": nn.Sequential(linear(5, 4, bias=False), nn.ReLU(), linear(4, 3)),
    "nested": nn.Sequential(
        nn.Flatten(), nn.Sequential(nn.Sequential(linear(5, 4), nn.ReLU()), nn.Identity()), plain(4)
    ),
    "with names": nn.Sequential(
        OrderedDict(hidden=linear(5, 4), relu=nn.ReLU(inplace=True), output=linear(4, 3))
    ),
    "two maps in a row": nn.Sequential(linear(5, 4), linear(4, 6), nn.ReLU(), linear(6, 3)),
    "a ReLU first": nn.Sequential(nn.ReLU(), linear(5, 3)),
    "a ReLU last": nn.Sequential(linear(5, 3), nn.ReLU()),
    "two ReLUs in a row": nn.Sequential(linear(5, 4), nn.ReLU(), nn.ReLU(), linear(4, 3)),
    "one module at several places": nn.Sequential(SQUARE, RELU, SQUARE, RELU, SQUARE),
    "dropout": nn.Sequential(linear(5, 4), nn.ReLU(), nn.Dropout(0.5), linear(4, 3)),
    "normalized before the ReLU": nn.Sequential(linear(5, 4), norm(4), nn.ReLU(), linear(4, 3)),
    "normalized after the ReLU": nn.Sequential(linear(5, 4), nn.ReLU(), norm(4), linear(4, 3)),
    "normalized inputs": nn.Sequential(norm(5), linear(5, 3)),
    "normalized outputs": nn.Sequential(linear(5, 3), norm(3)),
    "normalized without factors": nn.Sequential(linear(5, 4), norm(4, affine=False), nn.ReLU()),
    "a normalization by itself": norm(5),
}
for given in MODULES.values():
    given.eval()


@pytest.mark.parametrize("name", MODULES)
def test_the_chain_gives_what_the_module_gives(name):
    module, x = MODULES[name], integers(50, 5)
    with torch.no_grad():
        expected = copy.deepcopy(module).double()(x.double()).numpy()
    assert np.ptp(expected) > 0  # the module does depend on x
    assert np.array_equal(forward(chain_of_module(module), x.numpy().astype(float)), expected)


def test_a_module_is_left_as_it_was():
    module = MODULES["normalized after the ReLU"]
    before = copy.deepcopy(module.state_dict())
    chain_of_module(module)
    assert not module.training
    assert all(torch.equal(before[name], t) for name, t in module.state_dict().items())


def test_a_batch_normalization_is_folded_to_rounding():
    """With factors like those of training, to a bound on the rounding of both sides in double."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.BatchNorm1d(8), nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4)
    )
    for _ in range(3):  # the running statistics of some batches
        module(3 * torch.randn(20, 8) + 1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape))
    module.eval()
    x = torch.randn(50, 8, dtype=torch.float64)
    largest = copy.deepcopy(module).double()  # no term cancels another in this one
    with torch.no_grad():
        for parameter in largest.parameters():
            parameter.abs_()
        for part in (largest[0], largest[2]):
            part.running_mean.abs_().neg_()
        bound = largest(x.abs()).numpy()
        expected = copy.deepcopy(module).double()(x).numpy()
    # A term goes through sums of 8 and 16 products, and less than 10 operations a normalization;
    # folding adds as many again.
    bound = bound * reference.gamma(2 * (8 + 16 + 2 * 10), np.float64)
    got = forward(chain_of_module(module), x.numpy())
    assert (np.abs(got - expected) <= 2 * bound).all()


def bits_of(tensor):
    """A tensor's numbers as those of a NumPy array, float16 and bfloat16 in float32."""
    wide = {torch.float64: torch.float64}.get(tensor.dtype, torch.float32)
    return tensor.detach().to(wide).numpy()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("form", ["module", "state dict"])
def test_weights_keep_their_bits(form, dtype):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).to(dtype)
    chain = chain_of_module(module if form == "module" else module.state_dict())
    for i, part in enumerate((module[0], module[2])):
        for got, tensor in ((chain.weights[i], part.weight), (chain.biases[i], part.bias)):
            want = bits_of(tensor)
            assert got.dtype == want.dtype and got.tobytes() == want.tobytes()


def test_later_changes_of_the_module_do_not_reach_the_chain():
    module = plain()
    chain = chain_of_module(module)
    before = copy.deepcopy(chain)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1)
    for got, want in zip(chain.weights + chain.biases, before.weights + before.biases, strict=True):
        assert np.array_equal(got, want)


def test_a_state_dict_has_relus_between_its_layers():
    module = nn.Sequential(*(m for _ in range(11) for m in (linear(5, 5), nn.ReLU())), plain())
    got = chain_of_module(module.state_dict())  # 20.weight comes after 4.weight, and 22.0.weight
    expected = chain_of_module(module)
    assert len(got.weights) == 13
    for a, b in zip(got.weights + got.biases, expected.weights + expected.biases, strict=True):
        assert np.array_equal(a, b)


def test_a_matrix_of_a_state_dict_is_never_transposed():
    """By names alone, the classifier would come first, and fit as (fan_in, fan_out)."""
    module = nn.Sequential(
        OrderedDict(hidden=linear(8, 4, False), relu=nn.ReLU(), classifier=linear(4, 3, False))
    )
    x = integers(20, 8).numpy()
    found = forward(chain_of_module(module.state_dict()), x)
    assert np.array_equal(found, module(torch.from_numpy(x)).detach().numpy())


class Custom(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = plain()

    def forward(self, x):
        return self.layers(x) ** 2


class Skip(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def hooked():
    module = plain()
    module[2].register_forward_hook(lambda module, args, output: -output)
    return module


def patched():
    module = plain()
    forward = module[2].forward
    module[2].forward = lambda x: -forward(x)
    return module


def broken(dim, **numbers):
    module = norm(dim).eval()
    for name, number in numbers.items():
        getattr(module, name).data[1] = number
    return module


REFUSED = [
    (nn.Sequential(linear(5, 4), nn.Sequential(nn.Tanh())), r"^1\.0: expected .*Linear.*got Tanh"),
    (nn.Sequential(nn.Conv2d(1, 1, 1)), "^0: expected .*got Conv2d"),
    (nn.LeakyReLU(), "^the module: expected .*got LeakyReLU"),
    (nn.Sequential(nn.Identity(), Custom()), "^1: expected .*got Custom.*pass the nn.Sequential"),
    (Custom(), "^the module: expected .*got Custom.*or its matrices to Network.from_weights"),
    (Skip(linear(5, 5)), "^the module: expected .*got Skip"),
    (nn.LazyLinear(3), "got LazyLinear"),
    (nn.utils.parametrizations.weight_norm(linear(5, 4)), "got ParametrizedLinear"),
    (hooked(), "^2: expected a module without forward hooks"),
    (patched(), "^2: expected a module without .*a forward of its own.*got a Linear"),
    (nn.Sequential(linear(5, 4), nn.Softmax(-1)), r"^1: .*got Softmax; .*such as module\[:-1\]"),
    (nn.Sequential(linear(5, 4), nn.Sigmoid()), r"^1: .*got Sigmoid; .*such as module\[:-1\]"),
    (nn.Sequential(linear(5, 4), nn.Tanh()), "^1: .*got Tanh, which makes no network of affine"),
    (nn.Sequential(nn.Flatten(0), linear(5, 3)), r"^0: expected Flatten\(\), .*start_dim=0"),
    (nn.Sequential(), "^the module: expected an nn.Linear"),
    (nn.Sequential(nn.ReLU()), "^the module: expected an nn.Linear"),
    (nn.Sequential(linear(5, 4), linear(5, 4)), r"^1: expected weights of shape \(fan_out, 4\)"),
    (nn.Sequential(linear(5, 1), norm(5).eval()), "^1: expected a BatchNorm1d of 1 entries"),
    (norm(3), "^the module: .*eval mode, got a BatchNorm1d in training mode.*call .eval()"),
    (nn.Sequential(linear(5, 4), nn.Dropout(0.1)), "^1: .*got a Dropout in training mode"),
    (
        nn.BatchNorm1d(3, track_running_stats=False).eval(),
        "^the module: expected a BatchNorm1d with running statistics",
    ),
    (broken(3, running_var=-1), r"running_var \+ eps.: expected finite numbers"),
    (broken(3, running_mean=np.nan), "running_mean: expected finite numbers"),
    (broken(3, weight=np.inf), "weight: expected finite numbers"),
    (nn.Sequential(nn.Linear(5, 3, device="meta")), "^0: weight: .*on the device 'meta'"),
    ({"w": torch.eye(3) * 1j}, "^w: expected floating-point numbers, got dtype complex64"),
    ({"0.weight": torch.eye(3).to_sparse()}, "^0.weight: expected a dense tensor"),
    ({"0.weight": torch.eye(3), "epoch": 3}, "^epoch: expected a tensor, got int; of a checkpoint"),
    (nn.Sequential(linear(3, 3), norm(3)).state_dict(), "^1.running_mean: .*batch normalization"),
    (nn.Sequential(linear(3, 3), nn.PReLU()).state_dict(), "^1.weight: expected a matrix"),
]


@pytest.mark.parametrize(("module", "words"), REFUSED)
def test_what_is_no_relu_network_is_refused_by_its_path(module, words):
    with pytest.raises(ValueError, match=words):
        chain_of_module(module)


def test_training_mode_is_taken_where_it_makes_no_difference():
    module = nn.Sequential(linear(5, 4), nn.ReLU(), nn.Dropout(0), linear(4, 3)).train()
    assert len(chain_of_module(module).weights) == 2


@pytest.mark.parametrize("given", ["model.pt", [torch.eye(3)], nn.Linear])
def test_other_objects_are_refused_by_their_type(given):
    with pytest.raises(TypeError, match=f"nn.Module, or a state dict, got {type(given).__name__}"):
        chain_of_module(given)


def test_pytorch_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"^from_torch\(\) needs PyTorch: pip install torch$"):
        chain_of_module({})
    net = Network.from_weights([np.eye(3), np.ones((1, 3))])
    with pytest.raises(ImportError, match=r"^to_torch\(\) needs PyTorch: pip install torch$"):
        net.to_torch()


@pytest.mark.parametrize("name", MODULES)
def test_a_network_gives_what_the_module_gives(name):
    module, x = MODULES[name], integers(50, 5)
    net = Network.from_torch(module)
    with torch.no_grad():
        expected = copy.deepcopy(module).double()(x.double()).numpy()
    assert net.outputs == expected.shape[1]
    assert np.array_equal(net.forward(x.numpy()), expected)


def test_gradients_are_pytorchs_where_units_are_at_0():
    """PyTorch takes 0 for the derivative there, and so does what was read from it."""
    module, x = (
        nn.Sequential(linear(4, 6), nn.ReLU(), linear(6, 1)),
        torch.tensor([[1.0, 2, -1, 3]]),
    )
    with torch.no_grad():
        module[0].weight[::2] = torch.tensor([2.0, -1, 0, 0])
        module[0].bias[::2] = 0
        module[2].weight.fill_(1)
    x.requires_grad_()
    (expected,) = torch.autograd.grad(module(x).sum(), x)
    points = x.detach().numpy()
    assert np.array_equal(Network.from_torch(module).gradient(points), expected.numpy())
    taken = Network.from_torch(module, ties="one").gradient(points)
    assert np.array_equal(taken - expected.numpy(), [[6, -3, 0, 0]])


NETWORKS = {
    "biases": {"widths": (5, 4, 3), "bias": 0.1},
    "no bias": {"widths": (5, 7, 6, 1)},
    "one affine map": {"widths": (5, 3), "bias": 0.1},
    "streamed": {"widths": (5, 7, 3), "bias": 0.1, "storage": "streamed"},
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_there_and_back_is_the_identity(name, dtype):
    net = Network.random(rng=0, dtype=dtype, **NETWORKS[name])
    module = net.to_torch()
    kinds = [type(part) for part in module]
    assert kinds == [nn.Linear, nn.ReLU] * net.depth + [nn.Linear]
    back = Network.from_torch(module)
    assert back.widths == net.widths
    for i in range(1, net.depth + 2):
        linear = module[2 * (i - 1)]
        for got, again, want in (
            (linear.weight, back.weights(i), net.weights(i)),
            (linear.bias, back.bias(i), net.bias(i)),
        ):
            assert (got is None) == (again is None) == (want is None)
            if want is not None:
                assert again.dtype == want.dtype and again.tobytes() == want.tobytes()
                assert bits_of(got).tobytes() == want.tobytes() and got.requires_grad


def test_a_module_of_a_network_is_its_own():
    """Training it changes no network, and making it draws no random number."""
    net = Network.random((5, 4, 3), rng=0)
    before, state = net.weights(1).copy(), torch.get_rng_state()
    module = net.to_torch()
    assert torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():
        module[0].weight.add_(1)
    assert np.array_equal(net.weights(1), before)


def test_a_margin_becomes_a_module_of_one_output():
    net, x = Network.from_torch(plain()), integers(20, 5)
    with torch.no_grad():
        outputs, margin = net.to_torch()(x), net.margin(2, 0).to_torch()(x.double())
    assert torch.equal(margin[:, 0], outputs[:, 2] - outputs[:, 0])
