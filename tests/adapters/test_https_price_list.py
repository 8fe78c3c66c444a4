"""The price list is read over one host, in pieces, within limits of time and size."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from cdk.local_cloud.price_list import PriceListServer, open_price_list
from lambdas.adapters.https_price_list import HttpsPriceList
from lambdas.domain.pricing import BATCH_TIER, TokenKind
from lambdas.domain.pricing.editions import Listing
from lambdas.domain.pricing.price_list import DEFAULT_LIMITS
from lambdas.domain.pricing.price_list_source import FetchedListing, PriceListUnavailableError
from tests.price_list import (
    OFFER,
    TOKYO,
    change_nova_price,
    recorded_files,
    serve_recorded_prices,
)
from tests.unit.pricing.price_list.bulk_files import ROW, bulk_json, listed

MARKETPLACE = "AmazonBedrockFoundationModels"
_POLL_SECONDS = 0.02
_MAX_WAIT_SECONDS = 20


@pytest.fixture
def server() -> Iterator[PriceListServer]:
    with serve_recorded_prices() as price_list:
        yield price_list


def fetch(url: str, etag: str | None = None, offer: str = OFFER) -> FetchedListing | None:
    return HttpsPriceList(url, TOKYO, {"openai.gpt-6-astra": 272_000}).fetch(
        offer, etag, lambda: True
    )


def usd(found: Listing, model_id: str, item: TokenKind, tier: str | None = None) -> set[str]:
    return {
        str(rate.usd)
        for rate in found.rates
        if (rate.model_id, rate.item, rate.service_tier) == (model_id, item, tier)
    }


def test_the_recorded_rows_of_a_region_become_its_listing(server: PriceListServer) -> None:
    answer = fetch(server.url)
    assert answer is not None
    found = answer.listing
    assert found is not None
    assert (found.offer, found.region) == (OFFER, TOKYO)
    assert usd(found, "amazon.nova-lite-v1:0", TokenKind.INPUT) == {"0.072"}
    assert usd(found, "amazon.nova-2-lite-v1:0", TokenKind.OUTPUT) == {"3.01"}
    assert usd(found, "amazon.nova-lite-v1:0", TokenKind.INPUT, BATCH_TIER) == {"0.036"}
    assert found.left_out == {"bedrock_mantle": 3, "other_variant": 1}
    marketplace = fetch(server.url, offer=MARKETPLACE)
    assert marketplace is not None
    assert marketplace.listing is not None
    sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert usd(marketplace.listing, sonnet, TokenKind.CACHE_WRITE_1H) == {"6.6"}


def test_an_unchanged_file_is_not_downloaded_again(server: PriceListServer) -> None:
    first = fetch(server.url)
    assert first is not None
    assert fetch(server.url, first.etag) is None
    change_nova_price(server, "1.5")
    changed = fetch(server.url, first.etag)
    assert changed is not None
    assert changed.listing is not None
    assert usd(changed.listing, "amazon.nova-lite-v1:0", TokenKind.INPUT) == {"0.108"}


def test_a_region_without_the_offer_has_no_listing(server: PriceListServer) -> None:
    assert fetch(server.url, offer="AmazonBedrockService") == FetchedListing(None, None)


def test_a_file_with_future_prices_is_read_again_the_next_day(
    server: PriceListServer,
) -> None:
    row = {**ROW, "usagetype": "APN1-NovaMicro-input-tokens", "regionCode": TOKYO}
    document = bulk_json([listed(row, effective="2999-01-01T00:00:00Z")])
    server.serve(TOKYO, document)
    answer = fetch(server.url)
    assert answer is not None
    assert answer.etag is None


def test_a_file_of_another_offer_is_refused(server: PriceListServer) -> None:
    path = server.serve(TOKYO, recorded_files(TOKYO)[OFFER])
    server.files[path] = json.dumps(recorded_files(TOKYO)[MARKETPLACE]).encode()
    with pytest.raises(PriceListUnavailableError, match=f"the file is one of {MARKETPLACE}"):
        fetch(server.url)


@pytest.mark.parametrize("content", [b"", b"<html>Sign in to the guest network</html>", b"{}"])
def test_a_response_that_is_not_a_price_list_is_refused(
    server: PriceListServer, content: bytes
) -> None:
    path = server.serve(TOKYO, recorded_files(TOKYO)[OFFER])
    server.files[path] = content
    with pytest.raises(PriceListUnavailableError, match="PriceListFileError"):
        fetch(server.url)


def test_a_file_above_the_size_limit_is_refused(server: PriceListServer) -> None:
    limits = replace(DEFAULT_LIMITS, max_bytes=1_000)
    price_list = HttpsPriceList(server.url, TOKYO, {}, limits)
    with pytest.raises(PriceListUnavailableError, match="larger than its limit"):
        price_list.fetch(OFFER, None, lambda: True)


def test_reading_stops_when_the_time_is_up(server: PriceListServer) -> None:
    price_list = HttpsPriceList(server.url, TOKYO, {})
    with pytest.raises(PriceListUnavailableError, match="no time left"):
        price_list.fetch(OFFER, None, lambda: False)


@contextmanager
def serve_slowly() -> Iterator[str]:
    """The address of a server that sends the first byte of a file, then nothing until the end."""
    ended = Event()

    class Drips(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"{")
            ended.wait(_MAX_WAIT_SECONDS)

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Drips) as server:
        Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        ended.set()
        server.shutdown()


def test_a_slow_host_does_not_use_up_the_time() -> None:
    until_the_first_byte = iter([True, True])
    with serve_slowly() as url, pytest.raises(PriceListUnavailableError, match="no time left"):
        HttpsPriceList(url, TOKYO, {}).fetch(OFFER, None, lambda: next(until_the_first_byte, False))


def test_an_unreachable_host_is_reported_in_one_line() -> None:
    with open_price_list() as gone:
        url = gone.url
    with pytest.raises(PriceListUnavailableError, match="AmazonBedrock: URLError"):
        fetch(url)


def answering(status: int, location: str = "") -> AbstractContextManager[str]:
    """The address of a server with one answer for every request."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    @contextmanager
    def opened() -> Iterator[str]:
        with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
            Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()

    return opened()


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:1/elsewhere", "https://example.com/", "file:///etc/passwd"]
)
def test_a_redirect_to_another_host_is_not_followed(location: str) -> None:
    with (
        answering(302, location) as url,
        pytest.raises(PriceListUnavailableError),
    ):
        fetch(url)


def test_a_redirect_loop_ends() -> None:
    with answering(302, "/round/and/round") as url, pytest.raises(PriceListUnavailableError):
        fetch(url)


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_a_status_without_a_file_is_reported(status: int) -> None:
    with (
        answering(status) as url,
        pytest.raises(PriceListUnavailableError, match=f"answered with status {status}"),
    ):
        fetch(url)
