"""PyTorch's modules and state dicts as the layers of a network, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import extras
from randrelu.formats.chain import Chain, Floats
from randrelu.formats.layers import layers_of
from randrelu.formats.named import chain_of_named, real

if TYPE_CHECKING:
    from randrelu.network import Network

_TAKEN = "nested nn.Sequential of Flatten, Linear, ReLU, Identity, Dropout and BatchNorm1d"

# What increases with every entry, and so keeps the decision.
_LEFT_OFF = ("Softmax", "LogSoftmax", "Sigmoid", "LogSigmoid")


def chain_of_module(module: Any) -> Chain:
    """Return the layers of a module in eval mode, or of a state dict.

    Parameters
    ----------
    module : torch.nn.Module or mapping of str to torch.Tensor
        Nested `nn.Sequential` of Flatten, Linear, ReLU, Identity, Dropout and BatchNorm1d, or one
        of these. What comes between two ReLUs is folded in float64, a batch normalization with its
        running statistics; a Linear that stands alone keeps its bits. A state dict is `0.weight`,
        `0.bias`, …, in the natural order of its names, with a ReLU between each two layers and
        none before or after them: it does not say what the module has there. float16 and bfloat16
        become float32, which is exact.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If it is neither a module nor a mapping.
    ValueError
        If a submodule is of another type, or is in training mode and differs there; if the layers
        do not chain, or a tensor is not of finite floating-point numbers, or on the meta device.
    """
    torch = _torch("from_torch()")
    if isinstance(module, Mapping):
        tensors = {str(name): _copied(str(name), t) for name, t in module.items()}
        return chain_of_named(tensors, transposable=False)
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            "module must be a torch.nn.Module, or a state dict, got "
            f"{type(module).__name__}; read files with torch.load first"
        )
    leaves = _leaves(module)
    chain = Chain(_input_dim(leaves))
    for place, leaf in leaves:
        try:
            _append(chain, leaf)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
    return chain.finish()


def to_torch(net: Network) -> Any:
    """Return an `nn.Sequential` of Linear and ReLU, as `Network.to_torch` says."""
    torch = _torch("to_torch()")
    modules = []
    for weights, bias in zip(*layers_of(net), strict=True):
        fan_out, fan_in = weights.shape
        # On the meta device nothing is drawn: the caller's random numbers stay as they are.
        linear = torch.nn.Linear(fan_in, fan_out, bias=bias is not None, device="meta")
        linear.weight = torch.nn.Parameter(torch.from_numpy(np.array(weights)))
        if bias is not None:
            linear.bias = torch.nn.Parameter(torch.from_numpy(np.array(bias)))
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def _torch(need: str) -> Any:
    return extras.module(f"{need} needs PyTorch", "torch", "torch")


def _leaves(module: Any) -> list[tuple[str, Any]]:
    """Return the modules that a Sequential calls one after another, with their paths."""
    nn = _torch("from_torch()").nn
    known = (nn.Flatten, nn.Linear, nn.ReLU, nn.Identity, nn.Dropout, nn.BatchNorm1d)
    leaves = []
    # A module comes before those in it, so that what is no Sequential is refused as a whole.
    for path, part in module.named_modules(remove_duplicate=False):
        place, kind = path or "the module", type(part)
        is_container = isinstance(part, nn.Sequential) and kind.forward is nn.Sequential.forward
        if kind not in known and not is_container:
            raise ValueError(f"{place}: expected {_TAKEN}, got {kind.__name__}{_way_out(kind)}")
        if part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part):
            raise ValueError(
                f"{place}: expected a module without forward hooks, or a forward of its own, which "
                f"may change what it computes, got a {kind.__name__} with one; remove it (pruning, "
                "weight norms and dispatching to devices have a function that does)"
            )
        if kind in known:
            leaves.append((place, part))
    return leaves


def _way_out(kind: type) -> str:
    """Return what to do about a module of a kind that is not taken."""
    if kind.__module__.startswith("torch.nn.modules."):
        if kind.__name__ in _LEFT_OFF:
            return (
                "; where it comes last, pass the module without it, such as module[:-1]: it "
                "keeps the order of its inputs, which are the outputs then"
            )
        return ", which makes no network of affine maps and ReLUs"
    return (
        ", whose forward may be anything; pass the nn.Sequential inside of it, or its matrices to "
        "Network.from_weights"
    )


def _input_dim(leaves: list[tuple[str, Any]]) -> int:
    """Return the dimension that the first module with one takes: the others keep it."""
    for _, leaf in leaves:
        dim = getattr(leaf, "in_features", getattr(leaf, "num_features", None))
        if dim is not None:
            return int(dim)
    raise ValueError("the module: expected an nn.Linear in it, got none")


def _append(chain: Chain, leaf: Any) -> None:
    """Append what one of the known modules does in eval mode."""
    kind = type(leaf).__name__
    if leaf.training and (kind == "BatchNorm1d" or (kind == "Dropout" and leaf.p > 0)):
        raise ValueError(
            f"expected a module in eval mode, got a {kind} in training mode, where it does "
            "something else; call .eval() on the module"
        )
    if kind == "Linear":
        weights = _array("weight", leaf.weight)
        chain.linear(weights, None if leaf.bias is None else _array("bias", leaf.bias))
    elif kind == "BatchNorm1d":
        factors, shift = _normalization(leaf)
        if factors.size != chain.dim:
            raise ValueError(f"expected a BatchNorm1d of {chain.dim} entries, got {leaf}")
        chain.multiply(factors)
        chain.add(shift)
    elif kind == "ReLU":
        chain.relu()
    elif kind == "Flatten" and (leaf.start_dim, leaf.end_dim) != (1, -1):
        raise ValueError(
            f"expected Flatten(), of all axes but the batch's, got {leaf}; a point is a row"
        )


def _normalization(leaf: Any) -> tuple[Floats, Floats]:
    """Return c and b of y = c x + b, what a batch normalization does in eval mode, in float64."""
    if leaf.running_mean is None or leaf.running_var is None:
        raise ValueError(
            "expected a BatchNorm1d with running statistics, got one without, which normalizes by "
            "the batch in eval mode too; set track_running_stats=True before training"
        )
    mean = _array("running_mean", leaf.running_mean).astype(np.float64)
    variance = _array("running_var", leaf.running_var).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        factors = real("1/√(running_var + eps)", 1 / np.sqrt(variance + leaf.eps))
    if leaf.weight is not None:
        factors = factors * _array("weight", leaf.weight)
    shift = -factors * mean
    if leaf.bias is not None:
        shift = shift + _array("bias", leaf.bias)
    return factors, shift


def _array(name: str, tensor: Any) -> Floats:
    return real(name, _copied(name, tensor))


def _copied(name: str, tensor: Any) -> NDArray[Any]:
    """Return a tensor's numbers; float16 and bfloat16 as float32."""
    torch = _torch("from_torch()")
    if not isinstance(tensor, torch.Tensor):
        raise ValueError(
            f"{name}: expected a tensor, got {type(tensor).__name__}; of a checkpoint, pass the "
            "state dict in it"
        )
    if tensor.device.type == "meta" or tensor.layout != torch.strided:
        raise ValueError(
            f"{name}: expected a dense tensor with numbers in it, got layout {tensor.layout} on "
            f"the device {tensor.device.type!r}"
        )
    narrow = tensor.is_floating_point() and tensor.element_size() < 4
    dtype = torch.float32 if narrow else tensor.dtype
    array: NDArray[Any] = tensor.detach().to("cpu", dtype, copy=True).numpy()
    return array
