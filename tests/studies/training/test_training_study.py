"""What is concluded from networks that were trained, at a toy size and from tables made up."""

import numpy as np
import pytest
import randrelu as rr
from randrelu.pages.draw import draw
from randrelu.studies import columns
from randrelu.studies.estimates import Estimate
from randrelu.studies.training import STUDY, grid
from randrelu.studies.training.intervals import mean_share, median, middle, ratio
from randrelu.studies.training.trained import trained
from scipy.stats import binomtest, quantile_test

TOY = {"data": "digits", "trainer": "sklearn", "epochs": 2, "images": 2, "training_images": 100}


@pytest.fixture(scope="module")
def tables():
    shapes = [{"width": w, "depth": d, **TOY} for w, d in ((4, 1), (6, 2))]
    sweeps = {
        "networks": rr.sweep("training", points=shapes, trials=2, rng=0),
        "linear": rr.sweep("training", points=[{"depth": 0, **TOY}], trials=2, rng=0),
    }
    assert not any(sweep.failures for sweep in sweeps.values())
    return {slug: columns.of(sweep.to_arrow()) for slug, sweep in sweeps.items()}


def drawn(conclusion):
    for finding in conclusion.findings:
        figure = draw(finding.figure)
        assert figure.png.startswith(b"\x89PNG") and figure.svg
        assert finding.sentence.endswith((".", ".)")) and "nan" not in finding.sentence
    return conclusion


def made_up(count=20, step_changes=True, random_changes=False, gap=0.1, **columns_of):
    """Networks of two checkpoints and one image each."""
    rows = 2 * count
    found = {
        "width": np.full(rows, 8), "depth": np.ones(rows, int), "trial": np.repeat(range(count), 2),
        "epoch": np.tile([0, 1], count), "last": np.tile([False, True], count),
        "image": np.arange(rows), "dim": np.full(rows, 16), "units": np.full(rows, 8),
        "loss": np.full(rows, 0.005), "accuracy": np.tile([0.1, 0.9], count),
        "correct": np.full(rows, True), "step": np.tile([0.25, 0.5], count),
        "along": np.tile([0.125, 0.25], count), "attained": np.tile([0.1, 0.2], count),
        "certified": np.tile([0.05, 0.1], count), "flips": np.full(rows, 2.0),
        "gap": np.full(rows, gap), "turn_median": np.full(rows, 0.1),
        "turn_sampled": np.full(rows, 0.2), "turn_attained": np.full(rows, 0.3),
        "step_changes": np.full(rows, step_changes),
        "random_changes": np.full(rows, random_changes),
    }  # fmt: skip
    return {"networks": found | columns_of}


def test_a_toy_study_ends_in_figures_and_sentences(tables):
    found = drawn(STUDY.conclude(tables))
    slugs = ["accuracy", "one-step", "distance", "flips", "gradient", "linear-model"]
    assert [finding.slug for finding in found.findings] == slugs
    assert found.answer.startswith("Too little was measured to say more than this of 4 networks")
    assert any("d = 64" in limit for limit in found.limits)


def test_numbers_are_medians_over_networks_of_those_over_images(tables):
    table, nets = tables["networks"], trained(tables["networks"])
    assert nets.epochs.tolist() == [0, 1, 2] and nets.count == 4 and nets.images == 2
    for n in range(4):
        mine = (table["width"] == nets.width[n]) & (table["trial"] == n % 2)
        for e, epoch in enumerate(nets.epochs):
            rows = mine & (table["epoch"] == epoch)
            steps = np.where(np.isnan(table["step"]), np.inf, table["step"])[rows]
            assert nets.of["step"][n, e] == pytest.approx(8 * np.median(steps))
            assert nets.of["step_changes"][n, e] == table["step_changes"][rows].mean()
            shares = table["flips"][rows] / table["units"][rows]
            assert nets.of["flip_share"][n, e] == np.nanmedian(shares)
    step = STUDY.conclude(tables).findings[0].numbers["ends"]["after"]["step"]
    assert step.value == np.median(nets.of["step"][:, 2]) and step.holds(step.value)


