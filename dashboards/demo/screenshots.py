"""Pictures of every dashboard, in both themes and two widths: `make screenshots`, after a demo."""

from __future__ import annotations

from playwright.sync_api import sync_playwright

from cdk.components.dashboards import FOLDER, NAMES
from cdk.operations.terminal import CommandError
from dashboards.demo.demo import PAGE
from dashboards.viewer.browser import ARGUMENTS, find_browser

_WIDTHS = (1280, 1920)
_THEMES = ("light", "dark")
_IN_THE_README = {("usage_overview", "light", 1280), ("model_comparison", "dark", 1280)}
_HEIGHT_IN_THE_README = 900
_FOLDER = PAGE.parent / "screenshots"


def take_screenshots() -> None:
    """Take pictures of every dashboard.

    Raises:
        CommandError: There is no page yet, or no browser.
    """
    if not PAGE.exists():
        message = "there is no page to take pictures of: run make demo first."
        raise CommandError(message)
    browser_path = find_browser()
    if browser_path is None:
        message = "there is no Chromium on this machine: install it (Debian's package chromium)."
        raise CommandError(message)
    _FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(ARGUMENTS))
        for width in _WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": _HEIGHT_IN_THE_README})
            for name in NAMES:
                for theme in _THEMES:
                    page.goto("about:blank")
                    page.goto(f"{PAGE.as_uri()}?theme={theme}#{name}")
                    page.wait_for_selector("main[aria-busy=false] .widget")
                    page.screenshot(path=_FOLDER / f"{name}-{theme}-{width}.png", full_page=True)
                    if (name, theme, width) in _IN_THE_README:
                        page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()
    print(f"The pictures are in {_FOLDER}, and those of the README in {FOLDER}.")
