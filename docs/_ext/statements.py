"""Writes the page of the paper's statements, from the registry that the checks come from."""

import re
from pathlib import Path

from randrelu.checks import STATEMENTS, words
from randrelu.reproduction.plan import PLAN

# Where the paper has them; the build stops where a statement lacks its section.
SECTIONS = {
    "theorem-1.1": "1", "theorem-1.1-scaling": "1", "eq-1": "1", "lemma-2.1": "2",
    "lemma-2.2": "2.1", "gd-decomp": "2.2", "nn-decomp": "2.3", "lemma-2.3": "2.3",
    "claim-2.4": "2.3", "lemma-2.5": "2.3", "lemma-2.6": "2.4", "claim-2.7": "2.4",
    "lemma-2.8": "2.4", "theorem-3.1": "3", "lemma-3.2": "3", "lemma-a.4": "A.4",
    "theorem-b.1": "B", "eqs-9-12": "B", "fact-b.2": "B", "lemma-c.1": "C", "theorem-c.2": "C",
    "theorem-c.3": "C", "corollary-c.4": "C", "lemma-c.5": "C", "lemma-c.6": "C", "figure-1": "D",
}  # fmt: skip
HEAD = """\
:tocdepth: 2

The paper's statements
======================

Every statement that can be checked, in the order of the paper, with the paper's section, what it
claims, the conclusions its check may come to, where the paper slips, a command that checks it, and
the parameters of the check, which ``rr.check(name, …)`` takes, too.
:doc:`/guide/statements` says how to read a verdict: the conclusion where the hypothesis is met, and
else that it is open or not met. :func:`randrelu.check` has the parameters that most checks share.

.. This page is written at every build, by docs/_ext/statements.py.

"""


def title(name):
    """Return a statement's name as the paper writes it."""
    special = {
        "theorem-1.1-scaling": "Theorem 1.1: the power of d",
        "gd-decomp": "(GD-DECOMP)",
        "nn-decomp": "(NN-DECOMP)",
        "eq-1": "Eq. (1)",
        "eqs-9-12": "Eqs. (9) – (12)",
    }
    kind, _, number = name.partition("-")
    return special.get(name, f"{kind.capitalize()} {number.upper()}")


def slips(page):
    """Return the rows of the page of misprints: place, printed, meant, how it is seen."""
    rows = re.findall(r"^\| (.*) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    cells = [re.split(r"(?<!\\) \| ", row) for row in rows]
    return [row for row in cells if row[0] != "place" and not row[0].startswith("---")]


def concerns(place, name):
    """Tell whether the place of a misprint is this statement or its proof."""
    special = {
        "theorem-1.1-scaling": r"(?!)",  # those of the theorem are listed there
        "eq-1": r"Eq\. \(1\)",
        "eqs-9-12": r"Eq\. \((9|10|11|12)\)",
        "figure-1": r"Figure 1$",
        "gd-decomp": r"\(GD-DECOMP\)",
        "nn-decomp": r"\(NN-DECOMP\)",
    }
    number = re.escape(name.partition("-")[2].upper())
    return bool(re.search(special.get(name, rf"(?<![\w.]){number}(?![\w.])"), place))


def command(name):
    """Return the command that checks a statement as `randrelu reproduce` does."""
    run = next(run for run in PLAN if run.statement == name)
    return words.command_with(name, run.parameters(full=False))


def section(name, statement, misprints):
    """Return the part of the page that is about one statement, in reStructuredText."""
    heading = f"{title(name)}: ``{name}``"
    lines = [
        f".. _statement-{name}:", "", heading, "-" * len(heading), "",
        f"*Section {SECTIONS[name]} of the paper.*" if SECTIONS[name][0].isdigit()
        else f"*Appendix {SECTIONS[name]} of the paper.*", "",
        f"    {escape(statement.claim)}", "",
        f"**Conclusions it may come to:** {', '.join(statement.may)}.", "",
        ".. code-block:: sh", "", f"   {command(name)}", "",
    ]  # fmt: skip
    if misprints:
        lines += ["**Slips of the paper** (:doc:`all of them </slips>`):", ""]
        for place, printed, meant, _ in misprints:
            lines += [f"* {escape(place)}. As printed: {escape(printed)}. True or meant: "
                      f"{escape(meant)}."]  # fmt: skip
        lines += [""]
    module = statement.run.__module__
    lines += [f".. py:module:: {module}", "", ".. autofunction:: run", "   :no-index-entry:", ""]
    return lines


def escape(text):
    """Return plain text, of Markdown's or ours, as reStructuredText shows it."""
    return re.sub(r"([*|`_])", r"\\\1", text.replace("\\|", "|"))


def write(app):
    """Write the page, at the beginning of a build."""
    lacking = set(STATEMENTS) ^ set(SECTIONS)
    assert not lacking, f"docs/_ext/statements.py must have the sections of {lacking}"
    rows = slips(Path(app.srcdir) / "slips.md")
    lines = [HEAD]
    for name, statement in STATEMENTS.items():
        mine = [row for row in rows if concerns(row[0], name)]
        lines += section(name, statement, mine)
    page = Path(app.srcdir) / "made" / "statements.rst"
    page.parent.mkdir(exist_ok=True)
    text = "\n".join(lines)
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


def setup(app):
    """Register the page with Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
