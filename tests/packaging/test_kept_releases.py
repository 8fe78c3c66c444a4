"""A kept release has all that is needed to deploy it again with the layers of this code."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from aws_cdk import FileSystem

from cdk.components.bundle import ROOT
from cdk.operations.kept_release import KEPT_RELEASES, keep, read_assets
from cdk.operations.release import ASSEMBLY, CHECKSUMS
from cdk.operations.terminal import CommandError
from tests.infrastructure.synthesis import resources
from tests.releases import build_once, complete

PUBLISHED = sorted(path.name for path in (ROOT / KEPT_RELEASES).iterdir() if path.is_dir())


@pytest.fixture
def assembly() -> Path:
    return build_once() / ASSEMBLY


@pytest.fixture(params=["current", *PUBLISHED])
def kept(request: pytest.FixtureRequest, assembly: Path, tmp_path: Path) -> Path:
    """A kept release: one of this code, and each published one."""
    if request.param != "current":
        return ROOT / KEPT_RELEASES / str(request.param)
    folder = tmp_path / "kept"
    assert keep(assembly, folder, assembly.parent / CHECKSUMS)
    return folder


def code_keys(folder: Path) -> Iterator[str]:
    """The object keys of the code of the meter's own functions."""
    for path in folder.glob("*.template.json"):
        for function in resources(json.loads(path.read_text()), "AWS::Lambda::Function").values():
            if function["Handler"].startswith("lambdas."):
                yield function["Code"]["S3Key"]


def test_the_code_of_every_function_is_kept_with_the_content_that_its_hash_names(
    kept: Path, tmp_path: Path
) -> None:
    keys = {*code_keys(kept)}
    assert keys
    assert {path.name for path in kept.glob("*.zip")} == keys
    for key in keys:
        ZipFile(kept / key).extractall(tmp_path / key)
        assert f"{FileSystem.fingerprint(str(tmp_path / key))}.zip" == key


def test_a_kept_release_is_completed_with_the_layers_of_this_code(
    kept: Path, assembly: Path, tmp_path: Path
) -> None:
    complete(kept, assembly, tmp_path / "complete")
    assets = read_assets(kept)
    assert len(assets) > len([*kept.glob("*.zip")])
    for asset in assets.values():
        assert (tmp_path / "complete" / asset["source"]["path"]).exists()


def test_a_release_is_kept_once_and_never_replaced(assembly: Path, tmp_path: Path) -> None:
    kept = tmp_path / "1.2.0"
    assert keep(assembly, kept, assembly.parent / CHECKSUMS)
    assert not keep(assembly, kept, assembly.parent / CHECKSUMS)
    (template, *_) = sorted(kept.glob("*.template.json"))
    template.write_text("{}")
    with pytest.raises(CommandError, match=r"1\.2\.0 differs") as refusal:
        keep(assembly, kept, assembly.parent / CHECKSUMS)
    assert f" in 1 file ({template.name}): remove tests/fixtures/releases/1.2.0" in str(
        refusal.value
    )
    assert template.read_text() == "{}"


def test_a_layer_with_other_content_is_a_difference(assembly: Path, tmp_path: Path) -> None:
    keep(assembly, tmp_path / "1.2.0", assembly.parent / CHECKSUMS)
    checksums = tmp_path / CHECKSUMS
    checksums.write_text((assembly.parent / CHECKSUMS).read_text() + "0  assembly/evil.py\n")
    with pytest.raises(CommandError) as refusal:
        keep(assembly, tmp_path / "1.2.0", checksums)
    assert f" in 1 file ({CHECKSUMS}):" in str(refusal.value)


def test_a_file_that_is_missing_or_too_many_is_a_difference(assembly: Path, tmp_path: Path) -> None:
    kept = tmp_path / "1.2.0"
    keep(assembly, kept, assembly.parent / CHECKSUMS)
    (archive,) = kept.glob("*.zip")
    shutil.move(archive, kept / "other.zip")
    with pytest.raises(CommandError) as refusal:
        keep(assembly, kept, assembly.parent / CHECKSUMS)
    assert " in 2 files (" in str(refusal.value)
    assert archive.name in str(refusal.value)
    assert "other.zip" in str(refusal.value)


def test_every_version_of_the_changelog_is_kept() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\d+\.\d+\.\d+) - ", changelog, re.MULTILINE)
    assert sorted(versions) == PUBLISHED
