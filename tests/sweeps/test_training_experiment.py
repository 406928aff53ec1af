"""The experiment that trains: its rows beside NumPy's own numbers of its network."""

import numpy as np
import pytest
import randrelu as rr
from randrelu.sweeps.experiments.images import Images, load
from randrelu.sweeps.experiments.trainers import begin
from randrelu.sweeps.experiments.training import checkpoints, training
from sklearn.linear_model import LogisticRegression

SMALL = {"width": 10, "depth": 2, "epochs": 3, "images": 3, "training_images": 200}


class InNumPy:
    """A network by its weights, in float64."""

    def __init__(self, net):
        hidden = range(1, net.depth + 2)
        self.layers = [(net.weights(i).astype(float), net.bias(i).astype(float)) for i in hidden]

    def __call__(self, x):
        """The outputs at points (N, d), and which units are active."""
        active = []
        for w, b in self.layers[:-1]:
            x = x @ w.T + b
            active.append(x > 0)
            x = np.maximum(x, 0)
        w, b = self.layers[-1]
        return x @ w.T + b, active

    def margin(self, x, top, other):
        outputs, _ = self(np.atleast_2d(x))
        return outputs[:, top] - outputs[:, other]

    def gradient(self, x, top, other):
        _, active = self(x[np.newaxis])
        row = self.layers[-1][0][top] - self.layers[-1][0][other]
        for (w, _), on in zip(self.layers[-2::-1], active[::-1], strict=True):
            row = (row * on[0]) @ w
        return row

    def steepest(self):
        return 2 * np.prod([np.linalg.norm(w, 2) for w, _ in self.layers])


def trained(seed, params, epochs):
    """The network of a trial after some epochs, its images, and directions, drawn as it draws."""
    rng, digits = np.random.default_rng(seed), load("digits")
    order = rng.permutation(1797)
    held, seen = order[:449], order[449:][: params["training_images"]]
    learner = begin(
        "sklearn",
        (params["width"],) * params["depth"],
        Images(digits.pixels[seen], digits.labels[seen], 10),
        rng,
    )
    ways = rng.standard_normal((params["images"], 64))
    for _ in range(epochs):
        learner.epoch()
    return InNumPy(learner.network()), digits, held, seen, ways


@pytest.mark.parametrize("epoch", [0, 3])
def test_rows_are_numbers_of_the_network(epoch):
    rows = [r for r in training(np.random.default_rng(2), **SMALL) if r["epoch"] == epoch]
    net, digits, held, seen, ways = trained(2, SMALL, epoch)
    outputs, _ = net(digits.pixels[held].astype(float))
    right = outputs.argmax(axis=1) == digits.labels[held]
    fit, _ = net(digits.pixels[seen].astype(float))
    chances = np.exp(fit) / np.exp(fit).sum(axis=1, keepdims=True)
    loss = -np.log(chances[np.arange(len(seen)), digits.labels[seen]]).mean()
    assert len(rows) == 3 and [r["image"] for r in rows] == held[:3].tolist()
    for n, row in enumerate(rows):
        assert row["accuracy"] == right.mean() and row["correct"] == right[n]
        assert row["loss"] == pytest.approx(loss, rel=1e-12)
        assert (row["dim"], row["units"], row["last"]) == (64, 20, epoch == 3)
        one_image(net, digits.pixels[held[n]].astype(float), outputs[n], ways[n], row)


