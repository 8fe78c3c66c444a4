"""Make targets call commands that exist, with options that they take."""

import json
import os
import re
import shlex
import subprocess
import sys

import click
import pytest

from cdk.config import stack_names
from cdk.operations.settings import read_settings
from dashboards.command_line.entry_point import NAME, bedrock_meter
from tests.infrastructure.synthesis import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
ARGUMENTS = "import json, sys; print(json.dumps(sys.argv[1:]))"
VARIABLES = {
    "demo": "",
    "preview": "LOGS='a b' FROM=2026-01-31 TO=2026-02-01 ACCOUNT=1 PORT=8000 OUT=page.html",
    "backtest": "WRITE=1",
    "screenshots": "",
    "meter": "LOGS='a b' BY='month project' TOP=10 BUDGETS=budgets.json OUT=summary.json",
    "focus": "LOGS='a b' OUT=focus.csv",
    "compare": "LOGS='a b' OUT=comparison.json",
    "reconcile": "CUR='a b' LOGS='c d' OUT=reconciliation.json",
    "doctor": "SET='-c governance=true'",
    "cost": "CALLS=1000000 IDENTITIES=50 MODELS=6 PROJECTS=9 UNPRICED=1000"
    " SET='-c metric_detail=full'",
    "synth": "SET='-c metric_detail=full --profile me --quiet'",
    "bootstrap": "SET='-c metric_detail=full --profile me --force'",
    "deploy": "SET='-c metric_detail=full --profile me --force'",
    "destroy": "SET='-c metric_detail=full --profile me --force'",
    "verify-account": "REGION=eu-west-1 REPORT=report.json METRICS=answers WEBHOOK=Makefile"
    " YES=1 REMOVE=1 SET='-c metric_detail=full --profile me'",
    "test-notification": "",
    "redrive": "",
    "reprice": "",
    "price-updates": "ACCEPT='a b' REJECT=c SUPERSEDE=d REASON='e f' CHECK=1",
    "replay": "FROM=2026-01-31 TO=2026-02-01T08:00",
    "purge": "",
    "erase-identity": "IDENTITY=arn:aws:iam::111122223333:user/ana",
    "deployer-policy": "",
    "prices": "OFFLINE=1",
    "release": "",
}
"""Values for every variable that each target's recipe passes to a command."""
RECIPES = re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)


def read_calls(target: str, variables: str) -> list[list[str]]:
    """List the arguments of each command that a target starts, as the shell hands them over."""
    command = ["make", "-n", target, *shlex.split(variables), "METER=METER"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = printed.replace("\\\n", " ").splitlines()
    show = shlex.join([sys.executable, "-c", ARGUMENTS])
    calls = []
    for line in lines:
        if re.search(r"\bMETER\b", line):
            shell = ["sh", "-c", re.sub(r"\bMETER\b", lambda _: show, line)]
            shown = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=True)
            calls.append(json.loads(shown.stdout))
    return calls


