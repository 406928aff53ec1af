"""What biases cost: the same questions to networks with and without them, in turns.

They are added to values while these are in the cache, and differences, slopes and gradients carry
none.
"""

from functools import partial

import numpy as np
import pytest
from randrelu import Network, flips
from turns import in_turns

POINTS = 256
ASKED = {
    "forward": lambda net, x: net.forward(x),
    "pattern": lambda net, x: net.pattern(x).active(),
    "gradients": lambda net, x: net.gradient(x),
    "flips": lambda net, x: flips(net, x[0], 2.0, POINTS, rng=0).counts,
}


@pytest.mark.parametrize("width", [256, 2048])
@pytest.mark.parametrize("asked", ASKED)
def test_beside_a_network_without(benchmark, asked, width):
    widths = (784, width, width, width, 1)
    biased, plain = (Network.random(widths, rng=0, bias=b, init="he") for b in (0.1, 0.0))
    assert biased.has_biases and not plain.has_biases
    x = np.random.default_rng(0).normal(size=(POINTS, 784)).astype(np.float32)
    ask = ASKED[asked]

    def check(found):
        assert np.isfinite(found).all() and np.any(found)

    in_turns(
        benchmark, f"{asked}, {POINTS} points, three hidden layers of {width}",
        "the same network without biases", partial(ask, biased, x), partial(ask, plain, x), check,
        rounds=60 if width < 1000 else 15,
    )  # fmt: skip
