"""What a notebook shows of a result: its line, a small table, and a picture where it has one."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_ROWS = 20
_MOST_COLUMNS = 12
_MOST_LETTERS = 200  # of a cell
_DOTS_PER_INCH = 90

Columns = Mapping[str, Any]  # sequences of one length


class Shown:
    """What notebooks show as a table; a result overrides where its table or picture comes from."""

    def _shown_columns(self) -> Columns:
        """Return the columns of the table; by default those of ``columns()``."""
        columns: Columns = self.columns()  # type: ignore[attr-defined]
        return columns

    def _shown_words(self) -> str:
        """Return what is said above the table besides the line; by default nothing."""
        return ""

    def _shown_picture(self) -> Figure | None:
        """Return the picture; by default there is none."""
        return None

    def _repr_html_(self) -> str:
        """Return what a notebook shows: no scripts, and no colours of its own but a picture's."""
        line, words = repr(self), self._shown_words()
        parts = [f"<p><code>{escape(line)}</code></p>"]
        if words:
            parts.append(f"<p>{escape(words)}</p>")
        parts += [table(self._shown_columns()), self._image(line)]
        return f"<div>{''.join(parts)}</div>"

    def _image(self, words: str) -> str:
        try:
            picture = self._shown_picture()
            if picture is None:
                return ""
            file = io.BytesIO()
            picture.savefig(file, format="png", dpi=_DOTS_PER_INCH, facecolor="white")
        except Exception:  # Matplotlib is an extra, and the table says more
            return ""
        data = base64.b64encode(file.getvalue()).decode()
        return (
            f'<img src="data:image/png;base64,{data}" alt="{escape(words)}" '
            'style="max-width: 100%; background: white">'
        )


def table(columns: Columns) -> str:
    """Return columns as an HTML table: their first rows, and how many more there are."""
    rows = max((len(column) for column in columns.values()), default=0)
    if not rows:
        return "<p>no rows</p>"
    shown = dict(islice(columns.items(), _MOST_COLUMNS))
    head = "".join(f"<th>{escape(name)}</th>" for name in shown)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(_words(column[k]))}</td>' for column in shown.values())}</tr>"
        for k in range(min(rows, _MOST_ROWS))
    )
    more = [
        f"{number} more {what}"
        for number, what in ((rows - _MOST_ROWS, "rows"), (len(columns) - len(shown), "columns"))
        if number > 0
    ]
    rest = f"<p>… and {' and '.join(more)}</p>" if more else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _words(value: Any) -> str:
    """Return what a cell says: numbers with four digits, and what is not there as nothing."""
    if value is None:
        return ""
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if isinstance(value, (np.ndarray, Sequence)) and not isinstance(value, str):
        value = ", ".join(_words(part) for part in islice(value, _MOST_COLUMNS + 1))
    text = str(value)
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
