"""Arrays that only have names, such as `0.weight` and `0.bias`, as the layers of a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu.formats.chain import Chain, Floats, layered

# The word that tells a layer's matrix from its bias: what remains of a name is the layer's.
_ROLE = re.compile(r"(?<![a-z])(weights?|kernel|w|bias(?:es)?|b)(?![a-z])", re.IGNORECASE)
_NORMALIZATION = re.compile(r"running_(mean|var)$|num_batches_tracked$|moving_(mean|variance)$")
# What pruning, weight norms, adapters, recurrent and attention layers call their matrices: such a
# matrix is no layer by itself.
_PART = re.compile(
    r"(weight|bias)_(mask|orig|g|v|u|ih|hh)(?![a-z])|in_proj_weight|parametrizations\."
    r"|(?<![a-z])lora_"
)
_INDEX = re.compile(r"((?:.*\.)?)([0-9]{1,9})\.weight")  # of a Linear in an nn.Sequential

# How far orders of layers are searched that names leave open.
_MOST_OPEN, _MOST_STEPS = 64, 1000

Part = str | tuple[int, str]


@dataclass(frozen=True)
class _Layer:
    key: list[Part]  # see `_natural`
    name: str  # of its matrix
    weights: Floats
    bias: Floats | None

    def transposed(self) -> _Layer:
        return replace(self, weights=self.weights.T)


def chain_of_named(arrays: Mapping[str, NDArray[Any]], *, transposable: bool = True) -> Chain:
    """Return the chain of matrices in the natural order of their names, ReLUs between them.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Matrices, each (fan_out, fan_in), and their biases, each (fan_out,): `0.weight`, `0.bias`,
        …, or `W_1`, `b_1`, …, or other names that differ in such a word alone. What is called a
        `kernel` is (fan_in, fan_out). `layer.10` comes after `layer.9`, and `dense_1` after
        `dense`; where names differ in words, the shapes must leave one order alone.
    transposable : bool
        Whether all matrices may be the other way round, where they fit in no other way.

    Raises
    ------
    ValueError
        If an array is neither a matrix nor the bias of one, the matrices do not chain, or they
        chain in several ways and the names do not say in which.
    """
    layers = sorted(_layers(arrays), key=lambda layer: layer.key)
    _require_regular(layers)
    readings = [layers]
    if transposable:
        readings.append([layer.transposed() for layer in layers])
    places = [_difference(a, b) for a, b in pairwise(layers)]
    said = all(place % 2 == 1 for place in places)
    orders: list[list[_Layer]] = []
    for reading in readings:
        if not all(x.bias is None or x.bias.shape == x.weights.shape[:1] for x in reading):
            continue
        if not said:
            orders += islice(_orders(reading, places), 2)
        elif _fits(reading):
            orders.append(reading)
    if len(orders) > 1 and not said:
        raise _unsaid(layers)
    try:
        return layered((x.name, x.weights, x.bias) for x in (orders or readings)[0])
    except ValueError as error:
        raise ValueError(
            f"{error}; matrices must chain in the natural order of their names; pass others in "
            "their own order to Network.from_weights"
        ) from None


def real(name: str, array: NDArray[Any]) -> Floats:
    """Return an array of finite floating-point numbers; a float16 one as float32, which is exact.

    Raises
    ------
    ValueError
        If the numbers are of another kind, or one is not finite.
    """
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{name}: expected floating-point numbers, got dtype {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or an infinity")
    return array.astype(np.float32) if array.dtype.itemsize < 4 else array


def _layers(arrays: Mapping[str, NDArray[Any]]) -> Iterator[_Layer]:
    """Yield each matrix with its bias; that of a kernel as (fan_out, fan_in)."""
    for name in arrays:
        _require_plain(name)
    matrices: dict[str, str] = {}  # the names of the arrays, by layer
    biases: dict[str, str] = {}
    for name, array in arrays.items():
        _add(matrices, biases, name, array)
    if not matrices:
        raise ValueError(f"expected a matrix, such as '0.weight', got {_in_short(arrays)}")
    for layer, name in biases.items():
        if layer not in matrices:
            raise ValueError(
                f"{name}: expected a matrix of the same layer, such as '0.weight' beside "
                f"'0.bias', got {_in_short([n for n in arrays if n != name])}"
            )
    for layer, name in matrices.items():
        bias = biases.get(layer)
        shift = None if bias is None else real(bias, arrays[bias])
        found = _Layer(_natural(layer), name, real(name, arrays[name]), shift)
        is_kernel = (_ROLE.findall(name) or [""])[-1].lower() == "kernel"
        yield found.transposed() if is_kernel else found


def _require_plain(name: str) -> None:
    """Raise ValueError for what a layer of another kind calls its arrays."""
    if _NORMALIZATION.search(name):
        raise ValueError(
            f"{name}: expected matrices and biases, got a batch normalization, and names do not "
            "say where it stands; pass the module itself to Network.from_torch, or fold it into "
            "the weights"
        )
    if _PART.search(name):
        raise ValueError(
            f"{name}: expected the matrix of a Linear layer, got a part of what is pruned, "
            "parametrized, adapted, recurrent or attentive; make it plain first "
            "(torch.nn.utils.prune.remove, remove_parametrizations, …), or pass the matrices to "
            "Network.from_weights"
        )


def _add(matrices: dict[str, str], biases: dict[str, str], name: str, array: NDArray[Any]) -> None:
    """Put a name to the matrices or to the biases, after the shape of its array."""
    words = list(_ROLE.finditer(name))
    layer = name if not words else name[: words[-1].start()] + name[words[-1].end() :]
    is_bias = array.ndim == 1 and not (words and words[-1][0][0] in "wWkK")
    if not is_bias and array.ndim != 2:
        raise ValueError(
            f"{name}: expected a matrix of shape (fan_out, fan_in), or a bias of shape (fan_out,), "
            f"got shape {array.shape}"
        )
    known = biases if is_bias else matrices
    if layer in known:
        raise ValueError(
            f"{name}: expected one {'bias' if is_bias else 'matrix'} of a layer, got "
            f"{known[layer]!r} too"
        )
    known[layer] = name


def _require_regular(layers: list[_Layer]) -> None:
    """Raise ValueError where some indices leave room for a ReLU between two layers, and some none.

    Indices without any room are those of a list of layers, whose ReLUs have no index.
    """
    tight: dict[str, str] = {}  # the matrix with no room before it, by what precedes the index
    roomy = set()
    for a, b in pairwise(layers):
        first, second = _INDEX.fullmatch(a.name), _INDEX.fullmatch(b.name)
        if first and second and first[1] == second[1]:
            if int(second[2]) == int(first[2]) + 1:
                tight[first[1]] = b.name
            else:
                roomy.add(first[1])
    for place in tight.keys() & roomy:
        raise ValueError(
            f"{tight[place]}: expected an index that leaves room for a ReLU before it, as others "
            "do, got the next one, and a state dict does not say what stands between its layers; "
            "pass the module itself to Network.from_torch"
        )


def _fits(order: list[_Layer]) -> bool:
    return all(b.weights.shape[1] == a.weights.shape[0] for a, b in pairwise(order))


def _orders(layers: list[_Layer], places: list[int]) -> Iterator[list[_Layer]]:
    """Yield the orders that chain, and in which numbers are in theirs.

    `places` has where each name differs from the next; the least of those between two sorted names
    is where these differ.
    """
    count = len(layers)
    if count > _MOST_OPEN:
        raise _unsaid(layers)
    earlier = [{j for j in range(i) if min(places[j:i]) % 2 == 1} for i in range(count)]
    stack: list[tuple[list[_Layer], frozenset[int]]] = [([], frozenset(range(count)))]
    for _ in range(_MOST_STEPS):
        if not stack:
            return
        order, left = stack.pop()
        if not left:
            yield order
        for i in sorted(left, reverse=True):
            if earlier[i].isdisjoint(left) and _fits([*order[-1:], layers[i]]):
                stack.append(([*order, layers[i]], left - {i}))
    raise _unsaid(layers)


def _difference(a: _Layer, b: _Layer) -> int:
    """Return the first place where the names of two layers differ: an odd one is a number's."""
    parts = enumerate(zip(a.key, b.key, strict=False))
    return next((i for i, (p, q) in parts if p != q), min(len(a.key), len(b.key)))


def _unsaid(layers: list[_Layer]) -> ValueError:
    return ValueError(
        f"{_in_short([layer.name for layer in layers])}: expected names that say the order of the "
        "layers by their numbers, or shapes that leave one order alone, got several that chain; "
        "pass the nn.Sequential itself to Network.from_torch, or the matrices in their order to "
        "Network.from_weights"
    )


def _natural(layer: str) -> list[Part]:
    """Return a key by which 'layer.9' comes before 'layer.10', and 'dense' before 'dense_1'.

    Texts (at even places) and numbers alternate. A number that is absent is before all others;
    these compare by length first, since names may have any of digits.
    """
    key: list[Part] = []
    for component in re.split(r"[./:]", layer):
        for i, part in enumerate(re.split(r"_?([0-9]+)", component)):
            digits = part.lstrip("0")
            key.append((len(digits), digits) if i % 2 else part)
        key.append((-1, ""))
    return key


def _in_short(names: Mapping[str, Any] | list[str]) -> str:
    """Return names as a sentence has them, the first few of many."""
    first = ", ".join(repr(name) for name in list(names)[:3])
    return f"{first or 'nothing'}{', …' if len(names) > 3 else ''}"
