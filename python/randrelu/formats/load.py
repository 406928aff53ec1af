"""A file as a network, by its suffix."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from numpy.typing import DTypeLike

from randrelu._support import arguments
from randrelu.formats.chain import Chain
from randrelu.formats.files import naming, require_file
from randrelu.formats.nnet import read_nnet
from randrelu.formats.npz import read_npz
from randrelu.formats.onnx import read_onnx
from randrelu.formats.safetensors import read_safetensors
from randrelu.network import Network

_PICKLE = (
    "a pickle, which can run any code when it is read; load it yourself, with "
    "torch.load(path, weights_only=True) where PyTorch wrote it, and call Network.from_torch or "
    "Network.from_sklearn"
)
_KERAS = (
    "a file of Keras, which is not read here; load it there, and call Network.from_weights with "
    "the kernels of the layers' get_weights(), transposed, and their biases"
)
_REFUSED = {
    **dict.fromkeys((".pt", ".pth", ".pkl", ".pickle", ".joblib"), _PICKLE),
    **dict.fromkeys((".keras", ".h5"), _KERAS),
}


def load(
    path: str | os.PathLike[str],
    *,
    dtype: DTypeLike | None = None,
    ties: str = "zero",
    normalized: bool = False,
) -> Network:
    """Read a network from a file.

    Parameters
    ----------
    path : str or path-like
        A file whose suffix says what it is:

        - ``.onnx``: what PyTorch and others export, as long as it is a chain of affine maps and
          ReLUs. Needs the extra ``onnx``.
        - ``.nnet``: the Stanford text format, as of the ACAS-Xu networks.
        - ``.npz``: W_1, b_1, W_2, …, as `Network.save` and `numpy.savez` write them; a b_i may be
          absent, and matrices that ``numpy.savez(path, W_1, W_2)`` got without names are taken in
          their order. Nothing is ever unpickled.
        - ``.safetensors``: a matrix and a bias for each layer, in the natural order of their names,
          with a ReLU between each two. Names without numbers do where the shapes leave one order
          alone. Needs the extra ``safetensors``.
    dtype, ties
        As for `Network.from_weights`; by default the derivative of the ReLU at 0 is 0, as where
        such files come from.
    normalized : bool, default False
        Whether a ``.nnet`` becomes the network that it holds, of inputs and outputs without their
        means and in units of their ranges, instead of the network of the raw ones.

    Returns
    -------
    Network
        Its `input_range` holds the smallest and the largest inputs where the file has them; they
        never clip anything. Its decision is the largest output: where a file means the smallest,
        as the ACAS-Xu networks do, negate the last matrix and bias and call
        `Network.from_weights`.

    Raises
    ------
    ValueError
        If the file is not what its suffix says, or no fully connected ReLU network: with the name
        of the file, the place, what was expected and what is there.
    OSError
        If there is no such file, or it cannot be read.
    ImportError
        If the extra is not installed.
    """
    path = arguments.path("path", path)
    require_file(path)
    read = _reader(path, arguments.flag("normalized", normalized))
    chain = read(path)
    with naming(path):
        network = Network.from_weights(chain.weights, chain.biases, dtype=dtype, ties=ties)
    return replace(network, input_range=chain.input_range)


def _reader(path: Path, normalized: bool) -> Callable[[Path], Chain]:
    """Return what reads a file of this suffix."""
    readers: dict[str, Callable[[Path], Chain]] = {
        ".onnx": read_onnx,
        ".nnet": partial(read_nnet, normalized=normalized),
        ".npz": read_npz,
        ".safetensors": read_safetensors,
    }
    suffix = path.suffix.lower()
    if suffix in _REFUSED:
        raise ValueError(f"{path}: expected {', '.join(readers)}, got {_REFUSED[suffix]}")
    if suffix not in readers:
        got = repr(path.suffix) if suffix else "a name without one"
        raise ValueError(f"{path}: expected the suffix {', '.join(readers)}, got {got}")
    if normalized and suffix != ".nnet":
        raise ValueError(f"{path}: normalized is for .nnet files, which have means and ranges")
    return readers[suffix]
