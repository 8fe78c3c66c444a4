"""Hooks of pre-commit run the project's own tools, which are locked, and download nothing."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^ +entry: (\S+)", CONFIGURATION, re.MULTILINE)


def test_every_hook_is_local() -> None:
    hooks = re.findall(r"^ +- id: (\S+)", CONFIGURATION, re.MULTILINE)
    assert hooks
    assert re.findall(r"repo: (\S+)", CONFIGURATION) == ["local"]
    assert re.findall(r"language: (\S+)", CONFIGURATION) == ["system"] * len(hooks)
    assert len(ENTRIES) == len(hooks)


def test_every_hook_runs_an_installed_tool() -> None:
    assert [entry for entry in ENTRIES if not entry.startswith(".venv/bin/")] == []
    assert [entry for entry in ENTRIES if not (ROOT / entry).is_file()] == []


def test_hooks_run_the_tools_of_make_check() -> None:
    static_targets = re.findall(
        r"^(?:format-check|lint|types|imports): .*\n\t@\$\(BIN\)/([\w-]+)", MAKEFILE, re.MULTILINE
    )
    assert len(static_targets) == 4
    assert {Path(entry).name for entry in ENTRIES} == set(static_targets)
