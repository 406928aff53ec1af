"""
A statement of the paper, checked
=================================

Every statement has a check: what is claimed, what was measured beside the exact law where there is
one, and a verdict. Here Theorem 1.1 is checked on 200 fresh networks.
"""

from pathlib import Path

import randrelu as rr
from randrelu.checks import STATEMENTS
from randrelu.figures.style import styled

# %%
# The theorem says that there is a step. So the check looks for the shortest one on the line along
# the gradient, exactly.

found = rr.check("theorem-1.1", widths=(784, 1000, 1000, 1), rng=0)
print(found)

# %%
# The paper leaves constants of its hypothesis open, so that the verdict on the hypothesis cannot be
# better than "open": the check says up to which constant these widths are enough.

print(found.hypothesis)

# %%
# The picture that the report draws of it: the sizes of the steps, beside the law of the linear one.

with styled():
    figure = STATEMENTS["theorem-1.1"].figure(found)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
