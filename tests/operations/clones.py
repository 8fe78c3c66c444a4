"""Clones of a small project, with what a release reads of them."""

import shutil
import subprocess
from pathlib import Path

from cdk.components.bundle import ROOT

CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2026-03-04\n\n### Added\n"


def make_clone(folder: Path, *, locked_version: str = "1.2.0") -> Path:
    """Make a clone of version 1.2.0 without a commit; returns its folder."""
    (folder / "pyproject.toml").write_text('[project]\nname = "meter"\nversion = "1.2.0"\n')
    (folder / "uv.lock").write_text(
        '[[package]]\nname = "six"\nversion = "1.17.0"\n'
        f'[[package]]\nname = "meter"\nversion = "{locked_version}"\n'
    )
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    (folder / ".gitignore").write_text(".release/\n")
    git(folder, "init", "--quiet")
    return folder


def make_project_clone(folder: Path, version: str) -> Path:
    """Make a clone of what this project builds a release from, without a commit."""
    for name in ("cdk", "dashboards", "lambdas"):
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in (".gitignore", "cdk.json", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder)
    (folder / "CHANGELOG.md").write_text(CHANGELOG.replace("1.2.0", version))
    git(folder, "init", "--quiet")
    return folder


def commit(folder: Path) -> str:
    """Commit everything; returns the commit."""
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Change")
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    """Run Git in a folder; returns what it prints."""
    own = ("user.name=A", "user.email=a@example.com", "commit.gpgsign=false", "tag.gpgsign=false")
    command = ["git", *(part for setting in own for part in ("-c", setting)), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()
