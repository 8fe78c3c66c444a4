"""The bundles hold all that the functions import, for the Lambda's own Python, and no more."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from cdk.components import bundle
from cdk.components.bundle import Architecture, BundlingError, bundle_code, bundle_layer

HANDLERS = sorted(
    str(path.relative_to(path.parents[3]).with_suffix("")).replace(os.sep, ".")
    for path in (Path(__file__).parents[2] / "lambdas" / "functions").glob("*/handler.py")
)
PARQUET = ("aws-lambda-powertools", "boto3", "ijson", "pydantic")
MOST_MEGABYTES = 250
"""Of code and layers: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
THIS_MACHINE: Architecture = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
DEPENDENCIES = ("boto3", "duckdb")
NEWEST_BOTO3 = ("aws-lambda-powertools", "duckdb", "ijson", "pydantic")


def layer(without: tuple[str, ...]) -> Path:
    folder = bundle_layer(without=without, python_version=THIS_PYTHON, architecture=THIS_MACHINE)
    return folder / "python"


def test_there_are_functions() -> None:
    assert len(HANDLERS) >= 3


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_is_imported_from_the_bundles_alone(handler: str) -> None:
    """As in Lambda: nothing of this project's folder or its environment is in reach."""
    layers = [layer(it) for it in (DEPENDENCIES, NEWEST_BOTO3, PARQUET)]
    paths = [str(bundle_code()), *map(str, layers)]
    program = (
        f"import sys; sys.path[:0] = {paths!r}; import {handler} as it;"
        " print(it.__file__, callable(it.lambda_handler))"
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


@pytest.mark.parametrize("without", [DEPENDENCIES, NEWEST_BOTO3])
def test_layers_hold_what_lambda_s_own_python_on_arm_can_load(without: tuple[str, ...]) -> None:
    folder = bundle_layer(without=without, python_version="3.14", architecture="arm64")
    for library in folder.rglob("*.so"):
        assert "314" in library.name
        assert "aarch64" in library.name


def test_the_dependencies_are_small_and_know_no_x_ray() -> None:
    installed = {path.name for path in layer(DEPENDENCIES).iterdir()}
    assert {"aws_lambda_powertools", "ijson", "pydantic"} <= installed
    assert installed.isdisjoint(
        {"aws_xray_sdk", "boto3", "botocore", "duckdb", "moto", "rich", "bin"}
    )
    megabytes = sum(it.stat().st_size for it in layer(DEPENDENCIES).rglob("*")) / 1e6
    assert megabytes < 20


def test_parquet_is_written_by_a_layer_of_its_own_that_fits_beside_the_others() -> None:
    folder = bundle_layer(without=PARQUET, python_version="3.14", architecture="arm64")
    libraries = [it.name for it in folder.rglob("*.so")]
    assert libraries == ["_duckdb.abi3.so"]
    found = {path.name for path in (folder / "python").iterdir()}
    assert found.isdisjoint({"boto3", "botocore", "ijson", "pydantic", "aws_lambda_powertools"})
    files = [it for path in (folder, layer(DEPENDENCIES)) for it in path.rglob("*")]
    assert sum(it.stat().st_size for it in files) / 1e6 < MOST_MEGABYTES / 2


def test_the_code_is_the_functions_and_nothing_else() -> None:
    assert {path.name for path in bundle_code().iterdir()} == {"lambdas"}
    files = [path for path in bundle_code().rglob("*") if path.is_file()]
    assert {path.name for path in files if path.suffix != ".py"} == {
        *("model_names.json", "prices.json")
    }


def test_a_python_without_wheels_is_told_and_leaves_no_half_bundle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bundle, "_BUNDLES", tmp_path)
    with pytest.raises(BundlingError, match="uv pip failed"):
        bundle_layer(without=DEPENDENCIES, python_version="3.2", architecture="arm64")
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_another_process_finishes_first_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    finished: list[Path] = []

    def make() -> Path:
        return bundle_layer(without=(), python_version=THIS_PYTHON, architecture=THIS_MACHINE)

    def install(command: str, *arguments: str) -> str:
        if command == "pip":
            target = Path(arguments[arguments.index("--target") + 1])
            target.mkdir()
            if not finished:
                finished.append(target)
                finished[0] = make()
        return ""

    monkeypatch.setattr(bundle, "_BUNDLES", tmp_path)
    monkeypatch.setattr(bundle, "_uv", install)
    assert make() == finished[0]
    assert list(tmp_path.iterdir()) == finished
