"""The paper's statements, a module each, which ends with its `STATEMENT`."""

from __future__ import annotations

from importlib import import_module

from randrelu.checks.statement import Statement

# In the order of the paper, which is that of the report and of the guide's table.
_MODULES = (
    "theorem_1_1",
    "theorem_1_1_scaling",
    "eq_1",
    "lemma_2_1",
    "lemma_2_2",
    "gd_decomp",
    "nn_decomp",
    "lemma_2_3",
    "claim_2_4",
    "lemma_2_5",
    "lemma_2_6",
    "claim_2_7",
    "lemma_2_8",
    "theorem_3_1",
    "lemma_3_2",
    "lemma_a_4",
    "theorem_b_1",
    "eqs_9_12",
    "fact_b_2",
    "lemma_c_1",
    "theorem_c_2",
    "theorem_c_3",
    "corollary_c_4",
    "lemma_c_5",
    "lemma_c_6",
    "figure_1",
)
_STATEMENTS: list[Statement] = [
    import_module(f"{__name__}.{module}").STATEMENT for module in _MODULES
]
STATEMENTS = {statement.name: statement for statement in _STATEMENTS}
