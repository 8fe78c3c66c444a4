"""Names that attack a page are text in a browser: no script, element or request."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from cdk.config import Config
from dashboards.viewer.bodies import read_bodies
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.pages import write_page
from dashboards.viewer.sources import source_of_logs
from tests.hostile_names import HOSTILE_NAMES, hostile_logs
from tests.invocation_logs import as_lines, write


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    logs = write(folder / "logs.ndjson", as_lines(*hostile_logs()))
    write_page(DashboardSession.from_source(source_of_logs([logs])), folder / "page.html")
    return folder / "page.html"


def test_no_name_runs_code_draws_elements_or_sends_requests(page: Page, page_file: Path) -> None:
    asked: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    shown = ""
    for dashboard in read_bodies(Config()):
        page.goto("about:blank")
        page.goto(f"{page_file.as_uri()}#{dashboard}")
        page.wait_for_selector("main[aria-busy=false] .widget")
        choices = page.locator("#choice option")
        names = choices.evaluate_all("options => options.map(option => option.value)")
        for name in names:
            page.select_option("#choice", name)
            page.wait_for_selector("main[aria-busy=false] .widget")
        for toggle in page.locator("main h2 button").all():
            toggle.click()
        shown += page.locator("body").inner_text()
        assert page.evaluate("window.hacked") is None
        assert page.evaluate("({}).polluted") is None
        assert page.locator("main img, main script, main iframe").count() == 0
        assert page.locator("[onmouseover], [onerror]").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert dialogs == []
    assert {urlsplit(url).scheme for url in asked} <= {"file", "about", "data"}
    assert "<img src=x onerror" in shown
    assert HOSTILE_NAMES["template"] in shown
