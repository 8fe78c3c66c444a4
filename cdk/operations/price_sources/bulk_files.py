"""Fetches AWS's bulk price files of Bedrock: static, public, without an account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException
from typing import NamedTuple, Protocol, TypeAlias, TypeVar
from urllib.request import HTTPRedirectHandler, OpenerDirector, build_opener

from lambdas.domain.pricing.price_list import (
    OFFERS,
    BinaryReader,
    BulkFile,
    PriceListFileError,
    read_bulk_file,
)

HOST = "https://pricing.us-east-1.amazonaws.com"
"""Source: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api.html"""
_INDEX = "/offers/v1.0/aws/{offer}/current/region_index.json"
_TIMEOUT_SECONDS = 30
_MAX_INDEX_BYTES = 4 * 1024 * 1024

_Read = TypeVar("_Read")

OpenFile: TypeAlias = "Callable[[str], AbstractContextManager[BinaryReader]]"
"""Opens the file of a path below `HOST`. Raises `OSError` or `HTTPException`."""


class Progress(Protocol):
    """Receives the name of each file before it is fetched."""

    def __call__(self, name: str, /) -> None:
        """Report a file."""


class FetchedFiles(NamedTuple):
    """The outcome of a fetch.

    Attributes:
        files: The files that were read.
        failures: The files that were not, each with its reason.
    """

    files: tuple[BulkFile, ...]
    failures: tuple[str, ...]


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: the files have fixed addresses."""

    def redirect_request(self, *_: object) -> None:
        """Refuse the redirect."""


@contextmanager
def open_price_file(path: str) -> Iterator[BinaryReader]:
    """Open a file of AWS's price host."""
    opener: OpenerDirector = build_opener(_NoRedirects)
    with opener.open(f"{HOST}{path}", timeout=_TIMEOUT_SECONDS) as response:
        yield response


def fetch_price_files(
    open_file: OpenFile = open_price_file, progress: Progress = lambda _: None
) -> FetchedFiles:
    """Fetch the current file of every offer and Region.

    A file that cannot be read is listed among the failures, and the others are still read. Without
    an offer's index, its Regions are unknown.
    """
    files: list[BulkFile] = []
    failures: list[str] = []
    for offer in OFFERS:
        index = _attempt(f"{offer}: list of Regions", _INDEX.format(offer=offer), open_file, _paths)
        if isinstance(index, str):
            failures.append(index)
            continue
        for region, path in index.items():
            name = f"{offer} {region}"
            progress(name)
            file = _attempt(name, path, open_file, read_bulk_file)
            if isinstance(file, str):
                failures.append(file)
            else:
                files.append(file)
    return FetchedFiles(tuple(files), tuple(failures))


def _attempt(
    name: str, path: str, open_file: OpenFile, read: Callable[[BinaryReader], _Read]
) -> _Read | str:
    """Read a file, or return its name and the reason why it cannot be read."""
    try:
        with open_file(path) as file:
            return read(file)
    except (OSError, HTTPException, PriceListFileError) as error:
        return f"{name}: {error}"


def _paths(file: BinaryReader) -> dict[str, str]:
    """The path of each Region's file."""
    text = file.read(_MAX_INDEX_BYTES)
    try:
        regions = json.loads(text)["regions"]
        paths = {region: about["currentVersionUrl"] for region, about in sorted(regions.items())}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = "it is no list of Regions"
        raise PriceListFileError(message) from error
    if not all(isinstance(path, str) and path.startswith("/offers/") for path in paths.values()):
        message = "it names a file elsewhere"
        raise PriceListFileError(message)
    return paths
