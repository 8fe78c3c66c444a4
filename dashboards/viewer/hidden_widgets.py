"""Widgets that a source has nothing for: they are left out, and those below them move up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.viewer.bodies import Body, find_metric_names
from dashboards.viewer.drawings import NOTHING, Drawing, Source

_COLUMNS = 24
_MIN_SHOWN_PART = 1 / 3


def has_enough(body: Body, source: Source) -> bool:
    """Say if a source has at least a third of a dashboard's widgets."""
    widgets = [widget for widget in body.widgets() if widget["type"] != "text"]
    shown = [widget for widget in widgets if not _is_missing(widget, source)]
    return len(shown) >= _MIN_SHOWN_PART * len(widgets)


def find_missing_namespaces(body: Body, source: Source) -> list[str]:
    """Find the namespaces of a dashboard's metrics that a source does not have, in order."""
    found = {
        namespace
        for widget in body.widgets()
        for namespace, _ in find_metric_names(widget["properties"].get("metrics", []))
    }
    return sorted(found - source.namespaces) if source.namespaces else []


def hide_missing(
    widgets: Sequence[Mapping[str, Any]], source: Source
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Leave out the widgets that a source has nothing for, and headings without widgets.

    A graph is left out if the source cannot have most of its metrics: the others alone would
    compare nothing.

    Returns:
        The other widgets, and the titles of those that were left out.
    """
    shown: list[Mapping[str, Any]] = []
    missing = [widget for widget in widgets if _is_missing(widget, source)]
    for widget in _sort(widgets):
        if widget["type"] == "text" and shown and _is_heading(shown[-1]):
            shown.pop()
        if widget not in missing:
            shown.append(widget)
    if shown and _is_heading(shown[-1]):
        shown.pop()
    hidden = [widget["properties"]["title"] for widget in missing]
    return list(_move_up(_widen(shown, widgets)) if hidden else widgets), hidden


def hide_empty_sections(drawings: Sequence[Drawing]) -> tuple[list[Drawing], list[str]]:
    """Leave out headings under which nothing happened, unless nothing happened at all.

    Returns:
        The other drawings, and the titles of those that were left out.
    """
    sections: list[list[Drawing]] = [[]]
    for drawing in _sort(drawings):
        if str(drawing.get("html", "")).startswith("<h2>"):
            sections.append([])
        sections[-1].append(dict(drawing))
    empty = [section for section in sections[1:] if _is_empty(section)]
    if not empty or len(empty) == len(sections[1:]):
        return list(drawings), []
    kept = [drawing for section in sections if section not in empty for drawing in section]
    hidden = [drawing["title"] for section in empty for drawing in section if drawing["title"]]
    return _move_up(kept), hidden


def _is_empty(section: Sequence[Drawing]) -> bool:
    return all("html" in drawing or drawing.get("message") == NOTHING for drawing in section)


def _is_heading(widget: Mapping[str, Any]) -> bool:
    """Say if a widget is the heading of those below it."""
    is_text: bool = widget["type"] == "text"
    return is_text and str(widget["properties"]["markdown"]).startswith("## ")


def _is_missing(widget: Mapping[str, Any], source: Source) -> bool:
    match widget["type"]:
        case "alarm":
            return source.alarm_states is None
        case "log":
            return bool(source.namespaces)
        case "metric":
            named = {*find_metric_names(widget["properties"]["metrics"])}
            missing = [metric for metric in named if not source.can_have(*metric)]
            return len(missing) > len(named) / 2
    return False


def _sort(widgets: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(widgets, key=lambda widget: (widget["y"], widget["x"]))


def _widen(
    shown: Sequence[Mapping[str, Any]], widgets: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Widen widgets where one of their row is hidden, so that it leaves no hole."""
    rows = Counter((widget["y"], widget["height"]) for widget in widgets)
    kept = Counter((widget["y"], widget["height"]) for widget in shown)
    places: Counter[tuple[int, int]] = Counter()
    widened: list[Mapping[str, Any]] = []
    for widget in shown:
        row = widget["y"], widget["height"]
        if rows[row] == kept[row]:
            widened.append(widget)
            continue
        width = _COLUMNS // kept[row]
        widened.append({**widget, "x": places[row] * width, "width": width})
        places[row] += 1
    return widened


def _move_up(widgets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Move widgets up to those above them, as the console does when one is removed."""
    bottoms = [0] * _COLUMNS
    moved: list[dict[str, Any]] = []
    for widget in _sort(widgets):
        columns = slice(widget["x"], widget["x"] + widget["width"])
        top = max(bottoms[columns])
        bottoms[columns] = [top + widget["height"]] * widget["width"]
        moved.append({**widget, "y": top})
    return moved
