"""What users may pass to the commands, and what they are told where it is wrong."""

import json

import numpy as np
import pytest
from terminal import run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "theorem-9", "--widths", "3,1"], "statement must be one of"),
        (["check", "theorem-1.1"], "missing a required argument: 'widths'"),
        (["check", "theorem-1.1", "--widths", "3,x,1"], "got '3,x,1'"),
        (["check", "theorem-1.1", "--widths", "3,0,1"], "widths[1] must be at least 1"),
        (["check", "theorem-1.1", "--widths", "3,1", "--trials", "0"], "trials must be"),
        (
            ["check", "theorem-1.1", "--widths", "3,1", "--eta", "far"],
            "eta must be a number or one of",
        ),
        (["check", "lemma-2.2", "--widths", "3,1", "--eta", "linear"], "'eta'"),
        (["check", "lemma-2.2", "--widths", "3,1", "-p", "c"], "-p must be name=value"),
        (["check", "lemma-2.2", "--widths", "3,1", "-p", "rng=1"], "the seed is set by --seed"),
        (["check", "theorem-1.1", "--widths", "9999999999,1"], "widths[0] must be at most"),
        (["check", "theorem-1.1", "--widths", "3,1", "--seed", "-1"], "--seed"),
        (["attack"], "either --widths"),
        (["attack", "--weights", "w.npz", "--seed", "1"], "not with --weights"),
        (["attack", "--widths", "3,1", "--init", "odd"], "init must be one of"),
        (["attack", "--widths", "3,1", "--input", "nowhere.npy"], "nowhere.npy"),
        (["attack", "--widths", "3,1", "--input", "point.txt"], ".npy or .csv"),
        (["attack", "--weights", "nowhere.npz"], "nowhere.npz"),
        (["attack", "--weights", "w.onnx", "--bias", "1"], "--bias goes with --widths"),
        (["attack", "--widths", "3,1", "--label-column", "0"], "--label-column goes with --input"),
        (["attack", "--widths", "3,1", "--scale", "2"], "--scale goes with --input"),
        (["attack", "--widths", "3,1", "--scale", "1/0"], "such as 1/255, got '1/0'"),
        (["attack", "--widths", "3,1", "--scale", "2/"], "such as 1/255, got '2/'"),
        (["attack", "--widths", "3,1", "--scale", "nan"], "such as 1/255, got 'nan'"),
        (["attack", "--widths", "3,1", "--against", "0"], "against is for a network of several"),
        (["attack", "--widths", "3,2", "--against", "2"], "outputs from 0 to 1, got 2"),
        (["info", "nowhere.onnx"], "nowhere.onnx"),
        (["attack", "--nonsense"], "nonsense"),
        (["dance"], "dance"),
    ],
)
def test_bad_usage_exits_with_2_and_a_message(arguments, message):
    done = run(*arguments, code=2)
    assert message in done.stderr and not done.stdout and "Traceback" not in done.stderr


def test_tables_with_a_header_or_a_byte_order_mark_lose_no_row(tmp_path):
    for name, mark in [("plain.csv", ""), ("excel.csv", "\ufeff"), ("header.csv", "a,b,c\n"),
                       ("blank.csv", "\n# three columns\n\na,b,c\n")]:  # fmt: skip
        (tmp_path / name).write_text(mark + "1,2,3\n4,5,6\n", encoding="utf-8")
        out = run("attack", "--widths", "3,1", "--input", tmp_path / name, "--json").stdout
        assert len(json.loads(out)["eta"]) == 2


