import enum
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

_F = TypeVar("_F", bound=np.floating[Any])  # float32 or float64
_Floats: TypeAlias = NDArray[np.floating[Any]]
_Doubles: TypeAlias = NDArray[np.float64]
_Bits: TypeAlias = NDArray[np.uint8]
_Progress: TypeAlias = Callable[[int, int], object] | None

class Stop:
    """Ends the calls of the threads that heed it, with KeyboardInterrupt."""

    def set(self) -> None: ...
    def heed(self) -> None:
        """Let it end calls that this thread makes from now on; not those of the main thread."""

    @property
    def is_set(self) -> bool: ...

def build_info() -> dict[str, str]: ...
def thread_count(threads: int) -> int: ...
def philox4x32(counter: list[int], key: list[int]) -> list[int]: ...
def fill_normals(seed: int, layer: int, first: int, out: NDArray[np.float32]) -> None: ...
def active(a: _Bits) -> NDArray[np.int64]: ...
def flips(a: _Bits, b: _Bits) -> NDArray[np.int64]: ...

MOST_POINTS: int  # that are evaluated at once

class Evaluated:
    """What was asked for; the rest is None."""

    @property
    def values(self) -> Any: ...
    @property
    def bits(self) -> Any: ...
    @property
    def gradients(self) -> Any: ...

class Revealed:
    """What the layers have revealed, an entry for each."""

    @property
    def forward(self) -> list[int]: ...
    @property
    def backward(self) -> list[int]: ...
    @property
    def nbytes(self) -> list[int]: ...

class Ties(enum.Enum):
    coin = 0
    zero = 1
    one = 2

class Network:
    @staticmethod
    def random(
        widths: list[int],
        *,
        seed: int,
        scales: list[float],
        bias: float,
        storage: str,
        float32: bool,
        threads: int,
    ) -> Network: ...
    @staticmethod
    def from_weights(
        weights: list[_Floats], biases: list[_Doubles | None], *, seed: int, ties: Ties
    ) -> Network: ...
    def margin(self, top: int, other: int) -> Network: ...
    @property
    def has_biases(self) -> bool: ...
    @property
    def forgotten(self) -> int:
        """How often a deferred network was told to forget; 0 for others."""
    @property
    def nbytes(self) -> int: ...
    def weights(self, i: int) -> _Floats: ...
    def bias(self, i: int) -> _Doubles | None: ...
    def revealed(self) -> Revealed: ...
    def forget(self) -> None: ...
    def evaluate(
        self,
        x: _Floats,
        *,
        values: bool,
        bits: bool,
        gradients: bool,
        remember: bool,
        threads: int,
        progress: _Progress,
    ) -> Evaluated: ...
    def preactivations(
        self, x: NDArray[_F], *, threads: int, progress: _Progress
    ) -> list[NDArray[_F]]: ...
    def activations(
        self, x: NDArray[_F], *, threads: int, progress: _Progress
    ) -> list[NDArray[_F]]: ...

class BasePoint:
    """A point evaluated in float64, as far as the first hidden layers; layers count from 0."""

    def __init__(
        self, network: Network, x: _Doubles, *, layers: int, gradient: bool, threads: int
    ) -> None: ...
    @property
    def gradient(self) -> _Doubles: ...
    def preactivations(self, i: int) -> _Doubles: ...
    def pull_back(self, i: int, v: _Doubles, *, threads: int) -> _Doubles: ...

class Sample:
    """Points drawn from the unit ball."""

    def __init__(self, *, count: int, seed: int, surface: bool) -> None: ...

class Explored:
    """What was asked for; the rest is None."""

    @property
    def angles(self) -> Any: ...
    @property
    def flips(self) -> Any: ...
    @property
    def image_angles(self) -> Any: ...
    @property
    def deviations(self) -> Any: ...
    @property
    def terms(self) -> Any: ...
    @property
    def decomposition(self) -> Any: ...

def explore(
    base: BasePoint,
    places: _Doubles | Sample,
    *,
    scales: Sequence[float] = [1.0],
    mirrored: bool = False,
    float32: bool = False,
    angles: bool = False,
    flips: bool = False,
    deviations: bool = False,
    terms: bool = False,
    decomposition: bool = False,
    remember: bool = True,
    threads: int = 0,
    progress: _Progress = None,
) -> Explored: ...
def sample_ball(dim: int, sample: Sample, *, threads: int) -> _Doubles: ...

class StepKind(enum.Enum):
    reflections = 0
    changes = 1
    etas = 2

class StepsTaken:
    @property
    def eta(self) -> _Doubles: ...
    @property
    def x_after(self) -> _Doubles: ...
    @property
    def f_after(self) -> _Doubles: ...
    @property
    def top_after(self) -> NDArray[np.int64] | None: ...

