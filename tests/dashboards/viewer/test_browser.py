"""The dashboards as a browser draws them."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from dashboards.preview.sources import source_of_logs
from dashboards.preview.viewer.bodies import read_bodies
from dashboards.preview.viewer.browser import ARGUMENTS, find_browser
from dashboards.preview.viewer.pages import write_page
from dashboards.preview.viewer.viewing import Viewing
from tests.invocation_logs import as_lines, log

ANA, BEN = (f"arn:aws:iam::111122223333:user/{name}" for name in ("ana", "ben"))
HOSTILE = "arn:aws:iam::111122223333:user/<script>window.hacked=1</script>\"&'" + "x" * 900
MODELS = ("anthropic.claude-3-haiku-20240307-v1:0", "amazon.titan-embed-text-v2:0")
LOGS = [
    log(
        f"request-{number}",
        timestamp=f"2026-09-08T{8 + number % 4:02}:10:33Z",
        identity={"arn": (ANA, BEN, HOSTILE)[number % 3]},
        modelId=MODELS[number % 2],
        input={"inputTokenCount": 1000 + number},
        output={"outputTokenCount": 10 * number} if number % 2 == 0 else {},
    )
    for number in range(24)
]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "logs.ndjson").write_bytes(as_lines(*LOGS))
    write_page(Viewing.of(source_of_logs([folder / "logs.ndjson"])), folder / "page.html")
    return folder / "page.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        it = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield it
        it.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    it = browser.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    it.on("console", lambda message: said.append(message.text))
    it.on("pageerror", lambda error: said.append(str(error)))
    yield it
    it.close()
    assert said == []


def show(page: Page, page_file: Path, dashboard: str, theme: str = "light") -> None:
    page.goto(f"{page_file.as_uri()}?theme={theme}#{dashboard}")
    page.wait_for_selector("main[aria-busy=false] .widget")


def numbers(page: Page, title: str) -> dict[str, float]:
    """The numbers in a widget, by their names."""
    found = page.locator(f'section[aria-label="{title}"] [data-name]').all()
    return {
        str(it.get_attribute("data-name")): float(it.get_attribute("data-value") or "nan")
        for it in found
    }


def table_of(page: Page, title: str) -> dict[str, float]:
    page.locator(f'section[aria-label="{title}"] h2 button').click()
    return numbers(page, title)


def total(read: Any, of: str | None = None) -> int:
    """What the logs themselves add up to."""
    return sum(read(it) for it in LOGS if of in (None, it["identity"]["arn"]))


def tokens(it: dict[str, Any]) -> int:
    return int(it["input"]["inputTokenCount"] + it["output"].get("outputTokenCount", 0))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("dashboard", read_bodies())
def test_every_widget_is_drawn_within_its_place(
    page: Page, page_file: Path, dashboard: str, theme: str
) -> None:
    show(page, page_file, dashboard, theme)
    cards = page.locator("main > .widget")
    assert cards.count() == len(read_bodies()[dashboard].widgets())
    for card in cards.all():
        assert card.inner_text().strip()
        drawings = card.locator(".chart:not([aria-hidden])").all()
        assert all(it.locator("svg path").count() for it in drawings)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_numbers_are_those_of_the_logs(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    shown = numbers(page, "In the time shown")
    assert shown["Total tokens"] == total(tokens)
    assert shown["Calls"] == len(LOGS)
    by_identity = Counter[str]()
    for it in LOGS:
        by_identity[it["identity"]["arn"]] += tokens(it)
    assert table_of(page, "Who: quota tokens (top 10)") == by_identity


def test_the_choice_switches_the_identity(page: Page, page_file: Path) -> None:
    show(page, page_file, "identity_detail")
    for arn in (BEN, ANA):
        page.select_option("#choice", arn)
        page.wait_for_selector("main[aria-busy=false]")
        shown = numbers(page, "In the time shown")
        assert shown["Total tokens"] == total(tokens, arn)


def test_a_hostile_name_is_text(page: Page, page_file: Path) -> None:
    show(page, page_file, "identity_detail")
    page.select_option("#choice", HOSTILE)
    page.wait_for_selector("main[aria-busy=false]")
    assert numbers(page, "In the time shown")["Total tokens"] == total(tokens, HOSTILE)
    show(page, page_file, "usage_overview")
    assert table_of(page, "Who: quota tokens (top 10)")[HOSTILE] == total(tokens, HOSTILE)
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_links_between_dashboards_stay_on_the_page(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    page.get_by_role("link", name="Health of the meter").click()
    page.wait_for_selector('nav a[aria-current][href="#pipeline_health"]')
    page.wait_for_selector('section[aria-label="Alarms on the meter itself"]')


def test_it_can_be_used_by_keyboard_alone(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim().slice(0, 22)"))
    assert {"Skip to the dashboard", "Identity detail", "Dark"} <= reached
    page.locator("#theme").press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