def test_bad_files_exit_with_2(tmp_path):
    np.save(tmp_path / "matrix.npy", np.ones((3, 3)))
    contents = {
        "words.csv": b"one,two,three\nfour,five,six\n",
        "header.csv": b"one,two,three\n",
        "weights.npy": b"another kind of file",
        "net.onnx": b"text",
        "empty.csv": b"",
        "blank.csv": b"\n \n# no number\n",
        "hole.csv": b"1,,3\n4,5,6\n",
        "typo.csv": b"1,2,x3\n4,5,6\n",
        "short.csv": b"1,2\n",
        "binary.csv": b"\xff\xfe\x00",
        "text.npy": b"not an array",
        "text.npz": b"not an archive",
        "torn.npz": b"PK\x03\x04 torn",
        "matrix.npz": (tmp_path / "matrix.npy").read_bytes(),
    }
    networks = {"text.npz", "torn.npz", "matrix.npz", "weights.npy", "net.onnx"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        options = ["--weights"] if name in networks else ["--widths", "3,1", "--input"]
        done = run("attack", *options, tmp_path / name, code=2)
        assert done.stderr.startswith("randrelu: ") and "Traceback" not in done.stderr
        assert name in done.stderr and "usecols" not in done.stderr
    np.save(tmp_path / "zero.npy", np.zeros(3))
    assert "must not be 0" in run("attack", "--widths", "3,1", "--input", tmp_path / "zero.npy",
                                  code=2).stderr  # fmt: skip


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("a,b,c\n\n1,2,3\n# note\n1,2\n", (), "line 5: expected 3 numbers as in line 3, got 2"),
        ("1,2,3\n1,x3,2\n", (), "line 2: expected numbers separated by commas, got 'x3'"),
        ("1,2,3\n1,,2\n", (), "line 2: expected numbers separated by commas, got ''"),
        ("x,y,z\n1,2,3\n1,nan,2\n", (), "line 3: expected finite numbers, got nan"),
        ("1,2,3\n1,2,inf\n", (), "line 2: expected finite numbers, got inf"),
        ("7,1,2,3\n", (), "must have 3 columns, got 4; give --label-column"),
        ("7,1,2,3\n", ("--label-column", 4), "--label-column must be a column of"),
        ("7,1,2,3\n", ("--label-column", -5), "--label-column must be a column of"),
        ("7,1,2,3\n0.5,1,2,3\n", ("--label-column", 0), "integers, got 0.5 in row 1"),
        ("1,2,3\n", ("--label-column", 0), "must have shape (3,) or (N, 3), got (1, 2)"),
    ],
)
def test_a_table_that_is_none_is_refused_by_the_line(tmp_path, content, options, message):
    path = tmp_path / "x.csv"
    path.write_text(content)
    done = run("attack", "--widths", "3,1", "--input", path, *options, code=2)
    assert message in done.stderr and "x.csv" in done.stderr and len(done.stderr.split("\n")) == 2


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_are_outputs_of_the_network(tmp_path, label):
    (tmp_path / "x.csv").write_text(f"0,1,2\n{label},1,2\n")
    options = ("--widths", "2,4,3", "--input", tmp_path / "x.csv", "--label-column", 0)
    done = run("attack", *options, code=2)
    assert f"outputs of the network, from 0 to 2, got {label} at point 1" in done.stderr


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((2, 3)), "holds 2 points, and one is asked for: choose it by --row, from 0 to 1"),
        (np.ones((0, 3)), "must hold at least one point, got none"),
        (np.ones(0), "must have shape (3,) or (N, 3), got (0,)"),
        (np.ones((1, 2)), "must have shape (3,) or (N, 3), got (1, 2)"),
        (np.ones((2, 2, 3)), "must have shape (3,) or (N, 3), got (2, 2, 3)"),
        (np.float64(3), "must have shape (3,) or (N, 3), got ()"),
        (np.array(["a", "b", "c"]), "must hold real numbers, got dtype <U1"),
        (np.array([1, np.nan, 2]), "must be finite, got nan"),
    ],
)
def test_points_of_another_shape_or_kind_are_refused_by_the_file_s_name(tmp_path, array, message):
    path = tmp_path / "x.npy"
    np.save(path, array)
    for command in ["flips"] if "--row" in message else ["flips", "attack"]:
        done = run(command, "--widths", "3,4,1", "--input", path, code=2)
        assert done.stderr.startswith(f"randrelu: --input {path} {message}")


def test_a_folder_is_not_a_file_of_points(tmp_path):
    for suffix, message in [("", "must be a .npy or .csv file"), (".npy", ""), (".csv", "")]:
        folder = tmp_path / f"folder{suffix}"
        folder.mkdir()
        done = run("flips", "--widths", "3,4,1", "--input", folder, code=2)
        assert str(folder) in done.stderr and message in done.stderr
        assert done.stderr.startswith("randrelu: ") and "Traceback" not in done.stderr


def test_a_file_of_one_point_is_one_point_in_every_form(tmp_path):
    np.save(tmp_path / "row.npy", np.array([[1, -2, 3]]))
    np.save(tmp_path / "flat.npy", np.array([1.0, -2.0, 3.0]))
    (tmp_path / "column.csv").write_text("x\n1\n-2\n3\n")
    options = ("--widths", "3,40,1", "--samples", 20, "--seed", 1, "--json", "--input")
    row, flat, column = (
        run("flips", *options, tmp_path / name).stdout
        for name in ("row.npy", "flat.npy", "column.csv")
    )
    assert row == flat == column
    (tmp_path / "number.csv").write_text("2.5\n")
    out = run("attack", "--widths", "1,3,1", "--input", tmp_path / "number.csv", "--json").stdout
    assert len(json.loads(out)["success"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--widths", "3,4,1", "--relative-radii", "-1"), "relative-radii must be"),
        (("--widths", "3,4,1", "--relative-radii", "wide"), "relative-radii must be"),
        (("--widths", "3,4,1", "--relative-radii", "0.1,,1"), "relative-radii must be"),
        (("--widths", "3,4,1", "--relative-radii", "0.1,nan"), "relative-radii must be finite"),
        (("--widths", "3,4,1", "--samples", "0"), "--samples"),
        (("--widths", "3,4,1", "--plot", "x.xyz"), "plot must end in"),
        ((), "either --widths"),
    ],
)
def test_bad_usage_of_flips(arguments, message):
    assert message in run("flips", *arguments, code=2).stderr


def test_flips_refuses_radii_relative_to_nothing(tmp_path):
    (tmp_path / "zero.csv").write_text("0,0,0\n")
    found = run("flips", "--widths", "3,4,1", "--input", str(tmp_path / "zero.csv"), code=2)
    assert "x must not be 0" in found.stderr
