"""The images that networks are trained on, and the files that are refused."""

import hashlib

import numpy as np
import pytest
from randrelu.sweeps.experiments.images import load
from sklearn.datasets import load_digits


def images(count=12, size=(2, 3)):
    rng = np.random.default_rng(0)
    return rng.integers(1, 256, (count, *size)), 3 + 4 * (np.arange(count) % 3)


def test_digits_are_those_of_scikit_learn():
    pixels, labels = load_digits(return_X_y=True)
    found = load("digits")
    assert np.array_equal(found.pixels * 16, pixels) and np.array_equal(found.labels, labels)
    assert found.pixels.dtype == np.float32 and found.classes == 10


@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y"), ("x_train", "y_train")])
def test_an_npz_file_is_read(names, tmp_path):
    pixels, labels = images()
    np.savez(tmp_path / "a.npz", **dict(zip(names, (pixels, labels), strict=True)), other=3)
    found = load(str(tmp_path / "a.npz"))
    assert found.pixels == pytest.approx(pixels.reshape(12, 6) / pixels.max(), rel=2**-23)
    assert found.labels.tolist() == [0, 1, 2] * 4 and found.classes == 3


@pytest.mark.parametrize("column", [0, 2, -1])
def test_a_csv_file_is_read(column, tmp_path):
    pixels, labels = images()
    rows = np.insert(pixels.reshape(12, 6), 6 if column == -1 else column, labels, axis=1)
    np.savetxt(tmp_path / "a.csv", rows, fmt="%d", delimiter=",")
    found = load(str(tmp_path / "a.csv"), column)
    assert found.pixels == pytest.approx(pixels.reshape(12, 6) / pixels.max(), rel=2**-23)
    assert found.labels.tolist() == [0, 1, 2] * 4


def test_images_that_are_0_are_left_out(tmp_path):
    pixels, labels = images()
    pixels[[1, 7]] = 0
    np.savez(tmp_path / "a.npz", images=pixels, labels=labels)
    found = load(str(tmp_path / "a.npz"))
    assert len(found.pixels) == 10 and found.pixels.any(axis=1).all()
    assert found.labels.tolist() == [0, 2, 0, 1, 2, 0, 2, 0, 1, 2]


def test_another_file_under_the_same_name_is_refused(tmp_path):
    path, (pixels, labels) = tmp_path / "a.npz", images()
    np.savez(path, images=pixels, labels=labels)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(load(str(path), None, before).labels) == 12
    np.savez(path, images=pixels[:9], labels=labels[:9])
    with pytest.raises(ValueError, match=f"not the file that it was .* {before}; put the old file"):
        load(str(path), None, before)
    assert len(load(str(path)).labels) == 9


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


PIXELS, LABELS = images()
RAGGED = np.array([np.ones((2, 2)), np.ones((3, 2))], dtype=object)
REFUSED = {
    "missing": (lambda p: p / "no.npz", None, "no file at"),
    "labels-npz": (lambda p: saved(p / "a.npz", images=PIXELS), None, "'images' and 'labels'"),
    "labels-csv": (lambda p: text(p, "1,2\n3,4\n"), None, "no labels without label_column"),
    "one-class": (
        lambda p: saved(p / "a.npz", images=PIXELS, labels=0 * LABELS), None,
        "at least two classes, got 0 only",
    ),
    "sizes-npz": (
        lambda p: saved(p / "a.npz", images=RAGGED, labels=[0, 1]), None, "of different sizes",
    ),
    "sizes-csv": (lambda p: text(p, "1,2,3\n0,4\n"), 0, "line 2: expected 3 numbers .* got 2"),
    "fewer-labels": (
        lambda p: saved(p / "a.npz", images=PIXELS, labels=LABELS[1:]), None,
        r"a label for each of its 12 images, got labels of shape \(11,\)",
    ),
    "no-labels": (
        lambda p: saved(p / "a.npz", images=PIXELS, labels=np.where(LABELS == 3, np.nan, LABELS)),
        None, "the labels of .* must be finite",
    ),
    "flat": (lambda p: saved(p / "a.npz", images=LABELS, labels=LABELS), None, r"shape \(N, …\)"),
    "no-pixels": (
        lambda p: saved(p / "a.npz", images=0 * PIXELS, labels=LABELS), None, "other than 0",
    ),
    "column": (lambda p: text(p, "1,2\n3,4\n"), 5, "label_column must be a column .* got 5"),
    "fractions": (lambda p: text(p, "1,2.5\n3,4\n"), 1, "labels that are integers, got 2.5"),
    "suffix": (lambda p: text(p, "1,2\n", "a.txt"), None, "a .npz or .csv file"),
    "column-of-npz": (
        lambda p: saved(p / "a.npz", images=PIXELS, labels=LABELS), 0, "label_column is for a .csv",
    ),
    "no-npz": (lambda p: text(p, "1,2\n", "a.npz"), None, "NumPy can read|objects"),
}  # fmt: skip


def text(folder, content, name="a.csv"):
    (folder / name).write_text(content)
    return folder / name


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_named(case, tmp_path):
    make, column, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        load(str(make(tmp_path)), column)


def test_digits_have_no_column_of_labels():
    with pytest.raises(ValueError, match=r"label_column is for a \.csv file, not for 'digits'"):
        load("digits", 0)
