"""The script that CI runs stops its end-to-end tests and shows their output, however it ends."""

import os
import select
import shutil
import subprocess
from pathlib import Path

from tests.infrastructure.synthesis import ROOT

MAKE = """#!/bin/sh
case $1 in
  e2e) echo "e2e has begun"; echo >begun; {e2e} ;;
  test) read _ <begun; {test} ;;
esac
"""
"""Stands in for make: its tests end after the end-to-end tests have begun."""


def run_ci(
    folder: Path, *, e2e: str, test: str, inherited: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the script in a folder with a stand-in for make, which runs these commands.

    Args:
        folder: The folder.
        e2e: The command that stands in for the end-to-end tests.
        test: The command that stands in for the other tests.
        inherited: Files that stay open in every process.
    """
    programs = folder / "bin"
    programs.mkdir()
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    for name in ("begun", "never"):
        os.mkfifo(folder / name)
    for name, text in {"make": MAKE.format(e2e=e2e, test=test), "chromium": "#!/bin/sh\n"}.items():
        program = programs / name
        program.write_text(text)
        program.chmod(0o755)
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [folder / ".ci" / "run"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        pass_fds=inherited,
    )


def test_when_tests_fail_the_end_to_end_tests_are_stopped_and_shown(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    done = run_ci(tmp_path, e2e="read _ <never", test="exit 3", inherited=(writing,))
    os.close(writing)
    assert done.returncode == 3
    assert "e2e has begun\n" in done.stdout
    assert "stage e2e: stopped\n" in done.stdout
    ended, _, _ = select.select([reading], [], [], 30)  # until no process holds the other end
    os.close(reading)
    assert ended


def test_when_end_to_end_tests_fail_they_are_shown(tmp_path: Path) -> None:
    done = run_ci(tmp_path, e2e="exit 4", test="true")
    assert done.returncode == 4
    assert "stage test: 0 min" in done.stdout
    assert "e2e has begun\n" in done.stdout
    assert "stage e2e" not in done.stdout


def test_each_stage_of_a_successful_run_shows_its_minutes(tmp_path: Path) -> None:
    done = run_ci(tmp_path, e2e="true", test="true")
    assert done.returncode == 0
    lines = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert lines == [
        "stage setup",
        "stage static",
        "stage test",
        "e2e has begun",
        "stage e2e",
        "CI",
    ]
