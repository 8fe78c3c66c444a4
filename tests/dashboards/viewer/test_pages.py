"""The page is one file that requests no other host; a server provides one view at a time."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection
from socket import socketpair
from threading import Thread
from urllib.parse import quote

import pytest

from dashboards.cloudwatch import Metric, Periods, SourceError, Statistic, Value
from dashboards.viewer.dashboard_session import CHOSEN, DashboardSession
from dashboards.viewer.pages import MAX_CHOICES, MAX_MONTHS, MAX_NAMES, render_complete_page
from dashboards.viewer.recent_views import RecentViews
from dashboards.viewer.server import HOST, PreviewServer
from dashboards.viewer.time_ranges import DayRange, NoDataError, TimeRange
from tests.builders import NOON
from tests.dashboards.viewer.test_drawings import ANA, CALLS, HOSTILE, make_source
from tests.saved_pages import read_data, read_views


def test_a_standalone_page_has_every_view() -> None:
    page = render_complete_page(DashboardSession.from_source(CALLS))
    views = read_views(page)
    assert f"identity_detail\n{ANA}\n1d" in views
    assert {key.split("\n")[0] for key in views} == set(DashboardSession.from_source(CALLS).bodies)


def test_a_standalone_page_starts_with_the_whole_range() -> None:
    data = read_data(
        render_complete_page(
            DashboardSession.from_source(replace(CALLS, since=NOON - timedelta(days=10)))
        )
    )
    assert data["range"] == "2w"
    assert "usage_overview\n\n2w" in data["views"]


def test_a_page_shows_the_chosen_days_first() -> None:
    source = replace(CALLS, since=NOON - timedelta(days=400))
    midnight = NOON.replace(hour=0)
    first = midnight - timedelta(days=300)
    days = DayRange(first, midnight - timedelta(days=201))
    session = DashboardSession.from_source(source, days)
    assert session.chosen == TimeRange(first, midnight - timedelta(days=200))
    data = read_data(render_complete_page(session))
    assert data["range"] == CHOSEN
    assert f"usage_overview\n\n{CHOSEN}" in data["views"]


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (None, None, None),
        (None, 3, (0, 4)),
        (3, None, (3, 10.5)),
        (4, 4, (4, 5)),
        (9, 30, (9, 10.5)),
    ],
)
def test_chosen_days_are_whole_and_end_with_the_data(
    first: int | None, last: int | None, shown: tuple[float, float] | None
) -> None:
    start = NOON.replace(hour=0)
    days = DayRange(*(None if day is None else start + timedelta(day) for day in (first, last)))
    found = days.within(start + timedelta(hours=3), start + timedelta(10.5))
    expected = shown and TimeRange(start + timedelta(shown[0]), start + timedelta(shown[1]))
    assert found == expected


def test_chosen_days_far_outside_the_data_are_those_of_its_months() -> None:
    days = DayRange(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
    assert days.within(NOON, NOON + timedelta(1)) == TimeRange(
        NOON.replace(day=1, hour=0), NOON + timedelta(1)
    )


@pytest.mark.parametrize(("first", "last"), [(12, None), (None, -2), (-9, -1)])
def test_chosen_days_without_data_are_an_error(first: int | None, last: int | None) -> None:
    start = NOON.replace(hour=0)
    days = DayRange(*(None if day is None else start + timedelta(day) for day in (first, last)))
    with pytest.raises(NoDataError, match=f"from {start:%Y-%m-%d} to"):
        days.within(start, start + timedelta(10.5))
    with pytest.raises(NoDataError, match="FROM="):
        DayRange(None, start).within(None, start)


def test_a_page_says_that_it_has_not_every_month() -> None:
    for months, is_noted in ((MAX_MONTHS - 1, False), (MAX_MONTHS + 1, True)):
        source = replace(CALLS, since=NOON - timedelta(days=30.4 * months))
        data = read_data(render_complete_page(DashboardSession.from_source(source)))
        assert (f"the last {MAX_MONTHS} months" in data["source"]) is is_noted
        left_out = "Months: " in "\n".join(data["leftOut"])
        assert left_out is is_noted


def test_drawing_reports_its_progress() -> None:
    done: list[tuple[int, ...]] = []
    page = render_complete_page(
        DashboardSession.from_source(CALLS), lambda *views: done.append(views)
    )
    views = read_views(page)
    assert done == [(number, len(views)) for number in range(1, len(views) + 1)]


def test_a_page_requests_no_other_host() -> None:
    page = render_complete_page(DashboardSession.from_source(CALLS))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    hashes = re.findall(r"'sha256-[^']*'", policy)
    assert policy == (
        f"default-src 'none'; script-src {' '.join(hashes)}; style-src 'unsafe-inline';"
        " img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
    assert len(hashes) == 2
    markup = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"(?:src|href)=\"(?!#)|url\(|@import", markup)


def test_a_name_cannot_close_its_element() -> None:
    page = render_complete_page(
        DashboardSession.from_source(make_source((timedelta(minutes=5), HOSTILE, 7)))
    )
    assert "<script>alert" not in page
    assert HOSTILE in json.dumps(read_data(page)).replace('\\"', '"')
    assert HOSTILE in json.dumps(read_views(page)).replace('\\"', '"')


@pytest.fixture
def server() -> Iterator[PreviewServer]:
    with PreviewServer(DashboardSession.from_source(CALLS), 0) as preview:
        Thread(target=preview.serve_forever, daemon=True).start()
        yield preview
        preview.shutdown()


def ask(server: PreviewServer, path: str, host: str | None = None) -> tuple[int, str]:
    connection = HTTPConnection(HOST, server.server_port)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_the_page_is_served_on_the_loopback_address(server: PreviewServer) -> None:
    assert server.address.startswith("http://127.0.0.1:")
    status, page = ask(server, "/")
    assert status == HTTPStatus.OK
    assert "views" not in read_data(page)
    assert "12:00 UTC" in str(read_data(page)["source"])


def test_a_view_is_served_on_request(server: PreviewServer) -> None:
    path = f"/data?dashboard=identity_detail&choice={quote(ANA)}&range=1d"
    status, text = ask(server, path)
    assert status == HTTPStatus.OK
    view = DashboardSession.from_source(CALLS).view("identity_detail", ANA, "1d")
    assert json.loads(text) == json.loads(json.dumps(view))


@pytest.mark.parametrize("path", ["/data", "/data?dashboard=nothing&range=1d", "/other"])
def test_an_unknown_path_is_not_found(server: PreviewServer, path: str) -> None:
    assert ask(server, path)[0] == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    "host", ["evil.example.com", "127.0.0.1.evil.example.com:{port}", "localhost:{port}"]
)
def test_another_name_for_this_host_is_refused(server: PreviewServer, host: str) -> None:
    """Otherwise another site could read this page through a name that resolves to 127.0.0.1."""
    asked = host.format(port=server.server_port)
    assert ask(server, "/", host=asked)[0] == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    ("site", "status"),
    [
        ("cross-site", HTTPStatus.FORBIDDEN),
        ("same-site", HTTPStatus.FORBIDDEN),
        ("same-origin", HTTPStatus.OK),
        ("none", HTTPStatus.OK),
    ],
)
def test_another_site_cannot_trigger_queries(
    server: PreviewServer, site: str, status: HTTPStatus
) -> None:
    connection = HTTPConnection(HOST, server.server_port)
    path = "/data?dashboard=usage_overview&range=1d"
    connection.request("GET", path, headers={"Sec-Fetch-Site": site})
    assert connection.getresponse().status == status
    connection.close()


@pytest.mark.parametrize(("error", "is_shown"), [(BrokenPipeError, False), (ValueError, True)])
def test_a_disconnected_browser_leaves_no_traceback(
    server: PreviewServer,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_shown: bool,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(server, "finish_request", fail)
    reading, writing = socketpair()
    with writing:
        server.process_request_thread(reading, ("127.0.0.1", 1))
    assert ("Traceback" in capsys.readouterr().err) is is_shown


class Refusing:
    """An unreachable source whose dashboard has a variable."""

    def metrics(self, *_: object) -> list[Metric]:
        message = "AccessDenied"
        raise SourceError(message)

    def values(self, *_: object) -> dict[Metric, tuple[float | None, ...]]:
        raise AssertionError


def test_an_unreachable_source_is_reported(server: PreviewServer) -> None:
    server.views = RecentViews(DashboardSession.from_source(replace(CALLS, metrics=Refusing())))
    status, text = ask(server, "/data?dashboard=identity_detail&choice=ana&range=1d")
    assert (status, text) == (HTTPStatus.BAD_GATEWAY, "AccessDenied")


class Counting:
    """A source that counts requested values, which CloudWatch would bill."""

    def __init__(self) -> None:
        self.values_read = 0

    def metrics(self, namespace: str, name: str) -> Sequence[Metric]:
        return CALLS.metrics.metrics(namespace, name)

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> Mapping[Metric, tuple[Value, ...]]:
        self.values_read += len(metrics)
        return CALLS.metrics.values(metrics, statistic, periods)


def test_a_view_reloaded_within_a_minute_reads_no_value_again(
    server: PreviewServer,
) -> None:
    seconds, counting = [0.0], Counting()
    session = DashboardSession.from_source(replace(CALLS, metrics=counting))
    server.views = RecentViews(session, clock=lambda: seconds[0])
    path = "/data?dashboard=usage_overview&choice=&range=1d"
    first = ask(server, path)
    read = counting.values_read
    assert read > 0
    seconds[0] = 59.9
    assert ask(server, path) == first
    assert counting.values_read == read
    seconds[0] = 60
    assert ask(server, path) == first
    assert counting.values_read == 2 * read


def test_concurrent_threads_read_each_value_once(server: PreviewServer) -> None:
    counting = Counting()
    server.views = RecentViews(DashboardSession.from_source(replace(CALLS, metrics=counting)))
    path = "/data?dashboard=usage_overview&choice=&range=1d"
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: ask(server, path), range(4)))
    together, counting.values_read = counting.values_read, 0
    RecentViews(DashboardSession.from_source(replace(CALLS, metrics=counting))).view(
        "usage_overview", "", "1d"
    )
    assert together == counting.values_read


def test_answers_have_their_content_type_and_are_not_cached(server: PreviewServer) -> None:
    connection = HTTPConnection(HOST, server.server_port)
    connection.request("GET", "/")
    headers = dict(connection.getresponse().getheaders())
    connection.close()
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_a_page_of_many_identities_shows_the_largest_and_says_so() -> None:
    calls = [
        (timedelta(minutes=5), f"arn:aws:iam::111122223333:user/{number:03}", number)
        for number in range(1, 41)
    ]
    outline = read_data(render_complete_page(DashboardSession.from_source(make_source(*calls))))
    (detail,) = (
        dashboard for dashboard in outline["dashboards"] if dashboard["name"] == "identity_detail"
    )
    kept = [choice["value"].rpartition("/")[2] for choice in detail["choices"]]
    assert kept == [f"{number:03}" for number in range(29, 41)]
    assert detail["label"] == "Identity (12 of 40 by cost)"
    (left_out,) = outline["leftOut"]
    names = left_out.removeprefix("Identity: ").removesuffix(".").split(", ")
    assert names == [f"{number:03}" for number in range(1, 29)]


def test_many_names_that_are_left_out_are_cut_short() -> None:
    calls = [
        (timedelta(minutes=5), f"arn:aws:iam::111122223333:user/{number:03}", number)
        for number in range(1, MAX_CHOICES + MAX_NAMES + 6)
    ]
    data = read_data(render_complete_page(DashboardSession.from_source(make_source(*calls))))
    (left_out,) = data["leftOut"]
    assert left_out.endswith(f"{MAX_NAMES:03} and 5 more.")


def test_the_chosen_days_decide_on_the_largest_identities() -> None:
    days = timedelta(days=3)
    early, late = "arn:aws:iam::111122223333:user/early", "arn:aws:iam::111122223333:user/late"
    source = make_source((days, early, 1000), (timedelta(minutes=5), late, 1))
    source = replace(source, since=NOON - days)
    today = DayRange(NOON.replace(hour=0))
    assert DashboardSession.from_source(source).largest("identity_detail", 1) == [early]
    assert DashboardSession.from_source(source, today).largest("identity_detail", 1) == [late]


def test_several_processes_draw_the_same_page_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    alone, together = (
        render_complete_page(DashboardSession.from_source(replace(CALLS, is_large=is_large)))
        for is_large in (False, True)
    )
    assert read_views(alone) == read_views(together)
