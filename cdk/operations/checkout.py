"""Reads the state of a clone, and checks that it can be released."""

from __future__ import annotations

import re
import subprocess
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cdk.operations.terminal import CommandError


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """The state of a clone, which decides whether it can be released.

    Attributes:
        version: The version in `pyproject.toml`.
        locked_version: The version in `uv.lock`.
        changelog: The text of `CHANGELOG.md`.
        changes: The files that are not committed as they are.
        commit: The current commit.
        tagged_commit: The commit with the version's tag; `None` without a tag.
    """

    version: str
    locked_version: str
    changelog: str
    changes: tuple[str, ...]
    commit: str
    tagged_commit: str | None

    @property
    def tag(self) -> str:
        """The name of the version's tag."""
        return f"v{self.version}"

    def check(self) -> date:
        """Check that the clone can be released; returns the day of the release.

        Raises:
            CommandError: It cannot. The text says what to do first.
        """
        if self.changes:
            message = "the clone has uncommitted changes: commit or discard them first."
            raise CommandError(message, *self.changes)
        if self.locked_version != self.version:
            message = (
                f"uv.lock has version {self.locked_version}, pyproject.toml has {self.version}:"
                " run .venv/bin/uv lock and commit uv.lock."
            )
            raise CommandError(message)
        if self.tagged_commit not in {None, self.commit}:
            message = (
                f"{self.tag} is the tag of another commit ({self.tagged_commit}): check that commit"
                " out, or give pyproject.toml a new version."
            )
            raise CommandError(message)
        return self._find_day()

    def _find_day(self) -> date:
        heading = rf"^## {re.escape(self.version)} - (\d{{4}}-\d{{2}}-\d{{2}})$"
        found = re.search(heading, self.changelog, re.MULTILINE)
        if found is None:
            message = (
                f"CHANGELOG.md has no version {self.version}: move the unreleased changes below a"
                f' heading "## {self.version} - YYYY-MM-DD".'
            )
            raise CommandError(message)
        try:
            return date.fromisoformat(found[1])
        except ValueError:
            message = (
                f"CHANGELOG.md: {found[1]}, the day of version {self.version}, does not exist."
            )
            raise CommandError(message) from None


def read_checkout(root: Path) -> Checkout:
    """Read the state of the clone in a folder.

    Raises:
        CommandError: The folder is not a clone, or has no commit.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))["package"]
    (locked,) = (package for package in packages if package["name"] == project["name"])
    tag = f"refs/tags/v{project['version']}"
    # An annotated tag is an object of its own, and names the commit.
    objects = " ".join(_git(root, "for-each-ref", "--format=%(objectname) %(*objectname)", tag))
    return Checkout(
        version=project["version"],
        locked_version=locked["version"],
        changelog=(root / "CHANGELOG.md").read_text(encoding="utf-8"),
        changes=tuple(_git(root, "status", "--porcelain")),
        commit=_git(root, "rev-parse", "HEAD")[0],
        tagged_commit=next(reversed(objects.split()), None),
    )


def clone_commit(root: Path, commit: str, folder: Path) -> None:
    """Clone one commit into a new folder, where no file and no setting of the clone matters.

    Raises:
        CommandError: Git failed.
    """
    options = ("-c", "core.autocrlf=false", "-c", "core.hooksPath=/dev/null")
    _git(root, *options, "clone", "--quiet", "--no-checkout", "--shared", str(root), str(folder))
    _git(folder, *options, "checkout", "--quiet", "--detach", commit)


def _git(root: Path, *arguments: str) -> list[str]:
    """Run Git in a folder; returns the lines that it prints."""
    done = subprocess.run(  # noqa: S603  # our own arguments
        ["git", *arguments],  # noqa: S607  # the operator's own
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"git {' '.join(arguments)} failed: {done.stderr.strip()}"
        raise CommandError(message)
    return done.stdout.splitlines()
