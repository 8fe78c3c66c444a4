"""Reads the AWS Price List's bulk files, which need no account, over HTTPS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from lambdas.domain.pricing.listings import has_later_prices, read_listing
from lambdas.domain.pricing.price_list import (
    DEFAULT_LIMITS,
    FileLimits,
    PriceListFileError,
    read_bulk_file,
)
from lambdas.domain.pricing.price_list_source import FetchedListing, PriceListUnavailableError

_TIMEOUT_SECONDS = 10
# S3, behind the price list, says "forbidden" of a file that is not there.
_NO_SUCH_FILE = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


class HttpsPriceList:
    """The listings of one Region, by conditional requests."""

    def __init__(
        self,
        url: str,
        region: str,
        large_calls: Mapping[str, int],
        limits: FileLimits = DEFAULT_LIMITS,
    ) -> None:
        """Read from an address.

        Args:
            url: The beginning of every address, such as
                `https://pricing.us-east-1.amazonaws.com`.
            region: The Region.
            large_calls: The size above which calls of a model are large.
            limits: The limits of one file.
        """
        self._url = url.rstrip("/")
        self._region = region
        self._large_calls = large_calls
        self._limits = limits
        self._opener = build_opener(_SameHostRedirects())

    def fetch(
        self, offer: str, known_etag: str | None, has_time: Callable[[], bool]
    ) -> FetchedListing | None:
        """Read the listing of an offer; `None` where it still has the known entity tag.

        Addresses: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api-fetching-price-list-files-manually.html

        Raises:
            PriceListUnavailableError: It cannot be read.
        """
        address = f"{self._url}/offers/v1.0/aws/{offer}/current/{self._region}/index.json"
        headers = {"If-None-Match": known_etag} if known_etag else {}
        request = Request(address, headers=headers)  # noqa: S310  # settings allow https alone
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                file = read_bulk_file(_TimedReader(response, has_time), self._limits)
                etag = response.headers.get("ETag")
        except HTTPError as error:
            with suppress(OSError):
                error.close()
            if error.code == HTTPStatus.NOT_MODIFIED:
                return None
            if error.code in _NO_SUCH_FILE:
                return FetchedListing(None, None)
            message = f"{offer}: the price list answered with status {error.code}"
            raise PriceListUnavailableError(message) from None
        except (OSError, HTTPException, PriceListFileError) as error:
            message = f"{offer}: {type(error).__name__}: {error}"
            raise PriceListUnavailableError(message) from error
        if file.offer != offer:
            message = f"{offer}: the file is one of {file.offer}"
            raise PriceListUnavailableError(message)
        listing = read_listing(
            file,
            region=self._region,
            today=datetime.now(UTC).date(),
            large_calls=self._large_calls,
        )
        return FetchedListing(listing, None if has_later_prices(listing) else etag)


class _SameHostRedirects(HTTPRedirectHandler):
    """Follows redirects within one scheme and host."""

    def redirect_request(  # noqa: PLR0913, PLR0917  # as urllib calls it
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        """Refuse any other address.

        Raises:
            PriceListUnavailableError: It is another host, or not encrypted.
        """
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if (new.scheme, new.netloc) != (old.scheme, old.netloc):
            message = f"the price list redirects to another host: {new.netloc[:100]}"
            raise PriceListUnavailableError(message)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _TimedReader:
    """A response that is read for as long as there is time.

    It reads only data that has arrived, so that a slow host does not use up the time.
    """

    def __init__(self, response: HTTPResponse, has_time: Callable[[], bool]) -> None:
        self._response = response
        self._has_time = has_time

    def read(self, size: int = -1, /) -> bytes:
        if not self._has_time():
            message = "there is no time left to read the price list"
            raise PriceListUnavailableError(message)
        return self._response.read1(size)
