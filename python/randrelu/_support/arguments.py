"""What a user may pass, checked once and turned into what the core takes."""

from __future__ import annotations

import math
import numbers
import operator
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDEST = 2**31 - 1  # so that the entries of a matrix can be counted in 64 bits

Rng: TypeAlias = int | np.integer[Any] | np.random.SeedSequence | np.random.Generator | None
F = TypeVar("F", bound=np.floating[Any])  # float32 or float64
Floats: TypeAlias = NDArray[np.floating[Any]]
Progress: TypeAlias = Callable[[int, int], object]  # progress(done, total)


def one_of(name: str, value: str, options: Collection[str]) -> str:
    """Return `value` when it is one of `options`."""
    if not isinstance(value, str) or value not in options:
        expected = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of {expected}, got {value!r}")
    return value


STORAGES = ("auto", "stored", "streamed", "deferred")


def storage(value: str) -> str:
    """Return `value` when it is a way to hold the weights of a random network."""
    return one_of("storage", value, STORAGES)


def flag(name: str, value: object) -> bool:
    """Return `value` when it is True or False, of Python or of NumPy."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(
            f"{name} must be True or False, got {value!r} of type {type(value).__name__}"
        )
    return bool(value)


def callback(progress: Progress | None) -> Progress | None:
    """Return `progress` when it can be called, or None."""
    if progress is not None and not callable(progress):
        raise TypeError(
            "progress must be a function that is called as progress(done, total), got "
            f"{progress!r} of type {type(progress).__name__}"
        )
    return progress


def path(name: str, value: str | os.PathLike[str]) -> Path:
    """Return `value` as a path when it is a text or path-like."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(
            f"{name} must be a path, a str or path-like, got {value!r} of type "
            f"{type(value).__name__}"
        )
    if "\0" in os.fspath(value):
        raise ValueError(f"{name} must have no null character, got {value!r}")
    return Path(value)


def integer(
    name: str, value: object, *, at_least: int | None = None, at_most: int | None = None
) -> int:
    """Return `value` as a Python integer within the bounds that are given."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"{name} must be an integer, got {value!r} of type {type(value).__name__}"
        ) from None
    if at_least is not None and number < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {number}")
    if at_most is not None and number > at_most:
        raise ValueError(f"{name} must be at most {at_most}, got {number}")
    return number


def is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    """Whether a value has entries one by one, and is no text.

    An array without axes says that it is iterable, and is not.
    """
    if isinstance(value, (str, bytes)) or (isinstance(value, np.ndarray) and not value.ndim):
        return False
    return isinstance(value, Iterable)


def probability(name: str, value: float) -> float:
    """Return `value` when it lies strictly between 0 and 1."""
    chosen = finite(name, value)
    if not 0 < chosen < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {value!r}")
    return chosen


def number(name: str, value: float, *, positive: bool = False) -> float:
    """Return `value` when it is finite and at least 0, or above 0 where `positive` is true."""
    chosen = finite(name, value)
    if chosen < 0 or (positive and chosen == 0):
        what = "a positive number" if positive else "a finite number of at least 0"
        raise ValueError(f"{name} must be {what}, got {value!r}")
    return chosen


def norm(value: float) -> float:
    """Return the `norm` of a ball or a distance when it is 2 or inf."""
    if isinstance(value, (list, tuple)) or np.ndim(value) or value not in (2, math.inf):
        raise ValueError(f"norm must be 2 or inf, got {value!r}")
    return float(value)


def finite(name: str, value: float) -> float:
    """Return `value` when it is a finite number, of either sign."""
    _refuse_masked(name, value)
    if hasattr(value, "item") and np.ndim(value) == 0:  # a scalar of NumPy or PyTorch
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return float(value)


def widths_tuple(widths: Iterable[int]) -> tuple[int, ...]:
    """Return the widths (d, d_1, …, d_ℓ, 1) of a network of one output as a tuple of integers."""
    result = layer_widths(widths)
    if result[-1] != 1:
        raise ValueError(f"widths must end in 1, the single output, got {result}")
    return result


def layer_widths(widths: Iterable[int]) -> tuple[int, ...]:
    """Return widths (d, d_1, …, d_ℓ, k) as a tuple of integers."""
    if not is_iterable(widths):
        raise TypeError(
            f"widths must be a sequence of integers (d, d_1, …, d_ℓ, k), got {widths!r}"
        )
    result = tuple(
        integer(f"widths[{i}]", width, at_least=1, at_most=WIDEST) for i, width in enumerate(widths)
    )
    if len(result) < 2:
        raise ValueError(
            f"widths must hold at least the input and the output dimension, (d, …, k), got {result}"
        )
    return result


def seed_of(rng: Rng) -> int:
    """Return the 64-bit seed that `rng` stands for.

    An integer below 2⁶⁴ is its own seed; a larger one and a ``SeedSequence`` are hashed; a
    ``Generator`` is drawn from (and moves on); ``None`` takes fresh entropy, below 2⁵³ so that it
    survives programs that read numbers as doubles.
    """
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**64, dtype=np.uint64))
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if rng < 0:
            raise ValueError(f"rng must not be negative, got {rng}")
        if rng < 2**64:
            return int(rng)
        rng = np.random.SeedSequence(int(rng))
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(11))
    if not isinstance(rng, np.random.SeedSequence):
        raise TypeError(
            "rng must be None, an integer, a numpy SeedSequence or a numpy Generator, "
            f"got {rng!r} of type {type(rng).__name__}"
        )
    return int(rng.generate_state(1, np.uint64)[0])


def generator(name: str, value: np.random.Generator) -> np.random.Generator:
    """Return `value` when it is a generator of NumPy's."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(
            f"{name} must be a numpy Generator, as np.random.default_rng(seed) makes it, got "
            f"{value!r} of type {type(value).__name__}"
        )
    return value


