"""A release is the same wherever it is built, is for every account, and lists what it ships."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from packaging.utils import canonicalize_name

from cdk.components.bundle import ROOT, bundle_code
from cdk.config import stack_names
from cdk.operations.boundary import Boundary
from cdk.operations.kept_release import read_assets
from cdk.operations.release import ASSEMBLY, CHECKSUMS, build, make_release, sum_up
from cdk.operations.terminal import CommandError
from tests.operations.clones import commit, git, make_clone, make_project_clone
from tests.releases import DAY, build_once

REGION = "eu-west-1"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


@pytest.fixture
def release() -> Path:
    return build_once()


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.rglob("*"):
        if path.is_file() and path.name != CHECKSUMS:
            name = path.relative_to(folder).as_posix()
            yield name, hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_release_is_kept_and_is_built_again_with_equal_bytes(
    release: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clone = make_project_clone(tmp_path / "clone", VERSION)
    commit(clone)
    (clone / ".git" / "info" / "exclude").write_text("hidden.py\n")
    (clone / "lambdas" / "hidden.py").write_text("")
    poisoned = clone / ".bundles" / bundle_code().name
    poisoned.mkdir(parents=True)
    (poisoned / "poisoned.py").write_text("")
    make_release(clone)
    kept = f"tests/fixtures/releases/{VERSION}"
    assert (
        f"Copied it to {kept}: commit that, then tag the commit v{VERSION}."
        in capsys.readouterr().out
    )
    assert dict(digests(clone / ".release" / VERSION)) == dict(digests(release))
    commit(clone)
    git(clone, "tag", f"v{VERSION}")
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", "111122223333")
    monkeypatch.setenv("CDK_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("METER_NAME", "BedrockMeter-Verify")
    make_release(clone)
    assert f"It is identical to the copy in {kept}." in capsys.readouterr().out
    assert dict(digests(clone / ".release" / VERSION)) == dict(digests(release))


def test_a_clone_that_cannot_be_released_is_not_built(tmp_path: Path) -> None:
    make_clone(tmp_path)
    commit(tmp_path)
    (tmp_path / "notes.txt").write_text("new")
    with pytest.raises(CommandError, match="the clone has uncommitted changes"):
        make_release(tmp_path)
    assert not (tmp_path / ".release").exists()


def test_every_file_has_its_checksum(release: Path) -> None:
    lines = (release / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert listed == dict(digests(release))


def test_the_assembly_has_all_stacks_for_every_account_and_region(release: Path) -> None:
    artifacts = read(release / ASSEMBLY / "manifest.json")["artifacts"]
    stacks = {
        name: artifact["environment"]
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    off_by_default = {stack_names.GOVERNANCE, stack_names.GATEWAY, stack_names.WEBHOOKS}
    on_by_default = [name for name in stack_names.ALL if name not in off_by_default]
    assert stacks == dict.fromkeys(on_by_default, "aws://unknown-account/unknown-region")


def test_the_assembly_has_every_asset_and_no_path_of_this_machine(release: Path) -> None:
    assembly = release / ASSEMBLY
    assets = read_assets(assembly)
    assert len(assets) > len(stack_names.ALL)
    assert all((assembly / asset["source"]["path"]).exists() for asset in assets.values())
    texts = [path.read_text(encoding="utf-8") for path in assembly.glob("*.json")]
    assert not any(str(place) in text for text in texts for place in (ROOT, release))


def test_the_sbom_lists_the_packages_of_the_layers_and_the_cdk_s_own_function(
    release: Path,
) -> None:
    bill = read(release / "sbom.cdx.json")
    components = {(component["name"], component["version"]) for component in bill["components"]}
    layers = list((release / ASSEMBLY).glob("asset.*/python"))
    assert len(layers) == 3
    shipped = {
        (canonicalize_name(package.name), package.version)
        for package in distributions(path=[str(layer) for layer in layers])
    }
    assert {name for name, _ in components - shipped} == {"aws-cdk-lib"}
    assert shipped <= components
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["timestamp"] == "2026-03-04T00:00:00Z"


def test_the_sbom_of_development_lists_every_locked_package(release: Path) -> None:
    shipped, development = (
        {component["purl"] for component in read(release / name)["components"]}
        for name in ("sbom.cdx.json", "sbom-development.cdx.json")
    )
    assert shipped < development
    names = {purl.partition("@")[0] for purl in development}
    assert {"pkg:pypi/ministack", "pkg:pypi/pytest", "pkg:pypi/uv"} <= names


def test_the_policies_that_a_deployment_needs_first_are_in_the_release(release: Path) -> None:
    for name in ("boundary", "deployer-policy-data", "deployer-policy-functions"):
        shipped = ROOT / "cdk" / f"{name}.json"
        assert (release / shipped.name).read_bytes() == shipped.read_bytes()


def test_the_commands_in_the_documentation_fill_in_the_boundary(
    release: Path, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^sed (?:.*\\\n)*.*", page, re.MULTILINE)
    script = f"cp {shlex.quote(str(release))}/boundary.json . && {command}"
    environment = {"ACCOUNT": ACCOUNT_ID, "AWS_REGION": REGION, "PATH": os.environ["PATH"]}
    subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, env=environment, check=True)
    with mock_aws():
        iam, sts = boto3.client("iam"), boto3.client("sts")
        assert read(tmp_path / "my-boundary.json") == Boundary(iam, sts, REGION).document


def run_checks(release: Path, sums: Path) -> list[int]:
    """Run the commands of the documentation that check a release; returns how each ended."""
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    commands = re.findall(r"^(?:cmp|sha256sum|test) .*", page, re.MULTILINE)
    assert len(commands) == 3
    environment = {"SUMS": str(sums), "PATH": os.environ["PATH"]}
    return [
        subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=release,
            env=environment,
            check=False,
            capture_output=True,
        ).returncode
        for command in commands
    ]


def test_the_commands_in_the_documentation_find_an_exchanged_release(tmp_path: Path) -> None:
    published = tmp_path / "published"
    (published / ASSEMBLY).mkdir(parents=True)
    (published / ASSEMBLY / "layer.py").write_text("good")
    sums = tmp_path / CHECKSUMS
    sums.write_text(sum_up(published))
    shutil.copy(sums, published)
    assert run_checks(published, sums) == [0, 0, 0]
    (published / ASSEMBLY / "evil.py").write_text("evil")
    assert run_checks(published, sums) == [0, 0, 1]
    (published / ASSEMBLY / "evil.py").unlink()
    (published / ASSEMBLY / "layer.py").write_text("evil")
    assert run_checks(published, sums) == [0, 1, 0]
    (published / CHECKSUMS).unlink()
    (published / CHECKSUMS).write_text(sum_up(published))
    assert run_checks(published, sums) == [1, 0, 0]


def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="log_retention_days"):
        build(tmp_path / "release", DAY, {"log_retention_days": "many"})