class Attack:
    def __init__(
        self,
        network: Network,
        x: _Doubles,
        against: NDArray[np.int64] | None,
        *,
        threads: int,
        progress: _Progress,
    ) -> None: ...
    @property
    def top(self) -> NDArray[np.int64] | None: ...
    @property
    def other(self) -> NDArray[np.int64] | None: ...
    @property
    def f(self) -> _Doubles: ...
    @property
    def grad_norms(self) -> _Doubles: ...
    @property
    def gradients(self) -> _Doubles: ...
    def reach(
        self,
        goals: _Doubles,
        lengths: _Doubles,
        *,
        any_other: bool,
        most_flips: int,
        threads: int,
        progress: _Progress,
    ) -> _Doubles: ...
    def step(
        self,
        kind: StepKind,
        numbers: _Doubles,
        goals: _Doubles | None,
        *,
        any_other: bool,
        threads: int,
        progress: _Progress,
    ) -> StepsTaken: ...

def sign_flips(before: _Doubles, after: _Doubles) -> NDArray[np.bool_]: ...
def succeeds(before: _Doubles, after: _Doubles, margin: float = 0.0) -> NDArray[np.bool_]: ...

FEW_POINTS: int  # so many points at once, each by itself
WIDE_TRIAL: int  # networks as wide as this are attacked one after the other

class Trials:
    @property
    def f(self) -> _Doubles: ...
    @property
    def grad_norm(self) -> _Doubles: ...
    @property
    def eta(self) -> _Doubles: ...
    @property
    def f_after(self) -> _Doubles: ...

def attack_trials(
    widths: list[int],
    seeds: NDArray[np.uint64],
    x: _Doubles,
    *,
    scales: list[float],
    kind: StepKind,
    numbers: list[float],
    threads: int,
    progress: _Progress,
) -> Trials: ...

class LinePieces:
    @property
    def t(self) -> _Doubles: ...
    @property
    def layer(self) -> NDArray[np.int64]: ...
    @property
    def unit(self) -> NDArray[np.int64]: ...
    @property
    def active(self) -> NDArray[np.bool_]: ...
    @property
    def f0(self) -> _Doubles: ...
    @property
    def f(self) -> _Doubles: ...
    @property
    def slopes(self) -> _Doubles: ...
    @property
    def bits(self) -> list[_Bits]: ...

def first_crossing(knots: _Doubles, values: _Doubles, level: float) -> float: ...
def first_reach(
    network: Network,
    x: _Doubles,
    u: _Doubles,
    *,
    length: float,
    level: float,
    f: float,
    slope: float,
    most_flips: int,
    threads: int,
) -> float: ...

class Margins:
    @property
    def values(self) -> _Doubles: ...
    @property
    def roundings(self) -> _Doubles: ...
    @property
    def gradients(self) -> NDArray[Any]: ...  # in the arithmetic of x
    @property
    def rivals(self) -> NDArray[np.int64]: ...

def margins(
    network: Network,
    x: _Floats,
    tops: NDArray[np.int64] | None,
    against: NDArray[np.int64] | None,
    *,
    threads: int,
) -> Margins: ...
def first_changes(
    network: Network,
    x: _Doubles,
    y: _Doubles,
    tops: NDArray[np.int64] | None,
    against: NDArray[np.int64] | None,
    *,
    most_flips: int,
    threads: int,
) -> _Doubles: ...
def trace_line(
    network: Network,
    x: _Doubles,
    u: _Doubles,
    *,
    length: float,
    most_flips: int,
    threads: int,
    progress: _Progress,
) -> LinePieces: ...

class TooManyFaces(MemoryError):
    """Its arguments: the number of faces that were allowed, and the layer whose faces are more."""

class Subdivision:
    @property
    def vertices(self) -> _Doubles: ...
    @property
    def outputs(self) -> _Doubles: ...
    @property
    def face_start(self) -> NDArray[np.int64]: ...
    @property
    def face_vertices(self) -> NDArray[np.int64]: ...
    @property
    def edges(self) -> NDArray[np.int64]: ...
    @property
    def edge_faces(self) -> NDArray[np.int64]: ...
    @property
    def edge_layer(self) -> NDArray[np.int32]: ...
    @property
    def edge_unit(self) -> NDArray[np.int64]: ...
    @property
    def patterns(self) -> list[_Bits]: ...

def subdivide(
    network: Network,
    x: _Doubles,
    u: _Doubles,
    v: _Doubles,
    polygon: _Doubles,
    most_faces: int,
    threads: int,
    progress: _Progress,
    most_held: int | None = ...,
) -> Subdivision: ...
def masked_product(
    network: Network,
    bits: list[_Bits],
    v: _Doubles,
    *,
    j: int,
    i: int,
    transposed: bool,
    threads: int,
) -> _Doubles: ...
def masked_product_norms(
    network: Network,
    bits: list[_Bits],
    points: int,
    start: _Doubles,
    *,
    j: int,
    i: int,
    threads: int,
) -> _Doubles: ...
def ascend(
    network: Network, x: _Doubles, *, radius: float, layer: int, steps: int, threads: int
) -> tuple[_Doubles, _Doubles]: ...

GRAM_SUMMANDS: int
ROW_SPACE_ACCURACY: float

def row_space_norm(
    network: Network, x: _Doubles, *, threads: int, progress: _Progress
) -> float | None: ...