def test_a_network_stays_what_it_is_after_its_training():
    table = made_up(2)["networks"]
    table["epoch"][3] = 4
    nets = trained(table)
    assert nets.epochs.tolist() == [0, 1, 4] and nets.ended.tolist() == [1, 4]
    assert nets.of["accuracy"].tolist() == [[0.1, 0.9, 0.9], [0.1, 0.1, 0.9]]
    assert nets.of["step"].tolist() == [[1, 2, 2], [1, 1, 2]]  # 0.25 √16, 0.5 √16


ANSWERS = {
    "both": ({}, "are attacked by one linear step, as random ones are: it"),
    "neither": ({"step_changes": False}, "Neither for trained networks nor for random ones"),
    "chance": ({"random_changes": True}, "Neither for trained networks nor for random ones"),
    "only-random": ({"step_changes": np.tile([True, False], 20)}, "is not supported: it changes"),
    "only-trained": (
        {"step_changes": np.tile([False, True], 20)},
        "that random ones are is not supported: it",
    ),
    "bent": ({"gap": 0.9}, "That they are nearly linear is not supported"),
    "linear": ({}, "What explains it at random networks, near linearity, holds after"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_the_answer_is_that_of_the_numbers(case):
    given, words = ANSWERS[case]
    assert words in STUDY.conclude(made_up(**given)).answer


def test_sentences_can_say_the_opposite():
    found = {f.slug: f.sentence for f in STUDY.conclude(made_up()).findings}
    assert "the linear step grows, from 1" in found["accuracy"]
    assert "not for certain more or fewer" in found["flips"]
    assert "not for certain more or less" in found["gradient"]
    shrinking = made_up(step=np.tile([0.5, 0.25], 20), flips=np.tile([4.0, 2.0], 20))
    found = {f.slug: f.sentence for f in STUDY.conclude(shrinking).findings}
    assert "the linear step falls, from 2" in found["accuracy"] and ": fewer" in found["flips"]


MISSING = ("step", "along", "attained", "certified", "gap", "flips", "turn_median",
           "turn_sampled", "turn_attained")  # fmt: skip


@pytest.mark.parametrize("count", [1, 7])
def test_tables_where_nothing_was_found_are_survived(count):
    nothing = dict.fromkeys(MISSING, np.full(2 * count, np.nan))
    found = drawn(STUDY.conclude(made_up(count, **nothing)))
    assert "Its median size is ∞" in found.answer
    assert all("unknown" in finding.sentence for finding in found.findings[:3:2])
    assert ("Too little" in found.answer) == (count == 1)


def test_no_tables_are_survived():
    assert STUDY.conclude({}).answer == "No network was trained, so nothing can be said."


@pytest.mark.parametrize(("yes", "of"), [(0, 7), (3, 7), (7, 7), (50, 60)])
def test_the_interval_of_yes_and_no_is_that_of_clopper_and_pearson(yes, of):
    exact = binomtest(yes, of).proportion_ci(0.95, "exact")
    found = mean_share(np.repeat([1.0, 0.0, np.nan], [yes, of - yes, 3]))
    told = (found.value, found.low, found.high)
    assert told == pytest.approx((yes / of, exact.low, exact.high), rel=1e-9)
    assert found.networks == of


def test_the_interval_of_shares_covers():
    """The mean 1/3 of shares of law Beta(1, 2), in at least 95 % of samples up to chance."""
    rng = np.random.default_rng(0)
    found = [mean_share(rng.beta(1, 2, 15)) for _ in range(400)]
    assert np.mean([one.holds(1 / 3) for one in found]) >= 0.95


@pytest.mark.parametrize("count", [6, 7, 11, 12, 54])
def test_the_interval_of_a_median_is_that_of_the_sign_test(count):
    values = np.random.default_rng(count).standard_normal(count)
    exact = quantile_test(values, p=0.5).confidence_interval(0.95)
    found = median(np.r_[values, np.nan])
    assert found == Estimate(np.median(values), exact.low, exact.high, count)


def test_few_networks_do_not_bound_a_median():
    """All 5 are above it with probability 1/32, which is more than 2.5 %."""
    assert median(np.arange(5.0)) == Estimate(2, -np.inf, np.inf, 5)


def test_the_interval_of_a_ratio_is_that_of_the_law():
    """Of medians of lognormal numbers: its logarithm has the standard error √(π/2 · 2/n)."""
    rng = np.random.default_rng(0)
    above, below = np.exp(rng.standard_normal((2, 4000)))
    found = ratio(3 * above, below)
    assert found.value == 3 * np.median(above) / np.median(below)
    error = np.sqrt(np.pi / 4000)
    # The density at the median, which the bootstrap estimates, is within a quarter here.
    assert 0.75 < np.log(found.high / found.low) / (2 * 1.96 * error) < 1.25 and found.holds(3)
    assert np.isnan(ratio(above, 0 * below).value)


def test_medians_of_what_was_not_found():
    inf, nan = np.inf, np.nan
    assert middle(np.array([1, inf, nan, 3])) == 3 and middle(np.array([1, inf])) == inf
    assert middle(np.array([inf, inf])) == inf and np.isnan(middle(np.array([nan])))


@pytest.mark.parametrize("full", [False, True])
def test_parts_are_networks_the_linear_model_and_neighbours(full):
    networks, linear, *others = grid.parts(full)
    slugs = ["lazy-ball", "lazy-travel", "boundary-random", "boundary-trained"]
    assert [part.slug for part in (networks, linear)] == ["networks", "linear"]
    assert [part.slug for part in others] == slugs
    shapes = {(p["width"], p["depth"]) for p in networks.points}
    assert shapes >= {(w, d) for w in (32, 128, 512) for d in (1, 2, 4)}
    assert [p["depth"] for p in linear.points] == [0] and linear.trials >= networks.trials
    assert {p["trainer"] for p in networks.points} == {"sklearn"}


def test_options_reach_the_points(tmp_path, monkeypatch):
    path = tmp_path / "some.csv"
    rows = np.random.default_rng(0).integers(0, 9, (40, 7))
    rows[:, 6] %= 3
    np.savetxt(path, rows, fmt="%d", delimiter=",")
    monkeypatch.chdir(tmp_path)
    networks, _ = grid.parts(False, data="some.csv", label_column=6)  # not of the digits: no more
    point = networks.points[0]
    assert point["data"] == str(path) and point["label_column"] == 6 and len(point["sha256"]) == 64
    small = {**point, "width": 5, "depth": 1, "epochs": 1, "images": 2}
    assert not rr.sweep("training", points=[small], trials=1, rng=0).failures
    path.write_text(path.read_text() + "1,2,3,4,5,6,0\n")
    (failure,) = rr.sweep("training", points=[small], trials=1, rng=0).failures
    assert "not the file that it was" in failure.error


REFUSED = {
    "missing": ({"data": "no.npz"}, "no file at"),
    "column": ({"label_column": 3}, "label_column is for a .csv file"),
    "trainer": ({"trainer": "jax"}, "trainer must be one of 'sklearn', 'torch'"),
}


def test_data_is_a_path():
    with pytest.raises(TypeError, match="data must be 'digits', or the path of a file, got 3"):
        rr.study("training", data=3)


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_named(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        rr.study("training", tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_too_few_images_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.eye(20), labels=np.arange(20) % 2)
    with pytest.raises(ValueError, match=r"at least 24 images, of which 6 are measured .* got 20"):
        grid.parts(False, data=str(tmp_path / "a.npz"))
