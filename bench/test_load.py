"""How long a network file takes to load, once what reads it is imported."""

import pytest
from randrelu import Network, load
from turns import alone

WIDTHS = (784, 256, 256, 256, 256, 10)


@pytest.mark.parametrize("suffix", ["npz", "onnx", "safetensors"])
def test_load(benchmark, tmp_path, suffix):
    pytest.importorskip({"npz": "numpy"}.get(suffix, suffix))
    net, path = Network.random(WIDTHS, rng=0, bias=0.1), tmp_path / f"net.{suffix}"
    net.save(path)
    x = [1.0] * 784

    def check(found):
        assert found.widths == WIDTHS
        assert (found.forward(x) == net.forward(x)).all()

    alone(benchmark, f"loading a network of widths {WIDTHS}", lambda: load(path), check, rounds=20)
