"""A clone is released only if its commit is complete and its version is not another one's."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from cdk.operations.checkout import Checkout, read_checkout
from cdk.operations.terminal import CommandError
from tests.operations.clones import CHANGELOG, commit, git, make_clone

READY = Checkout(
    version="1.2.0",
    locked_version="1.2.0",
    changelog=CHANGELOG,
    changes=(),
    commit="c0ffee",
    tagged_commit=None,
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return make_clone(tmp_path, locked_version="1.1.0")


@pytest.mark.parametrize("tagged_commit", [None, READY.commit])
def test_a_release_has_the_day_of_the_changelog(tagged_commit: str | None) -> None:
    assert replace(READY, tagged_commit=tagged_commit).check() == date(2026, 3, 4)


@pytest.mark.parametrize(
    ("checkout", "reason"),
    [
        (replace(READY, changes=(" M README.md",)), "the clone has uncommitted changes"),
        (replace(READY, locked_version="1.1.0"), "run .venv/bin/uv lock"),
        (replace(READY, tagged_commit="beef"), r"v1.2.0 is the tag of another commit \(beef\)"),
        (replace(READY, changelog="## Unreleased\n"), "CHANGELOG.md has no version 1.2.0"),
        (replace(READY, changelog="## 1.2.0\n"), "CHANGELOG.md has no version 1.2.0"),
        (replace(READY, changelog="## 1x2.0 - 2026-03-04"), "CHANGELOG.md has no version 1.2.0"),
        (replace(READY, changelog="## 1.2.0 - 2026-02-30"), "2026-02-30.* does not exist"),
    ],
)
def test_a_clone_that_cannot_be_released_is_refused(checkout: Checkout, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        checkout.check()


def test_every_changed_file_is_named() -> None:
    with pytest.raises(CommandError) as refusal:
        replace(READY, changes=(" M README.md", "?? notes.txt")).check()
    assert refusal.value.details == (" M README.md", "?? notes.txt")


def test_versions_changes_and_commit_are_read(clone: Path) -> None:
    head = commit(clone)
    (clone / "notes.txt").write_text("new")
    assert read_checkout(clone) == replace(
        READY, locked_version="1.1.0", changes=("?? notes.txt",), commit=head
    )


@pytest.mark.parametrize("options", [(), ("--annotate", "--message", "Release")])
def test_the_commit_of_a_tag_is_read(clone: Path, options: tuple[str, ...]) -> None:
    tagged = commit(clone)
    git(clone, "tag", *options, "v1.2.0")
    git(clone, "tag", "v1.2.0.1", "HEAD")
    head = commit(clone)
    checkout = read_checkout(clone)
    assert (checkout.tagged_commit, checkout.commit) == (tagged, head)
    assert head != tagged


def test_a_folder_without_a_commit_is_refused(clone: Path) -> None:
    with pytest.raises(CommandError, match="git rev-parse HEAD failed"):
        read_checkout(clone)
