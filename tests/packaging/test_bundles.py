"""The bundles contain exactly what the functions import, built for Lambda's Python."""

import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path
from typing import get_args

import pytest
from aws_cdk import FileSystem
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cdk.components import bundle
from cdk.components.bundle import (
    Architecture,
    BundlingError,
    DependencyGroup,
    bundle_code,
    bundle_layer,
)
from cdk.components.function_defaults import LAYER_NAMES
from tests.infrastructure.synthesis import deployment, resources

ROOT = Path(__file__).parents[2]
LAYER = "AWS::Lambda::LayerVersion"

HANDLERS = sorted(
    str(path.relative_to(path.parents[3]).with_suffix("")).replace(os.sep, ".")
    for path in (ROOT / "lambdas" / "functions").glob("*/handler.py")
)
MAX_MEGABYTES = 250
"""Of code and layers: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
THIS_MACHINE: Architecture = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
GROUPS = get_args(DependencyGroup)


def layer(group: DependencyGroup) -> Path:
    return bundle_layer(group, python_version=THIS_PYTHON, architecture=THIS_MACHINE) / "python"


def get_groups(handler: str) -> tuple[str, list[DependencyGroup]]:
    """The name that Lambda starts in a module, and the groups of the layers beside it."""
    ((entry, found),) = (
        (
            function["Handler"].removeprefix(f"{handler}."),
            [resources(template, LAYER)[layer["Ref"]]["LayerName"] for layer in function["Layers"]],
        )
        for template in deployment("everything").templates.values()
        for function in resources(template, "AWS::Lambda::Function").values()
        if function["Handler"].startswith(f"{handler}.")
    )
    return entry, [
        group
        for group, name in LAYER_NAMES.items()
        for layer_name in found
        if layer_name.endswith(f"-{name}")
    ]


def is_needed(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def test_functions_are_found() -> None:
    assert len(HANDLERS) >= 3


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_can_be_imported_from_the_bundles_alone(handler: str) -> None:
    """The import sees only the bundles and a boto3, as in Lambda."""
    entry, groups = get_groups(handler)
    layers = [layer(group) for group in {*groups, "aws-sdk"}]
    paths = [str(bundle_code()), *map(str, layers)]
    program = (
        f"import sys; sys.path[:0] = {paths!r}; import {handler} as module;"
        f" print(module.__file__, callable(module.{entry}))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"AWS_DEFAULT_REGION": "us-east-1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(bundle_code()))
    assert done.stdout.endswith("True\n")


@pytest.mark.parametrize("group", GROUPS)
def test_a_layer_has_the_packages_of_its_group_and_their_dependencies(
    group: DependencyGroup,
) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    installed = {
        canonicalize_name(distribution.name): distribution.requires or ()
        for distribution in distributions(path=[str(layer(group))])
    }
    required = set[str]()
    wanted = [Requirement(text) for text in groups[group]]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name not in required:
            required.add(name)
            inner = map(Requirement, installed[name])
            wanted += [each for each in inner if is_needed(each, requirement.extras)]
    assert installed.keys() == required


def test_every_function_has_the_runtime_layer_and_few_have_another() -> None:
    groups = {handler.split(".")[2]: set(get_groups(handler)[1]) for handler in HANDLERS}
    assert all("runtime" in found for found in groups.values())
    assert {job: found - {"runtime"} for job, found in groups.items() if len(found) > 1} == {
        "focus_exporter": {"parquet"},
        "gateway": {"gateway"},
        "logging_configurator": {"aws-sdk"},
        "logging_watcher": {"aws-sdk"},
        "webhook_sender": {"webhooks"},
    }


@pytest.mark.parametrize("group", ["runtime", "aws-sdk"])
def test_layers_can_be_loaded_by_lambda_s_python_on_arm(group: DependencyGroup) -> None:
    folder = bundle_layer(group, python_version="3.14", architecture="arm64")
    for library in folder.rglob("*.so"):
        assert "314" in library.name
        assert "aarch64" in library.name


def test_the_dependencies_are_small_and_have_no_x_ray() -> None:
    installed = {path.name for path in layer("runtime").iterdir()}
    assert {"aws_lambda_powertools", "ijson", "pydantic"} <= installed
    assert installed.isdisjoint(
        {"aws_xray_sdk", "boto3", "botocore", "click", "duckdb", "moto", "rich", "bin"}
    )
    assert not [name for name in installed if name.startswith(("bedrock", "cdk", "dashboards"))]
    megabytes = sum(file.stat().st_size for file in layer("runtime").rglob("*")) / 1e6
    assert megabytes < 20


def test_parquet_has_a_separate_layer_that_fits_beside_the_others() -> None:
    folder = bundle_layer("parquet", python_version="3.14", architecture="arm64")
    libraries = [path.name for path in folder.rglob("*.so")]
    assert libraries == ["_duckdb.abi3.so"]
    found = {path.name for path in (folder / "python").iterdir()}
    assert found.isdisjoint({"boto3", "botocore", "ijson", "pydantic", "aws_lambda_powertools"})
    files = [file for path in (folder, layer("runtime")) for file in path.rglob("*")]
    assert sum(file.stat().st_size for file in files) / 1e6 < MAX_MEGABYTES / 2


def test_the_code_bundle_has_only_the_functions() -> None:
    assert {path.name for path in bundle_code().iterdir()} == {"lambdas"}
    files = [path for path in bundle_code().rglob("*") if path.is_file()]
    assert {path.name for path in files if path.suffix != ".py"} == {
        *("context_windows.json", "error_ratios.json", "model_lifecycle.json"),
        *("model_names.json", "prices.json", "run"),
    }


def test_layers_name_no_file_that_depends_on_the_build_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = layer("runtime")
    for record in folder.glob("*.dist-info/RECORD"):
        names = [row.split(",")[0] for row in record.read_text(encoding="utf-8").splitlines()]
        assert [name for name in names if not (folder / name).exists()] == []
    monkeypatch.setattr(bundle, "_BUNDLES", tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    again = layer("runtime")
    assert again != folder
    assert FileSystem.fingerprint(str(again)) == FileSystem.fingerprint(str(folder))


def test_a_python_without_wheels_is_reported_and_leaves_no_partial_bundle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bundle, "_BUNDLES", tmp_path)
    with pytest.raises(BundlingError, match="uv pip failed"):
        bundle_layer("runtime", python_version="3.2", architecture="arm64")
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_finished_by_another_process_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    finished: list[Path] = []

    def make() -> Path:
        return bundle_layer("runtime", python_version=THIS_PYTHON, architecture=THIS_MACHINE)

    def install(command: str, *arguments: str) -> str:
        if command == "pip":
            target = Path(arguments[arguments.index("--target") + 1])
            target.mkdir()
            if not finished:
                finished.append(target)
                finished[0] = make()
        return ""

    monkeypatch.setattr(bundle, "_BUNDLES", tmp_path)
    monkeypatch.setattr(bundle, "run_uv", install)
    assert make() == finished[0]
    assert list(tmp_path.iterdir()) == finished
