"""Keeps of a release its templates, the code of its functions, and the checksums of all files.

Layers and the CDK's own function are not kept. They are packages of others, and are made again
from the lock file.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cdk.operations.terminal import CommandError
from lambdas.domain.words import list_first, plural

KEPT_RELEASES = Path("tests/fixtures/releases")

_CODE = "lambdas"
_NAMES_SHOWN = 2
_EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)  # the same bytes, whenever an archive is written


def keep(assembly: Path, folder: Path, checksums: Path) -> bool:
    """Keep a release, unless it is kept already; returns True if it is new.

    Args:
        assembly: The cloud assembly of the release.
        folder: The folder in which it is kept.
        checksums: The list of the checksums of all its files, so those that are not kept too.

    Raises:
        CommandError: Another release of this version is kept.
    """
    files = {**dict(_select(assembly)), checksums.name: checksums.read_bytes()}
    if not folder.exists():
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return True
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    changed = sorted(name for name in {*kept, *files} if kept.get(name) != files.get(name))
    if changed:
        message = (
            f"the kept release {folder.name} differs from what this commit builds in"
            f" {plural(len(changed), 'file')} ({list_first(changed, _NAMES_SHOWN)}): remove"
            f" {KEPT_RELEASES / folder.name} and commit that, unless the version was published."
        )
        raise CommandError(message)
    return False


def read_assets(assembly: Path) -> Mapping[str, Mapping[str, Any]]:
    """Read the assets that an assembly's templates name, by their hashes."""
    return {
        digest: asset
        for path in sorted(assembly.glob("*.assets.json"))
        for digest, asset in json.loads(path.read_text(encoding="utf-8"))["files"].items()
    }


def _select(assembly: Path) -> Iterator[tuple[str, bytes]]:
    for pattern in ("*.template.json", "*.assets.json"):
        for path in assembly.glob(pattern):
            yield path.name, path.read_bytes()
    for digest, asset in read_assets(assembly).items():
        folder = assembly / asset["source"]["path"]
        if (folder / _CODE).is_dir():
            yield f"{digest}.zip", _archive(folder)


def _archive(folder: Path) -> bytes:
    """Put a folder into an archive, uncompressed: Git compresses it, and stores only changes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            file = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EARLIEST_TIME)
            file.external_attr = 0o644 << 16
            archive.writestr(file, path.read_bytes())
    return content.getvalue()
