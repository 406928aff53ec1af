"""What the files at the root say of the package is true of it."""

import os
import pickle
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import randrelu as rr
import yaml
from randrelu.formats import files
from randrelu.formats.load import _REFUSED

ROOT = Path(__file__).parent.parent


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_is_of_this_version_and_of_the_paper():
    citation = yaml.safe_load(text("CITATION.cff"))
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert citation["version"] == project["version"] == rr.__version__
    assert citation["license"] == project["license"]
    assert citation["keywords"] == project["keywords"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in project["authors"]
    ]
    # What the format 1.2.0 requires.
    assert citation["cff-version"] == "1.2.0" and citation["message"] and citation["title"]
    (paper,) = citation["references"]
    assert paper["title"] == "Adversarial Examples in Multi-Layer Random ReLU Networks"
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Bartlett", "Bubeck", "Cherapanamjeri"] and paper["year"] == 2021


def test_security_has_every_suffix():
    table = [line.split("|")[1:4] for line in text("SECURITY.md").splitlines() if line[:3] == "| `"]
    said = {suffix: who.strip() for suffixes, who, _ in table for suffix in
            re.findall(r"`(\.\w+)`", suffixes)}  # fmt: skip
    with pytest.raises(ValueError, match="expected the suffix") as refused:
        rr.load(__file__)
    read = set(re.findall(r"\.\w+", str(refused.value).partition("suffix")[2])) - {".py"}
    assert {suffix for suffix, who in said.items() if who == "nothing"} == set(_REFUSED)
    assert {suffix for suffix, who in said.items() if who != "nothing"} == {*read, ".npy", ".csv"}
    assert files.MOST_TENSORS == 10_000 and files.LIST_BYTES == 10**6  # as it says


class _Mark:
    """An object whose pickle makes a folder when it is read."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def written(folder, suffix, kind):
    """Write what makes folder/mark when somebody unpickles it, under this suffix."""
    path, mark = folder / f"net{suffix}", _Mark(folder / "mark")
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"W_1": mark}))
        return path
    with path.open("wb") as file:  # as NumPy writes objects
        array = np.array([mark], dtype=object)
        np.savez(file, W_1=array) if kind == "npz" else np.save(file, array)
    return path


SUFFIXES = (".npz", ".onnx", ".nnet", ".safetensors", ".pt", ".pth", ".pkl", ".joblib", ".h5")


@pytest.mark.parametrize("kind", ["pickle", "npz", "npy"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_file_runs_code(tmp_path, suffix, kind):
    path = written(tmp_path, suffix, kind)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        rr.load(path)
    assert not (tmp_path / "mark").exists()


def test_the_mark_is_made_where_it_is_unpickled(tmp_path):
    with np.load(written(tmp_path, ".npz", "npz"), allow_pickle=True) as file:
        file["W_1"]
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize("kind", ["pickle", "npy"])
def test_no_file_of_points_runs_code(tmp_path, kind):
    from randrelu.cli import inputs

    path = written(tmp_path, ".npy", kind)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        inputs.points(path, 3)
    assert not (tmp_path / "mark").exists()
