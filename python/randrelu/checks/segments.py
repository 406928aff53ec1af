"""The parts of a network between bottleneck layers, each drawn for itself after the image of x."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments
from randrelu._support.progress import part
from randrelu.checks.trials import Networks
from randrelu.measures.bottlenecks import bottlenecks
from randrelu.network import Network


@dataclass(frozen=True)
class Segment:
    """The layers after a bottleneck up to the next one, or to the end.

    They are independent of the image of x at the bottleneck, so the networks of a segment begin
    there.

    Attributes
    ----------
    earlier, later : int
        The bottleneck layer, and the last layer of the segment.
    networks : Networks
        Its networks, one a trial: layers earlier + 1 to later, and an output.
    before : tuple of int
        The widths up to the bottleneck.
    """

    earlier: int
    later: int
    networks: Networks
    before: tuple[int, ...]

    def image(self, net: Network) -> NDArray[np.float64]:
        """Return f_i(x) at the bottleneck, x = (1, …, 1) itself if that is the input."""
        x = np.ones(self.before[0])
        if len(self.before) == 1:
            return x
        other = arguments.seed_of(np.random.SeedSequence(net.seed, spawn_key=(0, 0)))
        first = Network.random(
            (*self.before, 1), rng=other, dtype="float64", storage=self.networks.storage
        )
        return first.activations(x)[-1].astype(np.float64, copy=False)


def segments(networks: Networks) -> Iterator[Segment]:
    """Yield the segments, from the last bottleneck, as in (NN-DECOMP), to the input."""
    widths = networks.widths
    ends = [
        (earlier, later)
        for later, earlier in pairwise((len(widths) - 2, *bottlenecks(widths)))
        if earlier < later
    ]
    for place, (earlier, later) in enumerate(ends):
        # Segments of one network are independent of each other.
        own = np.random.SeedSequence(networks.seed, spawn_key=(0, place))
        yield Segment(
            earlier,
            later,
            replace(
                networks,
                widths=(*widths[earlier : later + 1], 1),
                seed=arguments.seed_of(own) if place else networks.seed,
                progress=part(networks.progress, place, len(ends)),
            ),
            widths[: earlier + 1],
        )
