from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

_F = TypeVar("_F", bound=np.floating[Any])  # float32 or float64
_Floats: TypeAlias = NDArray[np.floating[Any]]
_Bits: TypeAlias = NDArray[np.uint8]

def build_info() -> dict[str, str]: ...
def thread_count(threads: int) -> int: ...
def philox4x32(counter: list[int], key: list[int]) -> list[int]: ...
def fill_normals(seed: int, layer: int, first: int, out: NDArray[np.float32]) -> None: ...
def active(a: _Bits) -> NDArray[np.int64]: ...
def flips(a: _Bits, b: _Bits) -> NDArray[np.int64]: ...

class Network:
    @staticmethod
    def random(
        widths: list[int],
        seed: int,
        scales: list[float],
        storage: str,
        single: bool,
        threads: int,
    ) -> Network: ...
    @staticmethod
    def from_weights(weights: list[_Floats], seed: int) -> Network: ...
    @property
    def nbytes(self) -> int: ...
    def weights(self, i: int) -> _Floats: ...
    def revealed(self) -> list[tuple[int, int, int]]: ...
    def forget(self) -> None: ...
    def evaluate(
        self,
        x: NDArray[_F],
        value: bool,
        bits: bool,
        gradient: bool,
        remember: bool,
        threads: int,
        progress: Callable[[int, int], object] | None,
    ) -> tuple[NDArray[_F], list[_Bits], NDArray[_F]]: ...
    def preactivations(
        self, x: NDArray[_F], threads: int, progress: Callable[[int, int], object] | None
    ) -> list[NDArray[_F]]: ...
    def activations(
        self, x: NDArray[_F], threads: int, progress: Callable[[int, int], object] | None
    ) -> list[NDArray[_F]]: ...

def attack_trials(
    widths: list[int],
    scales: list[float],
    seeds: NDArray[np.uint64],
    x: NDArray[np.float64],
    kind: int,
    steps: list[float],
    threads: int,
    progress: Callable[[int, int], object] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...

_Explored: TypeAlias = tuple[
    NDArray[np.int64],
    NDArray[np.float64] | None,
    NDArray[np.float64] | None,
    NDArray[np.float64] | None,
    NDArray[np.float64],
    NDArray[np.float64],
]

def explore_points(
    network: Network,
    x: NDArray[np.float64],
    u: NDArray[np.float64],
    single: bool,
    gradient: bool,
    terms: bool,
    decomposition: bool,
    remember: bool,
    threads: int,
    progress: Callable[[int, int], object] | None,
) -> _Explored: ...
def explore_ball(
    network: Network,
    x: NDArray[np.float64],
    radius: float,
    samples: int,
    seed: int,
    surface: bool,
    single: bool,
    gradient: bool,
    terms: bool,
    remember: bool,
    threads: int,
    progress: Callable[[int, int], object] | None,
) -> _Explored: ...
def layer_gradient(
    network: Network,
    x: NDArray[np.float64],
    i: int,
    v: NDArray[np.float64],
    threads: int,
) -> NDArray[np.float64]: ...
def row_norms(network: Network, i: int, threads: int) -> NDArray[np.float64]: ...
def sample_ball(
    dim: int, radius: float, n: int, seed: int, surface: bool, threads: int
) -> NDArray[np.float64]: ...
def trace_line(
    network: Network,
    x: NDArray[np.float64],
    u: NDArray[np.float64],
    length: float,
    most_flips: int,
    threads: int,
    progress: Callable[[int, int], object] | None,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.bool_],
    float,
    NDArray[np.float64],
    NDArray[np.float64],
    list[_Bits],
]: ...
def segment(
    network: Network,
    bits: list[_Bits],
    j: int,
    i: int,
    v: NDArray[np.float64],
    transposed: bool,
    threads: int,
) -> NDArray[np.float64]: ...

GRAM_SUMMANDS: int
ROW_SPACE_ACCURACY: float

def row_space_norm(
    network: Network,
    x: NDArray[np.float64],
    threads: int,
    progress: Callable[[int, int], object] | None,
) -> float | None: ...
