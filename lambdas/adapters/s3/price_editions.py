"""Keeps listings and editions of prices in S3, behind one pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ValidationError

from lambdas.domain.pricing.editions import (
    EDITIONS_PREFIX,
    LISTINGS_PREFIX,
    POINTER_KEY,
    Edition,
    InvalidPriceDocumentError,
    Listing,
    PointerMovedError,
    PriceEditionsUnavailableError,
    PriceUpdates,
    StoredPointer,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MAX_BYTES = 32 * 1024 * 1024
_NOT_THERE = frozenset({"NoSuchKey", "404"})
_NOT_MODIFIED = "304"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_MOVED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409"})
_Document = TypeVar("_Document", bound=BaseModel)


class _Condition(TypedDict, total=False):
    """The condition of a request, by entity tags."""

    IfMatch: str
    IfNoneMatch: str


_ANY: _Condition = {}


class S3PriceEditions:
    """Documents in a bucket: `current.json`, `editions/<id>.json`, `listings/<key>.json`."""

    def __init__(self, open_client: Callable[[], S3Client], bucket: str) -> None:
        """Use a bucket.

        Args:
            open_client: Makes an S3 client when the first document is read: it takes time.
            bucket: Its name.
        """
        self._open_client = open_client
        self._bucket = bucket
        self._opened: S3Client | None = None

    def read_pointer(self) -> StoredPointer:
        """Read the pointer; an empty one where nothing was published yet."""
        return self.read_newer_pointer(None) or StoredPointer(PriceUpdates(), None)

    def read_newer_pointer(self, version: str | None) -> StoredPointer | None:
        """Read the pointer; `None` where it still has a version, or was never written."""
        found = self._read(POINTER_KEY, PriceUpdates, {"IfNoneMatch": version} if version else {})
        return None if found is None else StoredPointer(*found)

    def read_edition(self, edition: str) -> Edition:
        """Read an edition."""
        return self._require(f"{EDITIONS_PREFIX}{edition}.json", Edition)

    def read_listing(self, key: str) -> Listing:
        """Read a listing."""
        return self._require(f"{LISTINGS_PREFIX}{key}.json", Listing)

    def write_edition(self, edition: Edition) -> None:
        """Write an edition, under its own name."""
        self._write(f"{EDITIONS_PREFIX}{edition.id}.json", edition)

    def write_listing(self, listing: Listing) -> None:
        """Write a listing, under its own key."""
        self._write(f"{LISTINGS_PREFIX}{listing.key}.json", listing)

    def publish(self, updates: PriceUpdates, replaces: str | None) -> None:
        """Replace the pointer if it still has the version that was read.

        Raises:
            PointerMovedError: It has another version.
        """
        condition: _Condition = {"IfNoneMatch": "*"} if replaces is None else {"IfMatch": replaces}
        try:
            self._write(POINTER_KEY, updates, condition)
        except PriceEditionsUnavailableError as error:
            if _code(error.__cause__) in _MOVED:
                message = "another run published first"
                raise PointerMovedError(message) from error
            raise

    @property
    def _client(self) -> S3Client:
        if self._opened is None:
            self._opened = self._open_client()
        return self._opened

    def _require(self, key: str, kind: type[_Document]) -> _Document:
        found = self._read(key, kind, {})
        if found is None:
            message = f"{key} is not there"
            raise InvalidPriceDocumentError(message)
        return found[0]

    def _read(
        self, key: str, kind: type[_Document], condition: _Condition
    ) -> tuple[_Document, str] | None:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key, **condition)
            text = answer["Body"].read(_MAX_BYTES)
        except (BotoCoreError, ClientError) as error:
            if _code(error) in _NOT_THERE or _code(error) == _NOT_MODIFIED:
                return None
            message = f"{key} cannot be read: {error}"
            raise PriceEditionsUnavailableError(message) from error
        try:
            return kind.model_validate_json(text), answer["ETag"]
        except ValidationError as error:
            message = f"{key} is not valid: {error.error_count()} errors"
            raise InvalidPriceDocumentError(message) from error

    def _write(self, key: str, document: BaseModel, condition: _Condition = _ANY) -> None:
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=document.model_dump_json(exclude_none=True).encode(),
                ContentType="application/json",
                **condition,
            )
        except (BotoCoreError, ClientError) as error:
            message = f"{key} cannot be written: {error}"
            raise PriceEditionsUnavailableError(message) from error


def _code(error: BaseException | None) -> str | None:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else None