def float_dtype(dtype: object) -> np.dtype[np.floating[Any]]:
    """Return float32 or float64 as a NumPy dtype."""
    try:
        name = None if dtype is None else np.dtype(dtype).name  # type: ignore[call-overload]
    except (TypeError, ValueError):
        name = None
    if name not in ("float32", "float64"):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
    return np.dtype(np.float32 if name == "float32" else np.float64)


def real_array(
    name: str, value: ArrayLike, *, undefined: bool = False, infinite: bool = False
) -> NDArray[Any]:
    """Return `value` as an array of finite real numbers, of any shape and real dtype.

    With `undefined` an entry may be NaN, with `infinite` it may be infinite.
    """
    if hasattr(value, "detach"):  # a PyTorch tensor, which NumPy refuses while it wants gradients
        tensor: Any = value.detach().cpu()
        # NumPy does not know bfloat16, whose values float32 holds.
        value = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    _refuse_masked(name, value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of numbers: {error}") from None
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"{name} must be an array of numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    finite = np.isfinite(array) | (undefined & np.isnan(array)) | (infinite & np.isinf(array))
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        place = f" at index {where}" if where else ""
        raise ValueError(f"{name} must be finite, got {array[where]}{place}")
    return array


def _refuse_masked(name: str, value: object) -> None:
    """Raise ValueError where an entry is masked: NumPy drops the mask, and would use the entry."""
    parts = value if isinstance(value, (list, tuple)) else (value,)
    masked = sum(np.count_nonzero(a.mask) for a in parts if isinstance(a, np.ma.MaskedArray))
    if masked:
        raise ValueError(
            f"{name} must have no masked entries, got {masked}; leave them out, or give them "
            "values with .filled(…)"
        )


def within(
    name: str, value: ArrayLike, low: float, high: float = math.inf, *, undefined: bool = False
) -> NDArray[np.float64]:
    """Return `value` as float64 of its own shape when every entry lies in [low, high].

    With `undefined` an entry may be NaN, too, which stands for what there is not.
    """
    array = real_array(name, value, undefined=undefined).astype(np.float64)
    outside = ~((array >= low) & (array <= high) | np.isnan(array))
    if outside.any():
        ends = f"be at least {low:g}" if high == math.inf else f"lie in [{low:g}, {high:.6g}]"
        raise ValueError(f"{name} must {ends}, got {array[outside].flat[0]:g}")
    return array


def converted(name: str, array: NDArray[Any], dtype: np.dtype[F]) -> NDArray[F]:
    """Return a C-contiguous array of `dtype`, the same one where it is that already."""
    with np.errstate(over="ignore"):
        result: NDArray[F] = np.ascontiguousarray(array, dtype=dtype)
    if result.dtype != array.dtype and not np.isfinite(result).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        way_out = "; use dtype='float64'" if dtype == np.float32 else ""
        raise ValueError(
            f"{name} must lie in the range of {dtype}, got {array[where]} at index {where}{way_out}"
        )
    return result


def points(name: str, value: ArrayLike, dim: int, dtype: np.dtype[F]) -> tuple[NDArray[F], bool]:
    """Return points as (N, d) in `dtype`, and whether a single point (d,) came."""
    array = real_array(name, value)
    single = array.ndim == 1
    if array.ndim not in (1, 2) or array.shape[-1] != dim:
        way_out = ""
        if array.ndim > 2 and math.prod(array.shape[1:]) == dim:
            way_out = f"; make every point one row, with .reshape({len(array)}, -1)"
        elif array.ndim > 1 and array.size == dim:
            way_out = "; make the point one row, with .reshape(-1)"
        raise ValueError(
            f"{name} must have shape ({dim},) or (N, {dim}), got {array.shape}{way_out}"
        )
    return converted(name, array.reshape(-1, dim), dtype), single


def point(name: str, value: ArrayLike, dim: int, *, noun: str = "point") -> NDArray[np.float64]:
    """Return a single point (or vector, its `noun`) of shape (d,) in float64."""
    rows, single = points(name, value, dim, np.dtype(np.float64))
    if not single:
        raise ValueError(f"{name} must be a single {noun} of shape ({dim},), got {rows.shape}")
    one: NDArray[np.float64] = rows[0]
    return one
