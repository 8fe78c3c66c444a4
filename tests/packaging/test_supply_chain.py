"""Everything that is installed is locked by hash, and Dependabot proposes its updates."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NPM_LOCKS = ("cdk/package-lock.json", "dashboards/viewer/package-lock.json")
USED_ACTION = re.compile(r"^\s*-?\s*uses: (.*)$", re.MULTILINE)
PINNED_ACTION = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(workflow: Path) -> None:
    actions = USED_ACTION.findall(workflow.read_text())
    assert actions
    assert [action for action in actions if not PINNED_ACTION.fullmatch(action)] == []


@pytest.mark.parametrize("lock", NPM_LOCKS)
def test_npm_packages_are_locked_by_hash_in_the_required_version(lock: str) -> None:
    packages = json.loads((ROOT / lock).read_text())["packages"]
    asked = json.loads((ROOT / lock).with_name("package.json").read_text())["dependencies"]
    assert packages.pop("")["dependencies"] == asked
    assert {name: packages[f"node_modules/{name}"]["version"] for name in asked} == asked
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert "resolved" not in (ROOT / lock).read_text()


def test_npm_installs_locked_packages_without_running_their_scripts() -> None:
    commands = re.findall(r"npm(?:-cli\.js\")? (?:.*\\\n)*.*|npx .*", MAKEFILE)
    assert len(commands) == 1
    assert re.match(r'npm-cli\.js" ci ', commands[0])
    assert "--ignore-scripts" in commands[0]


def test_pip_installs_only_by_hash() -> None:
    commands = re.findall(r"pip install (?:.*\\\n)*.*", MAKEFILE)
    assert len(commands) == 2
    assert all("--require-hashes" in command for command in commands)
    requirement = (ROOT / "cdk" / "operations" / "litellm.txt").read_text()
    name, *hashes = requirement.replace("\\\n", "").split()
    assert re.fullmatch(r"litellm==[\d.]+", name)
    assert hashes
    assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", digest) for digest in hashes)


def test_python_packages_are_locked_by_hash() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    third_party = [entry for entry in packages if "registry" in entry["source"]]
    assert len(third_party) > 50
    for package in third_party:
        files = [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]
    assert len(third_party) == len(packages) - 1  # the project itself


def test_the_lock_file_has_the_project_s_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    (locked,) = (package for package in packages if package["name"] == project["name"])
    assert locked["version"] == project["version"]


def test_the_locked_uv_builds_the_project_without_downloads() -> None:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    (version,) = (package["version"] for package in packages if package["name"] == "uv")
    assert configuration["build-backend"] == "uv_build"
    (backend,) = map(Requirement, configuration["requires"])
    assert backend.name == "uv_build"
    assert version in backend.specifier


def test_functions_of_the_local_cloud_see_neither_the_project_nor_the_command_line() -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    needs = {
        package["name"]: {need["name"] for need in package.get("dependencies", [])}
        for package in locked
    }
    (project,) = (package for package in locked if package["name"] == "bedrock-meter")
    found: set[str] = set()
    waiting = {need["name"] for need in project["dev-dependencies"]["local-cloud"]}
    while waiting:
        found |= waiting
        waiting = {need for name in waiting for need in needs[name]} - found
    assert "ministack" in found
    assert found.isdisjoint({"bedrock-meter", "click"})


def test_dependabot_updates_every_lock_file() -> None:
    configuration = (ROOT / ".github" / "dependabot.yml").read_text()
    ecosystems = re.findall(r"package-ecosystem: (\S+)", configuration)
    assert sorted(ecosystems) == ["github-actions", "npm", "pip", "uv"]
    for folder in (Path(lock).parent for lock in NPM_LOCKS):
        assert f"- /{folder}\n" in configuration
    assert "directory: /cdk/operations\n" in configuration
