"""Trials for the benchmarks of sweeps, in a module that other processes can import."""

import numpy as np
from randrelu import Network, gradient_step


def ten_milliseconds(params, rng):
    """Attack a streamed network on one thread."""
    n = params["width"]
    net = Network.random((n, n, n, n, 1), rng=rng, storage="streamed", threads=1)
    return {"norm": float(gradient_step(net, np.ones(n), threads=1).relative_norm)}
