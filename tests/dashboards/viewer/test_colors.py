"""Colors of names can be distinguished from each other and from the card, in both themes.

Differences are distances in Oklab, times 100 (https://bottosson.github.io/posts/oklab/). Color
blindness is simulated by the matrices of Machado and others (2009), contrast is that of WCAG 2.2.
"""

import math
import re
from itertools import combinations, pairwise
from operator import mul
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from cdk.components.dashboards import NAMES
from cdk.config import Config
from dashboards.viewer import pages
from dashboards.viewer.bodies import read_bodies

Color: TypeAlias = tuple[float, float, float]
"""Linear red, green and blue, from 0 to 1."""
Matrix: TypeAlias = tuple[Color, Color, Color]

PAGE = Path(pages.__file__).parent / "page"
SCRIPT = (PAGE / "page.js").read_text()
STYLE = (PAGE / "page.css").read_text()
NAME_COLORS = int(re.findall(r"NAME_COLORS = (\d+)", SCRIPT)[0])
PALETTES = {
    theme: re.findall(r"#[0-9a-f]{6}", listed)
    for theme, listed in re.findall(r"(light|dark): \[([^\]]+)\]", SCRIPT)
}
CARDS = dict(zip(PALETTES, re.findall(r"--card: (#[0-9a-f]{6})", STYLE), strict=True))
LEFT = NAME_COLORS
"""The place of the grey of what is left."""

CONES: Matrix = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
OKLAB: Matrix = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
LUMINANCE: Color = (0.2126, 0.7152, 0.0722)
SIMULATED: tuple[Matrix, ...] = (
    (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
)
"""As people without red cones see colors, and those without green ones."""


def apply(matrix: Matrix, color: Color) -> Color:
    first, second, third = (sum(map(mul, row, color)) for row in matrix)
    return first, second, third


def read(text: str) -> Color:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in bytes.fromhex(text[1:]))
    )
    return red, green, blue


def measure_difference(one: Color, other: Color) -> float:
    def convert(color: Color) -> Color:
        red, green, blue = (math.cbrt(part) for part in apply(CONES, color))
        return apply(OKLAB, (red, green, blue))

    return 100 * math.dist(convert(one), convert(other))


def simulate(matrix: Matrix, color: Color) -> Color:
    red, green, blue = (min(1.0, max(0.0, part)) for part in apply(matrix, color))
    return red, green, blue


def measure_contrast(*colors: str) -> float:
    dark, light = sorted(sum(map(mul, LUMINANCE, read(color))) for color in colors)
    return float((light + 0.05) / (dark + 0.05))


def test_black_and_white_are_as_different_as_colors_can_be() -> None:
    assert measure_difference(read("#000000"), read("#ffffff")) == pytest.approx(100, abs=0.1)
    assert measure_contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", PALETTES)
def test_any_two_names_have_different_colors(theme: str) -> None:
    for one, other in combinations(PALETTES[theme][: LEFT + 1], 2):
        assert measure_difference(read(one), read(other)) >= 10, (one, other)


@pytest.mark.parametrize("theme", PALETTES)
def test_neighbors_differ_for_color_blind_people(theme: str) -> None:
    for one, other in pairwise(PALETTES[theme][: LEFT + 1]):
        for matrix in SIMULATED:
            seen = (simulate(matrix, read(color)) for color in (one, other))
            assert measure_difference(*seen) >= 7.5, (one, other)


@pytest.mark.parametrize("theme", PALETTES)
def test_a_line_is_visible_on_its_card(theme: str) -> None:
    """https://www.w3.org/TR/WCAG22/#non-text-contrast"""
    assert len(PALETTES[theme]) == len(PALETTES["light"])
    for color in PALETTES[theme]:
        assert measure_contrast(color, CARDS[theme]) >= 3, color


def list_colors(graph: dict[str, Any]) -> list[str]:
    options = (row[-1] for row in graph.get("metrics", []) if isinstance(row[-1], dict))
    return [shown["color"] for shown in options if "color" in shown]


NAMED = [
    {"identity": f"arn:aws:iam::111122223333:user/{name}", "critical": 1_000_000}
    for name in "abcdefgh"
]


@pytest.mark.parametrize("file", NAMES)
def test_colors_of_a_graph_are_of_the_palette_and_can_be_distinguished(file: str) -> None:
    config = Config.from_context({"named_identities": NAMED})
    widgets = read_bodies(config, [file])[file].widgets()
    for graph in (widget["properties"] for widget in widgets):
        colors = {*list_colors(graph)}
        assert colors <= {*PALETTES["light"]}, graph["title"]
        if graph.get("view") == "timeSeries":
            for one, other in combinations(colors, 2):
                assert measure_difference(read(one), read(other)) >= 10, graph["title"]
