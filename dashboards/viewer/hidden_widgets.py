"""Widgets that a source has nothing for: they are left out, and those below them move up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.viewer.bodies import Body, find_namespaces
from dashboards.viewer.drawings import Source

_COLUMNS = 24
_MIN_SHOWN_PART = 1 / 3


def has_enough(body: Body, source: Source) -> bool:
    """Say if a source has at least a third of a dashboard's widgets."""
    widgets = [widget for widget in body.widgets() if widget["type"] != "text"]
    shown = [widget for widget in widgets if not _is_missing(widget, source)]
    return len(shown) >= _MIN_SHOWN_PART * len(widgets)


def hide_missing(
    widgets: Sequence[Mapping[str, Any]], source: Source
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Leave out the widgets that a source has nothing for.

    Returns:
        The other widgets, and the titles of those that were left out.
    """
    shown = [widget for widget in widgets if not _is_missing(widget, source)]
    hidden = [widget["properties"]["title"] for widget in widgets if _is_missing(widget, source)]
    return (_move_up(shown) if hidden else shown), hidden


def _is_missing(widget: Mapping[str, Any], source: Source) -> bool:
    match widget["type"]:
        case "alarm":
            return source.alarm_states is None
        case "log":
            return bool(source.namespaces)
        case "metric":
            wanted = find_namespaces(widget["properties"]["metrics"])
            return bool(source.namespaces and wanted) and source.namespaces.isdisjoint(wanted)
    return False


def _move_up(widgets: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Move widgets up to those above them, as the console does when one is removed."""
    bottoms = [0] * _COLUMNS
    moved: list[Mapping[str, Any]] = []
    for widget in sorted(widgets, key=lambda widget: (widget["y"], widget["x"])):
        columns = slice(widget["x"], widget["x"] + widget["width"])
        top = max(bottoms[columns])
        bottoms[columns] = [top + widget["height"]] * widget["width"]
        moved.append({**widget, "y": top})
    return moved