def one_image(net, x, outputs, way, row):
    """Compare a row with what NumPy finds at its image."""
    other, top = np.argsort(outputs)[-2:]
    size, f, slope = np.linalg.norm(x), outputs[top] - outputs[other], net.gradient(x, top, other)
    steep = np.linalg.norm(slope)
    assert row["step"] == pytest.approx(2 * f / (steep * size), rel=1e-10)

    def decided(y):
        return net(np.atleast_2d(y))[0].argmax(axis=1)

    down = -slope / steep
    assert row["step_changes"] == (decided(x + row["step"] * size * down)[0] != top)
    aside = x + row["step"] * size * way / np.linalg.norm(way)
    assert row["random_changes"] == (decided(aside)[0] != top)
    end = row["along"] * size
    t = np.linspace(0, end * (1 - 1e-9), 50_001)
    for way in (down, -down):
        assert (decided(x + t[:, None] * way) == top).all()
    (sign,) = (s for s in (-1, 1) if decided(x - s * end * (1 + 1e-9) * down)[0] != top)
    passed = x - sign * t[:, None] * down
    gaps = np.abs(net.margin(passed, top, other) - (f + sign * t * steep))
    between = net.steepest() * (t[1] - t[0])  # of two points, and of the end
    assert gaps.max() - 1e-10 <= row["gap"] * f <= gaps.max() + between
    flips = sum(np.count_nonzero(a[1:] != a[:-1]) for a in net(passed)[1])
    assert row["flips"] == flips
    within = np.random.default_rng(0).standard_normal((5000, 64))
    within *= (row["certified"] * size / np.linalg.norm(within, axis=1))[:, None]
    assert (decided(x + within) == top).all()
    assert 0 < row["certified"] <= row["attained"] <= row["along"] * (1 + 1e-9)
    around = net_turns(net, x, top, other, row["attained"] * size)
    assert row["turn_median"] <= row["turn_sampled"] and around.min() <= row["turn_median"]
    assert row["turn_attained"] <= around_bound(net, slope)


def net_turns(net, x, top, other, radius):
    """How much the gradient differs at points of the sphere."""
    ways = np.random.default_rng(1).standard_normal((50, 64))
    points = x + radius * ways / np.linalg.norm(ways, axis=1, keepdims=True)
    here = net.gradient(x, top, other)
    turns = [np.linalg.norm(net.gradient(y, top, other) - here) for y in points]
    return np.array(turns) / np.linalg.norm(here)


def around_bound(net, slope):
    return 1 + net.steepest() / np.linalg.norm(slope)


def test_the_linear_model_has_distances_in_closed_form():
    """From the boundary of each other output; certified to half a percent."""
    params = {"depth": 0, "epochs": 8, "images": 5, "training_images": 300}
    rows = [r for r in training(np.random.default_rng(1), **params) if r["last"]]
    net, digits, held, _, _ = trained(1, {**params, "width": 0}, 8)
    ((w, b),) = net.layers
    for row, x in zip(rows, digits.pixels[held[:5]].astype(float), strict=True):
        outputs = w @ x + b
        top = outputs.argmax()
        others = np.delete(np.arange(10), top)
        gaps = np.linalg.norm(w[top] - w[others], axis=1)
        exact = ((outputs[top] - outputs[others]) / gaps).min() / np.linalg.norm(x)
        assert row["certified"] <= exact * (1 + 1e-12) and row["certified"] >= 0.994 * exact
        assert exact * (1 - 1e-12) <= row["attained"] <= exact * (1 + 1e-6)
        assert row["step_changes"] and row["flips"] == 0 and row["gap"] < 1e-12
        assert row["turn_sampled"] == row["turn_attained"] == 0 and row["units"] == 0


def test_the_linear_model_learns_what_scikit_learn_does():
    """Without a penalty both minimise the cross-entropy; they agree on most images."""
    params = {"depth": 0, "epochs": 64, "images": 1, "training_images": 1348}
    row = training(np.random.default_rng(1), **params)[-1]
    _, digits, held, seen, _ = trained(1, {**params, "width": 0}, 0)
    own = LogisticRegression(C=100.0, max_iter=300).fit(digits.pixels[seen], digits.labels[seen])
    theirs = own.score(digits.pixels[held], digits.labels[held])
    assert abs(row["accuracy"] - theirs) < 3 * np.sqrt(2 * theirs * (1 - theirs) / 449)