def print_test_recipe(setting: str) -> str:
    """Print the recipe of `make test` with a variable in the environment."""
    name, _, value = setting.partition("=")
    environment = {name: value, "PATH": os.environ["PATH"]}
    command = ["make", "-n", "test"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def parse(arguments: list[str]) -> dict[str, object]:
    """Parse arguments as the command does, without running it; returns its parameters."""
    command: click.Command = bedrock_meter
    context = bedrock_meter.make_context(NAME, list(arguments))
    while isinstance(command, click.Group):
        name, *arguments = arguments
        found = command.get_command(context, name)
        assert found is not None
        command, context = found, found.make_context(name, list(arguments), parent=context)
    return context.params


def test_every_target_that_calls_a_command_is_listed_here() -> None:
    assert {name for name, recipe in RECIPES if "$(METER)" in recipe} == set(VARIABLES)


@pytest.mark.parametrize(("target", "variables"), VARIABLES.items(), ids=VARIABLES)
def test_a_target_passes_only_options_that_its_command_accepts(target: str, variables: str) -> None:
    *checks, arguments = read_calls(target, variables)
    parsed = parse(arguments)
    assert all(parse(check) for check in checks)
    named = re.findall(r"\$\((?:if )?([A-Z]+)", dict(RECIPES)[target])
    own = {"CDK", "LITELLM", "MAKE", "METER", "NODE", "OFF", "STACKS"}
    assert set(named) - own == set(re.findall(r"([A-Z]+)=", variables))
    assert [name for name, value in parsed.items() if value in (None, (), "", False)] == []


@pytest.mark.parametrize(
    ("target", "variables", "switches"),
    [
        ("preview", "ACCOUNT=0", {"account"}),
        ("price-updates", "CHECK=no", {"check"}),
        ("verify-account", "YES=false REMOVE=0", {"yes", "remove"}),
        ("prices", "OFFLINE=0", {"offline"}),
        ("backtest", "WRITE=0", {"writes"}),
    ],
)
def test_a_switch_that_is_off_is_not_passed(
    target: str, variables: str, switches: set[str]
) -> None:
    *_, arguments = read_calls(target, variables)
    assert {name for name, value in parse(arguments).items() if value is False} >= switches


@pytest.mark.parametrize("target", ["synth", "bootstrap", "deploy", "destroy"])
def test_settings_and_credentials_are_checked_before_the_cdk_is_installed(target: str) -> None:
    prerequisites, recipe = re.findall(
        rf"^{target}: (.*?) ##.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE
    )[0]
    assert "$(CDK)" not in prerequisites
    check, install, *rest = recipe.splitlines()
    assert check == f"\t@$(METER) prepare {target} $(SET)"
    assert install == "\t@$(MAKE) --silent $(CDK)"
    assert any("$(NODE) $(CDK)" in line for line in rest)


def test_a_verification_checks_credentials_before_the_cdk_and_removes_without_it() -> None:
    for variables, installs in (("REGION=eu-west-1", True), ("REMOVE=1", False)):
        command = ["make", "-n", "verify-account", variables]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        check, _, rest = done.stdout.partition("verify-account")
        assert check.endswith("prepare ")
        assert ("/cdk-" in rest.partition("verify-account --cdk")[0]) is installs


@pytest.mark.parametrize("target", ["meter", "focus", "compare", "reconcile", "preview"])
def test_paths_reach_the_command_as_the_shell_expands_them(target: str) -> None:
    variables = "LOGS='\"my logs\" docs/adr/000[12]*' CUR='\"my bill\" docs/adr/0003*' OUT=o.csv"
    (arguments,) = read_calls(target, variables)
    parsed = parse(arguments)
    logs = [str(path) for path in ROOT.glob("docs/adr/000[12]*")]
    found = parsed["logs"]
    assert isinstance(found, tuple)
    assert [str(ROOT / path) for path in found] == [str(ROOT / "my logs"), *sorted(logs)]
    if target == "reconcile":
        bill = parsed["cur"]
        assert isinstance(bill, tuple)
        assert str(bill[0]) == "my bill"
        assert len(bill) == 2


def test_help_lists_each_target_below_one_of_three_headings() -> None:
    command = ["make", "-s", "help"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    groups = re.findall(r"^(\S.*):\n((?:  make .*\n)+)", printed, re.MULTILINE)
    assert len(groups) == 3
    users, operators, contributors = (
        set(re.findall(r"^  make (\S+) ", lines, re.MULTILINE)) for _, lines in groups
    )
    assert {"demo", "meter", "cost"} <= users
    assert {"doctor", "deploy", "destroy"} <= operators
    assert {"test", "format", "release"} <= contributors
    listed = re.findall(r"^([a-z0-9-]+):.*## ", MAKEFILE, re.MULTILINE)
    assert users | operators | contributors | {"help"} == {*listed}
    assert 'SET="-c ' in printed


@pytest.mark.parametrize("variable", ["[OUT=summary.json]", "[PORT=8000]"])
def test_brackets_around_a_variable_are_refused_before_anything_runs(variable: str) -> None:
    command = ["make", "-n", "meter", "LOGS=logs.json", variable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "type it without the brackets" in line


def test_destroy_matches_all_stacks_except_storage() -> None:
    """The CDK warns of a pattern that matches no stack, such as when both reports are off."""
    command = ["make", "-n", "destroy"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (names,) = re.findall(r"destroy 'BedrockMeter-\{(.*)\}\*' --no-notices", printed)
    removed = {f"BedrockMeter-{name}" for name in names.split(",")}
    assert removed == {*stack_names.ALL} - {stack_names.STORAGE}


def test_destroy_removes_deployed_stacks_that_the_settings_no_longer_have() -> None:
    """The CDK removes the stacks of its app alone, and goes by the last value of a setting."""
    off = ["governance=false", "comparison_report=false", "focus_export=false"]
    command = ["make", "-n", "destroy", f"SET={' '.join(f'-c {setting}' for setting in off)}"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    settings = re.findall(r"-c (\S+)", printed.partition("cdk destroy")[2])
    assert settings[: len(off)] == off
    assert read_settings(settings).stacks == stack_names.ALL
    assert read_settings(off).stacks != stack_names.ALL


@pytest.mark.parametrize("setting", ["THOROUGH=1", "CI=true", "CI=1"])
def test_all_examples_run_on_request(setting: str) -> None:
    assert "HYPOTHESIS_PROFILE=ci" in print_test_recipe(setting)
    assert "--cov" in print_test_recipe(setting)


@pytest.mark.parametrize("setting", ["THOROUGH=", "THOROUGH=0", "CI=0", "CI=false"])
def test_fewer_examples_run_by_default(setting: str) -> None:
    assert "HYPOTHESIS_PROFILE=ci" not in print_test_recipe(setting)
    assert "--cov" not in print_test_recipe(setting)


@pytest.mark.parametrize("target", ["meter", "focus", "compare", "reconcile", "cost", "replay"])
def test_a_target_without_its_variables_passes_no_empty_arguments(target: str) -> None:
    (arguments,) = read_calls(target, "")
    assert "" not in arguments
    with pytest.raises(click.UsageError):
        parse(arguments)


def test_recipes_start_programs_of_node_without_the_python_scripts_around_them() -> None:
    """Those print a traceback on Ctrl-C."""
    for program in (r"\$\(CDK\) (?:synth|bootstrap|deploy|destroy)", r'"\$\(NODE_HOME\)/lib\S+"'):
        starts = re.findall(rf"(\S+) {program}", MAKEFILE)
        assert starts
        assert all(start.endswith("$(NODE)") for start in starts)
    assert not re.search(r"\bnpm ci\b", MAKEFILE)


def test_destroy_removes_all_stacks_but_storage_whatever_the_settings_have() -> None:
    command = ["make", "-n", "destroy", "METER_NAME="]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    ((names, options),) = re.findall(r"destroy 'BedrockMeter-\{(.*)\}\*' (.*)", done.stdout)
    removed = {f"BedrockMeter-{name}" for name in names.split(",")}
    assert removed == {*stack_names.ALL} - {stack_names.STORAGE}
    settings = re.findall(r"-c (\S+)", options)
    assert read_settings([*settings, "focus_export=false"]).stacks == stack_names.ALL
