"""What importing loads, and that every instruction set gives the same network."""

import ast
import hashlib
import importlib
import importlib.util
import json
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import randrelu as rr
import reference
from randrelu import _cpu
from randrelu._load import core
from randrelu._support import memory

DIGEST = """
import hashlib, json, numpy as np, randrelu as rr
from randrelu._load import core
net = rr.Network.random((70, 300, 65, 1), rng=123)
x = np.random.default_rng(0).normal(size=(9, 70))
weights = hashlib.sha256(b"".join(net.weights(i).tobytes() for i in (1, 2, 3))).hexdigest()
print(json.dumps({"isa": core.build_info()["isa"], "weights": weights,
                  "f": net.forward(x).tolist(), "active": net.pattern(x).active().tolist()}))
"""


def built():
    names = ["v2", "v3", "v4", "portable"]
    return [isa for isa in names if importlib.util.find_spec(f"randrelu._core_{isa}")]


def runs_here():
    return [isa for isa in built() if isa in [*_cpu.supported(), "portable"]]


def test_import_loads_numpy_and_the_core_alone(run_python):
    code = (
        "import sys, numpy; before = set(sys.modules); import randrelu\n"
        "heavy = {'scipy', 'rich', 'typer', 'pandas', 'matplotlib', 'pyarrow',"
        " 'jinja2', 'filelock', 'distributed'}\n"
        "print(sorted(heavy & {m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    assert run_python(code).stdout == "[]\n"


def test_the_best_instruction_set_is_chosen():
    if "RANDRELU_ISA" in os.environ:
        pytest.skip("RANDRELU_ISA chooses")
    best = next(isa for isa in [*_cpu.supported(), "portable"] if isa in built())
    assert core.build_info()["isa"] == best
    assert sys.modules["randrelu._core"] is core


@pytest.mark.parametrize("isa", runs_here())
def test_every_instruction_set_gives_the_same_network(isa, run_python):
    done = run_python(DIGEST, RANDRELU_ISA=isa)
    assert done.returncode == 0, done.stderr
    other = json.loads(done.stdout)
    net = rr.Network.random((70, 300, 65, 1), rng=123)
    x = np.random.default_rng(0).normal(size=(9, 70))
    weights = hashlib.sha256(b"".join(net.weights(i).tobytes() for i in (1, 2, 3))).hexdigest()
    assert other["isa"] == isa
    assert other["weights"] == weights
    # The sums of a product may be ordered differently, within the bounds of their rounding.
    exact = [net.weights(i).astype(float) for i in (1, 2, 3)]
    x32 = x.astype(np.float32).astype(float)
    bounds = reference.preactivation_bounds(exact, x32, "float32")
    assert (np.abs(other["f"] - reference.forward(exact, x32)) <= bounds[-1][:, 0]).all()
    layers = zip(reference.preactivations(exact, x32), bounds[:-1], strict=True)
    for layer, (z, bound) in enumerate(layers):
        unsure = (np.abs(z) <= bound).sum(axis=1)
        assert (np.abs(np.array(other["active"])[:, layer] - (z > 0).sum(axis=1)) <= unsure).all()


def test_an_unknown_instruction_set_is_refused(run_python):
    done = run_python("import randrelu", RANDRELU_ISA="v9")
    assert done.returncode == 1
    usable = [isa for isa in [*_cpu.supported(), "portable"] if isa in built()]
    message = f"RANDRELU_ISA must be one of {', '.join(usable)} on this machine, got 'v9'"
    assert message in done.stderr


def test_core_reports_what_it_was_built_with():
    info = core.build_info()
    assert set(info) == {"isa", "eigen", "compiler"}
    assert int(info["eigen"].split(".")[0]) >= 5


def test_stub_names_every_argument_of_the_core():
    """The signatures that pybind11 writes into docstrings, against the hand-written stub."""
    stub = ast.parse(Path(rr.__file__).with_name("_core.pyi").read_text())
    functions = [(core, node) for node in stub.body if isinstance(node, ast.FunctionDef)]
    for node in stub.body:
        if isinstance(node, ast.ClassDef):
            methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
            functions += [(getattr(core, node.name), method) for method in methods]
    for owner, node in functions:
        if any(getattr(d, "id", "") == "property" for d in node.decorator_list):
            assert isinstance(getattr(owner, node.name), property)
            continue
        signatures = re.findall(
            rf"{node.name}\((.*?)\) ->", getattr(owner, node.name).__doc__, flags=re.DOTALL
        )
        expected = [argument.arg for argument in node.args.args + node.args.kwonlyargs]
        assert signatures
        for signature in signatures:
            assert re.findall(r"(\w+): ", signature) == expected


def test_public_face():
    assert rr.__all__ == sorted(rr.__all__)
    for name in rr.__all__:
        assert getattr(rr, name).__doc__
    assert rr.__version__ == version("randrelu")


def test_the_reference_lists_all_that_is_public():
    page = Path(__file__).parent.parent / "docs" / "reference" / "index.md"
    module, listed = "", []
    for line in page.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\.\. (?:py:)?(?:current)?module:: ([\w.]+)", line):
            module = found[1]
        elif found := re.match(r"(?:   |\.\. py:data:: )(\w+)$", line):
            listed.append(f"{module}.{found[1]}")
    assert len(listed) == len(set(listed))
    public = {f"randrelu.{name}" for name in rr.__all__}
    for name in ("checks", "laws", "sweeps"):
        room = importlib.import_module(f"randrelu.{name}")
        own = {one for one in room.__all__ if getattr(room, one) is not getattr(rr, one, None)}
        public |= {f"randrelu.{name}.{one}" for one in own}
    assert {name for name in listed if "randrelu.reproduction" not in name} == public


def test_free_memory_is_known_and_bytes_read_well():
    assert memory.available_bytes() > 2**20
    for number, words in [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"),
                          (67_100_000, "67.1 MB"), (4 * 10**15, "4.0 PB")]:  # fmt: skip
        assert memory.in_words(number) == words