def test_training_ends_where_the_loss_is_small():
    params = {"width": 200, "depth": 2, "epochs": 1000, "images": 1, "training_images": 300}
    rows = training(np.random.default_rng(0), **params)
    losses = [row["loss"] for row in rows]
    assert all(loss > 0.01 for loss in losses[:-1]) and losses[-1] <= 0.01
    assert [row["epoch"] for row in rows] == [0, *(2**k for k in range(len(rows) - 1))]
    assert [row["last"] for row in rows] == [False] * (len(rows) - 1) + [True]
    for name in ("certified", "turn_attained"):
        assert [row[name] is None for row in rows] == [
            0 < k < len(rows) - 1 for k in range(len(rows))
        ]


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(1, (0, 1)), (2, (0, 1, 2)), (8, (0, 1, 2, 4, 8)), (9, (0, 1, 2, 4, 8, 9))],
)
def test_checkpoints(epochs, expected):
    assert checkpoints(epochs) == expected


@pytest.mark.parametrize("name", ["sklearn", "torch"])
def test_the_same_seed_gives_the_same_rows_on_any_number_of_threads(name):
    pytest.importorskip("torch" if name == "torch" else "sklearn")
    point = {**SMALL, "epochs": 1, "images": 2, "trainer": name}
    one, two, three = (
        rr.sweep("training", points=[point], trials=1, rng=rng, threads=threads).to_arrow()
        for rng, threads in ((0, 1), (0, 2), (1, 1))
    )
    assert one.equals(two) and not one.equals(three) and one.num_rows == 2 * 2


REFUSED = {
    "depth": ({"depth": -1, "width": 3}, "depth must be at least 0, got -1"),
    "trainer": ({"trainer": "jax"}, "trainer must be one of 'sklearn', 'torch', got 'jax'"),
    "epochs": ({"epochs": 0}, "epochs must be at least 1"),
    "images": ({"images": 0}, "images must be at least 1"),
    "training_images": ({"training_images": 0}, "training_images must be at least 1"),
    "sha256": ({"sha256": "abc"}, "sha256 must have 64 hexadecimal digits"),
    "dim": ({"dim": 4}, "training does not take 'dim'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_named(case):
    given, words = REFUSED[case]
    point = {"depth": 1, "width": 4, **given}
    with pytest.raises(ValueError, match=words):
        rr.sweep("training", points=[point], trials=1)


def test_types_are_named():
    for given, words in (
        ({"data": 3}, "data must be a text, got 3"),
        ({"label_column": 0.5}, "label_column must be an integer"),
    ):
        with pytest.raises(TypeError, match=words):
            rr.sweep("training", points=[{"depth": 1, "width": 4, **given}], trials=1)


def test_a_width_is_needed():
    with pytest.raises(ValueError, match="training needs width"):
        training(np.random.default_rng(0), depth=2)


def test_too_few_images_are_named():
    with pytest.raises(ValueError, match="at least 2000 images, of which 500 are measured"):
        training(np.random.default_rng(0), depth=1, width=4, images=500)


@pytest.mark.parametrize("name", ["sklearn", "torch"])
def test_a_class_that_is_in_no_image_trained_on_is_an_output_all_the_same(name, tmp_path):
    """It is the last one, of a single image, which is held out with this seed."""
    pytest.importorskip("torch" if name == "torch" else "sklearn")
    rng = np.random.default_rng(0)
    labels = np.r_[np.arange(39) % 3, 3]
    assert 39 in np.random.default_rng(4).permutation(40)[:10]
    np.savez(tmp_path / "a.npz", images=rng.random((40, 6)), labels=labels)
    rows = training(
        np.random.default_rng(4), data=str(tmp_path / "a.npz"), trainer=name,
        depth=1, width=5, epochs=2, images=2,
    )  # fmt: skip
    assert len(rows) == 6 and all(0 < row["loss"] < 10 for row in rows)
