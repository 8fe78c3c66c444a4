"""Buckets of S3, with conditional writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import md5
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from tests.simulation.cloud.errors import THROTTLED, UNAVAILABLE, lost_answer, refused
from tests.simulation.faults import Fault
from tests.simulation.world import World

_THROTTLED_SHARE = 0.03
_LOST_SHARE = 0.02


class SimulatedS3:
    """A client of S3 over objects in memory.

    Attributes:
        objects: The content of each object by bucket and key.
        versions: The times and contents of all versions, the oldest first, by bucket and key.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.objects: dict[tuple[str, str], bytes] = {}
        self.versions: defaultdict[tuple[str, str], list[tuple[datetime, bytes]]] = defaultdict(
            list
        )

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
        **_options: Any,
    ) -> Any:
        def write() -> Any:
            stored = self.objects.get((Bucket, Key))
            if IfMatch is not None and (stored is None or _tag(stored) != IfMatch):
                raise refused("PreconditionFailed", "PutObject")
            if IfNoneMatch is not None and stored is not None:
                raise refused("PreconditionFailed", "PutObject")
            self.objects[Bucket, Key] = Body
            self.versions[Bucket, Key].append((self._world.now, Body))
            return {"ETag": _tag(Body)}

        return self._request("PutObject", write)

    def get_object(
        self,
        *,
        Bucket: str,
        Key: str,
        IfNoneMatch: str | None = None,
        VersionId: str | None = None,
        **_options: Any,
    ) -> Any:
        def read() -> Any:
            stored = self.objects.get((Bucket, Key))
            if VersionId is not None:
                _, stored = self.versions[Bucket, Key][int(VersionId)]
            if stored is None:
                raise refused("NoSuchKey", "GetObject")
            if IfNoneMatch == _tag(stored):
                raise refused("304", "GetObject")
            return {"Body": BytesIO(stored), "ETag": _tag(stored)}

        return self._request("GetObject", read)

    def delete_object(self, *, Bucket: str, Key: str) -> Any:
        return self._request("DeleteObject", lambda: self.objects.pop((Bucket, Key), None))

    def get_paginator(self, operation: str) -> Any:
        """Make a paginator of objects or of versions, whose pages are one."""

        def list_versions(*, Bucket: str, Prefix: str) -> Iterator[Any]:
            def read() -> Any:
                return {
                    "Versions": [
                        {"Key": key, "VersionId": str(number), "LastModified": written_at}
                        for bucket, key in sorted(self.versions)
                        if bucket == Bucket and key.startswith(Prefix)
                        for number, (written_at, _) in reversed(
                            [*enumerate(self.versions[bucket, key])]
                        )
                    ]
                }

            yield self._request("ListObjectVersions", read)

        def paginate(*, Bucket: str, Prefix: str) -> Iterator[Any]:
            yield {
                "Contents": [
                    {"Key": key}
                    for bucket, key in self.objects
                    if bucket == Bucket and key.startswith(Prefix)
                ]
            }

        is_of_versions = operation == "list_object_versions"
        return SimpleNamespace(paginate=list_versions if is_of_versions else paginate)

    def has_objects(self, bucket: str) -> bool:
        """Say if a bucket has any object."""
        return any(name == bucket for name, _ in self.objects)

    def _request(self, operation: str, action: Callable[[], Any]) -> Any:
        world = self._world
        world.effect()
        if world.current is not None and world.is_outage:
            raise refused(UNAVAILABLE, operation)
        if world.current is not None and world.strikes(Fault.THROTTLES, _THROTTLED_SHARE):
            raise refused(THROTTLED, operation)
        answer = action()
        if world.current is not None and world.strikes(Fault.LOST_ANSWERS, _LOST_SHARE):
            raise lost_answer()
        world.effect()
        return answer


def _tag(body: bytes) -> str:
    return f'"{md5(body, usedforsecurity=False).hexdigest()}"'
