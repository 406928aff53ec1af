"""Runs the three studies at length, and keeps their pages and first pictures beside this script.

It takes more than two hours on two cores. What folders of earlier runs have is not run again:
`python docs/studies/refresh.py randrelu-depth randrelu-width …`.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import randrelu as rr

HERE = Path(__file__).parent
SEED = 1


def keep(study: rr.Study) -> None:
    """Keep a page, without the links to files that stay behind, and its first picture."""
    page = study.page.read_text(encoding="utf-8")
    page = re.sub(r'<a href="(?:tables|figures|results)[^"]*">([^<]*)</a>', r"\1", page)
    (HERE / f"{study.name}.html").write_text(page, encoding="utf-8")
    picture, _ = study.files(study.findings[0].slug)
    shutil.copy(study.folder / picture, HERE / f"{study.name}.png")
    print(study.name, study.answer, study.findings[0].sentence, sep="\n")


def main(folders: list[str]) -> None:
    """Run what no folder has."""
    found = {json.loads((Path(f) / "results.json").read_bytes())["study"]: f for f in folders}
    for name in ("depth", "width", "training"):
        keep(rr.study(name, found.get(name), full=True, rng=SEED, executor=2))


if __name__ == "__main__":
    main(sys.argv[1:])
