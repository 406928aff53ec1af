"""Whether trained networks are nearly linear, and fall to one step for that reason."""

from randrelu.studies.kind import Kind
from randrelu.studies.training.conclude import MOST, NEAR, conclude
from randrelu.studies.training.grid import FULL, QUICK, parts
from randrelu.studies.training.neighbours import conclude as neighbours
from randrelu.sweeps.experiments.images import HELD_OUT
from randrelu.sweeps.experiments.trainers import BATCH, RATE
from randrelu.sweeps.experiments.training import CONVERGED, SAMPLES

STUDY = Kind(
    name="training",
    title="Trained networks",
    question=(
        "Do trained networks keep the nearly linear behaviour of random ones, and have adversarial "
        "examples for the same reason?"
    ),
    parts=parts,
    conclude=conclude,
    method=(
        "A trial trains one network from scratch, and the linear model of the same images alike, "
        f"as one without hidden layers. A random 1/{HELD_OUT} of the images, another one in each "
        "trial, is held out; some of it is measured, and of the rest at most "
        f"{QUICK['training_images']} ({FULL['training_images']} in a long run) are trained on. "
        "Pixels are divided by the largest of all. "
        "Weights and biases start uniform in ±√(6/(fan_in + fan_out)). Adam (rate "
        f"{RATE:g}, β₁ = 0.9, β₂ = 0.999) minimises the mean cross-entropy in shuffled batches of "
        f"{BATCH}, without weight decay, until the cross-entropy of the training images is at most "
        f"{CONVERGED:g} at a checkpoint, or to the last epoch. The checkpoints are the epochs 0 "
        "(the weights that training starts from), 1, 2, 4, …; a network whose training has ended "
        "stays what it is in the later ones.",
        "At a checkpoint f is the margin of the decision at an image x over the runner-up, whether "
        "it is right or not. The linear step −2f∇f/‖∇f‖² would turn f into −f if f were linear; it "
        "changes the decision if another output is the largest after it. The smallest step along "
        "the gradient to another decision, which is nearly always one down, is exact, as the "
        "network is followed along the line; so "
        "are the units that flip on the way, and the largest distance of f from its tangent there, "
        "which is given over f(x). A random direction is uniform, and the same for an image at all "
        "checkpoints.",
        "The distance to the nearest other decision, in the Euclidean norm, is attained by a point "
        "that was found, and certified from below by bounds that no point exceeds, at the first "
        "checkpoint and the last. In the ball of the distance attained the gradient of f is "
        f"sampled at {SAMPLES} points, and an ascent finds where it differs most, at the first "
        "checkpoint and the last, too.",
        "Numbers of a network are medians over its images, or shares of them; intervals are of "
        "95 % over the networks: between order statistics for medians, by the bootstrap for the "
        "ratio to the linear model, and for shares those of Clopper and Pearson with a network for "
        "each trial, which are rather too wide. ∞ is what is larger than all that was found.",
        "One step is said to attack networks where it changes more than "
        f"{100 * MOST:g} % of the decisions and more than a random direction does, and they are "
        f"called nearly linear where the margin departs by less than {100 * NEAR:g} % of itself "
        "in the median; both with the whole interval.",
        "What neighbours of the paper say is looked at on the digits alone, in other networks:",
        *neighbours.METHOD,
    ),
)
