"""The page of the dashboards: one HTML file with everything it needs."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from dashboards.reports.workers import open_workers
from dashboards.viewer.dashboard_session import DashboardSession, View

_LEFT_OUT = frozenset({"1h", "3h", "2w"})  # of a page that has all views in it, unless shown first
MAX_CHOICES = 12
"""Of a variable's choices, in a page that has all views in it."""
MAX_MONTHS = 4
"""Of the months with data, in a page that has all views in it; the newest ones."""

MAX_NAMES = 100
"""Of the names that a page lists of what it leaves out."""

_MONTH = re.compile(r"\d{4}-\d{2}")
_PAGE = Path(__file__).parent / "page"
_ROOT = Path(__file__).parents[2]


_Key: TypeAlias = tuple[str, str, str]
"""The dashboard, choice and range of a view."""
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
    missing_months = [
        choice["label"] for choice in outline["ranges"] if choice["value"] in months[MAX_MONTHS:]
    ]
    outline["leftOut"] = [_list_names("Months", missing_months)] if missing_months else []
    outline["ranges"] = [choice for choice in outline["ranges"] if choice["value"] in kept_ranges]
    if len(months) > MAX_MONTHS:
        outline["source"] += (
            f" This file has the last {MAX_MONTHS} months and all data. For another time, save it"
            " with FROM= and TO=, or do not save it."
        )
    pages: list[list[_Key]] = []
    for dashboard in outline["dashboards"]:
        kept = session.largest(dashboard["name"], MAX_CHOICES)
        if len(dashboard["choices"]) > len(kept):
            others = [choice for choice in dashboard["choices"] if choice["value"] not in kept]
            names = [choice["label"] for choice in others]
            outline["leftOut"].append(_list_names(dashboard["label"], names))
            dashboard["label"] += f" ({len(kept)} of {len(dashboard['choices'])} by cost)"
        dashboard["choices"] = [
            choice for choice in dashboard["choices"] if choice["value"] in kept
        ]
        values = [choice["value"] for choice in dashboard["choices"]] or [""]
        pages += [[(dashboard["name"], value, key) for key in kept_ranges] for value in values]
    return _page({**outline, "views": _draw_views(session, pages, on_progress)})


def _list_names(kind: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{kind}: {', '.join(names[:MAX_NAMES])}{more}."


def _draw_views(
    session: DashboardSession, pages: Sequence[Sequence[_Key]], on_progress: Progress
) -> dict[str, str]:
    """Draw views, side by side where there is much to read; each as gzipped JSON, in base64."""
    count = sum(map(len, pages))
    views: dict[str, str] = {}
    workers = len(pages) if session.source.is_large else 1
    with open_workers(partial(_draw_page, session), workers) as draw_pages:
        for keys, drawn in zip(pages, draw_pages(pages), strict=True):
            for key, view in zip(keys, drawn, strict=True):
                views["\n".join(key)] = view
                on_progress(len(views), count)
    return views


def _draw_page(session: DashboardSession, keys: Sequence[_Key]) -> list[str]:
    return [_pack(session.view(*key)) for key in keys]


def _pack(view: View) -> str:
    text = json.dumps(view, separators=(",", ":")).encode()
    return base64.b64encode(gzip.compress(text, mtime=0)).decode()


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
