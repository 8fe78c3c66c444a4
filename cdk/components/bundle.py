"""Bundles the functions' code, and groups of dependencies from the lock file.

No Docker: uv picks wheels for the functions' own Python and processor. Each bundle is kept under a
name made from its content, so that only the first one needs a package registry.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal, TypeAlias

ROOT = Path(__file__).parents[2]
_BUNDLES = ROOT / ".bundles"
_CODE = ("*.json", "*.py", "functions/*/run")

Architecture: TypeAlias = Literal["arm64", "x86_64"]
DependencyGroup: TypeAlias = Literal["runtime", "aws-sdk", "parquet", "gateway", "webhooks"]
"""Groups of `pyproject.toml` that functions need: `runtime` all of them, the others few."""

# Lambda's own machines: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_PLATFORMS: dict[Architecture, str] = {
    "arm64": "aarch64-manylinux_2_28",
    "x86_64": "x86_64-manylinux_2_28",
}


class BundlingError(Exception):
    """Dependencies could not be installed. The text says why."""


def bundle_code() -> Path:
    """Bundle only the code of all functions and the data files beside it."""
    files = sorted(file for pattern in _CODE for file in (ROOT / "lambdas").rglob(pattern))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    bundle = _BUNDLES / f"code-{digest.hexdigest()[:16]}"
    if not bundle.exists():
        with _Unfinished(bundle) as folder:
            for file in files:
                copy = folder / file.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)  # with its mode: Lambda runs scripts
    return bundle


def bundle_layer(
    group: DependencyGroup, *, python_version: str, architecture: Architecture
) -> Path:
    """Bundle a group of dependencies, as locked, as a Lambda layer.

    Args:
        group: Its name in `pyproject.toml`.
        python_version: The functions' Python, as in `3.14`.
        architecture: Their processor.

    Raises:
        BundlingError: There is no network, or no wheel for this Python and processor.
    """
    requirements = run_uv(
        *("export", "--frozen", "--only-group", group, "--no-header", "--no-annotate")
    )
    platform = _PLATFORMS[architecture]
    digest = hashlib.sha256(f"{requirements}\0{platform}\0{python_version}\0".encode())
    digest.update(Path(__file__).read_bytes())  # a change here can change the content
    bundle = _BUNDLES / f"layer-{digest.hexdigest()[:16]}"
    if not bundle.exists():
        with _Unfinished(bundle) as folder, tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(requirements)
            file.flush()
            run_uv(
                *("pip", "install", "--quiet", "--requirements", file.name, "--require-hashes"),
                *("--target", str(folder / "python"), "--only-binary", ":all:", "--no-deps"),
                *("--python-platform", platform, "--python-version", python_version),
                *("--no-compile-bytecode", "--link-mode", "copy"),
            )
            _remove_scripts(folder / "python")
            (folder / "python" / ".lock").unlink(missing_ok=True)
    return bundle


def _remove_scripts(packages: Path) -> None:
    """Remove scripts, which functions never run, and their rows in the lists of files.

    Scripts contain paths of the build machine, and the lists contain digests of them.
    """
    shutil.rmtree(packages / "bin", ignore_errors=True)
    for record in packages.glob("*.dist-info/RECORD"):
        rows = record.read_text(encoding="utf-8").splitlines(keepends=True)
        record.write_text(
            "".join(row for row in rows if not row.startswith("bin/")), encoding="utf-8"
        )


class _Unfinished:
    """A folder that becomes the bundle only on success, even if other processes bundle as well."""

    def __init__(self, bundle: Path) -> None:
        self._bundle = bundle
        _BUNDLES.mkdir(exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(dir=_BUNDLES, prefix="unfinished-")

    def __enter__(self) -> Path:
        content = Path(self._folder.name) / "bundle"
        content.mkdir()
        return content

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        with self._folder as folder:
            if error is None:
                self._publish(Path(folder) / "bundle")

    def _publish(self, content: Path) -> None:
        try:
            content.rename(self._bundle)
        except OSError:  # another process has made the same bundle in the meantime
            if not self._bundle.exists():
                raise


def run_uv(*arguments: str) -> str:
    """Run the locked uv on the project; returns what it prints.

    Raises:
        BundlingError: It failed.
    """
    done = subprocess.run(  # noqa: S603  # our own arguments
        [sys.executable, "-m", "uv", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"uv {arguments[0]} failed:\n{done.stderr.strip()}"
        raise BundlingError(message)
    return done.stdout
