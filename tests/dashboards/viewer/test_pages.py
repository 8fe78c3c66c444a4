"""The page is one file that asks no other host, and a server gives it a view at a time."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPConnection
from threading import Thread
from urllib.parse import quote

import pytest

from dashboards.preview.viewer.pages import page_with_all
from dashboards.preview.viewer.server import HOST, PreviewServer
from dashboards.preview.viewer.viewing import Viewing
from tests.dashboards.viewer.test_drawings import ANA, CALLS, HOSTILE, source_of


def data_of(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    told: dict[str, object] = json.loads(found[1])
    return told


def test_a_page_of_its_own_has_every_view() -> None:
    page = page_with_all(Viewing.of(CALLS))
    views = data_of(page)["views"]
    assert isinstance(views, dict)
    assert f"identity_detail\n{ANA}\n1d" in views
    assert {it.split("\n")[0] for it in views} == set(Viewing.of(CALLS).bodies)


def test_a_page_asks_no_other_host() -> None:
    page = page_with_all(Viewing.of(CALLS))
    assert "default-src 'none'" in page
    markup = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"(?:src|href)=\"(?!#)|url\(|@import", markup)


def test_a_name_cannot_end_the_element_that_it_is_in() -> None:
    page = page_with_all(Viewing.of(source_of((timedelta(minutes=5), HOSTILE, 7))))
    assert "<script>alert" not in page
    assert HOSTILE in json.dumps(data_of(page)).replace('\\"', '"')


@pytest.fixture
def server() -> Iterator[PreviewServer]:
    with PreviewServer(Viewing.of(CALLS), 0) as it:
        Thread(target=it.serve_forever, daemon=True).start()
        yield it
        it.shutdown()


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
    assert "views" not in data_of(page)
    assert "12:00 UTC" in str(data_of(page)["source"])


def test_a_view_is_given_when_asked_for(server: PreviewServer) -> None:
    path = f"/data?dashboard=identity_detail&choice={quote(ANA)}&range=1d"
    status, text = ask(server, path)
    assert status == HTTPStatus.OK
    view = Viewing.of(CALLS).view("identity_detail", ANA, "1d")
    assert json.loads(text) == json.loads(json.dumps(view))


@pytest.mark.parametrize("path", ["/data", "/data?dashboard=nothing&range=1d", "/other"])
def test_what_is_not_there_is_not_found(server: PreviewServer, path: str) -> None:
    assert ask(server, path)[0] == HTTPStatus.NOT_FOUND


def test_another_name_for_this_host_is_refused(server: PreviewServer) -> None:
    """Else a page of another site could read this one, by a name that it has for 127.0.0.1."""
    assert ask(server, "/", host="evil.example.com")[0] == HTTPStatus.FORBIDDEN
