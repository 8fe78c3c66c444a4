"""The page of the dashboards: one HTML file with everything it needs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from dashboards.viewer.dashboard_session import DashboardSession

_LEFT_OUT = frozenset({"1h", "3h", "2w"})  # of a page that has all views in it, unless shown first
MAX_CHOICES = 12
"""Of a variable's choices, in a page that has all views in it."""
MAX_MONTHS = 4
"""Of the months with data, in a page that has all views in it; the newest ones."""

_MONTH = re.compile(r"\d{4}-\d{2}")
_PAGE = Path(__file__).parent / "page"
_ROOT = Path(__file__).parents[2]


Progress: TypeAlias = Callable[[int, int], None]
"""Takes the number of views that are drawn, and that of all."""


def _ignore(_done: int, _all: int) -> None: ...


class NoLibraryError(Exception):
    """The charting library is not installed. The text says what to do."""


def render_live_page(session: DashboardSession) -> str:
    """Render the page for a server, which sends it one view at a time.

    Raises:
        NoLibraryError: The charting library is not installed.
    """
    return _page(session.outline())


def render_complete_page(session: DashboardSession, on_progress: Progress = _ignore) -> str:
    """Render the page as a single file, with every view in it.

    Args:
        session: The views.
        on_progress: Called with the number of views that are drawn, and that of all.

    Raises:
        NoLibraryError: The charting library is not installed.
    """
    session = session.memoize()
    outline = session.outline()
    months = [key for key in session.ranges() if _MONTH.fullmatch(key)]
    left_out = _LEFT_OUT.union(months[MAX_MONTHS:]) - {outline["range"]}
    kept_ranges = session.ranges().keys() - left_out
    outline["ranges"] = [choice for choice in outline["ranges"] if choice["value"] in kept_ranges]
    if len(months) > MAX_MONTHS:
        outline["source"] += (
            f" This file has the last {MAX_MONTHS} months and all data. For another time, save it"
            " with FROM= and TO=, or do not save it."
        )
    keys = []
    for dashboard in outline["dashboards"]:
        kept = session.largest(dashboard["name"], MAX_CHOICES)
        if len(dashboard["choices"]) > len(kept):
            dashboard["label"] += f" ({len(kept)} of {len(dashboard['choices'])} by cost)"
        dashboard["choices"] = [
            choice for choice in dashboard["choices"] if choice["value"] in kept
        ]
        for value in [choice["value"] for choice in dashboard["choices"]] or [""]:
            keys += [(dashboard["name"], value, chosen) for chosen in kept_ranges]
    views = {}
    for number, key in enumerate(keys, 1):
        views["\n".join(key)] = session.view(*key)
        on_progress(number, len(keys))
    return _page({**outline, "views": views})


def write_page(session: DashboardSession, out: Path, on_progress: Progress = _ignore) -> None:
    """Write the page with every view in it, see `render_complete_page`.

    Raises:
        NoLibraryError: The charting library is not installed.
        OSError: It cannot be written.
    """
    page = render_complete_page(session, on_progress)
    out.parent.mkdir(exist_ok=True)
    out.write_text(page, encoding="utf-8")


def _page(data: Mapping[str, Any]) -> str:
    scripts = {"library": _library(), "script": (_PAGE / "page.js").read_text()}
    parts = {
        **scripts,
        "style": (_PAGE / "page.css").read_text(),
        "hashes": " ".join(f"'{_hash(script)}'" for script in scripts.values()),
        # Text of the logs' own choice must not end the element that it is in.
        "data": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
    }
    first, *rest = (_PAGE / "page.html").read_text().split("{{")
    named = (part.split("}}", 1) for part in rest)
    return first + "".join(parts[name] + text for name, text in named)


def _library() -> str:
    found = sorted(_ROOT.glob(".venv/echarts-*/node_modules/echarts/dist/echarts.min.js"))
    if not found:
        message = "the charting library is not installed: make preview and make demo install it."
        raise NoLibraryError(message)
    return found[-1].read_text()


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
