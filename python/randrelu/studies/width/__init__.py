"""What happens at very large width."""

from randrelu.studies.kind import Kind
from randrelu.studies.width.conclude import conclude
from randrelu.studies.width.grid import parts

STUDY = Kind(
    name="width",
    title="Very large width",
    question="Theorem 1.1 asks that no layer be exponentially wide in the narrowest one, and the "
    "paper leaves open what happens for very wide networks. Do gradient steps attack them, and how "
    "soon are they like networks of infinite width?",
    parts=parts,
    conclude=conclude,
    method=(
        "Networks are drawn from NN-DEF, all hidden layers of one width k, with deferred weights: "
        "exactly the law of a network with matrices, at a cost that grows with k and not with k². "
        "Each is attacked at (1, …, 1). Networks of infinite width are drawn, too, from their "
        "exact law; where that gives a number by itself, it is said to be exact.",
        "The linear step is −2f/‖∇f‖², which takes f to −f where f is linear. Other steps have the "
        "25 sizes 2^{j/4} ‖x‖/√d, j = −8 … 16, against the sign of f.",
        "The distance in law is (∫(F_k − F_∞)² dF_∞)^{1/2}, F_k the distribution of f after the "
        "linear step over f before it, F_∞ that at infinite width. Its square is estimated without "
        "bias from all pairs of networks; its interval has the distances that allow for it, and "
        "reaches 0 where the Cramér–von Mises test does not reject at 5 %. At depth 1 draws come "
        "from the exact law at width k, without networks. A(1 + (k/k₀)^h)^{−b/h} is fitted to the "
        "squares by weighted least squares from k = d/2 on, with h = 1 and with h = ½: how a "
        "distance bends into a power is not known, and decides which b a fit has. The interval of "
        "b is from the smallest to the largest that one of the two allows by its profile "
        "likelihood; where the curve misfits, it is wider.",
        "Whether anything changes above exp(√d) is asked of c in −A(k/d)^{−b} + c max(log k/√d − "
        "1, 0), fitted to what success lacks to that at infinite width, which is exact.",
        "Intervals are 95 %: exact (Clopper–Pearson) for shares, between order statistics for "
        "medians, and Student's for means. For flips, only the difference to "
        "what the arc-cosine map has for the network's own step is averaged, since the law of that "
        "step's size is known.",
        "Networks with signs on top have their matrices drawn and kept.",
    ),
)
