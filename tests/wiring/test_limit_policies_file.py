"""`limits.json` is read exactly, and each fault is named with what to write."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dashboards.demo.company_gateway import LIMITS
from lambdas.domain.limit_policies import PolicySet
from lambdas.domain.limits import (
    CalendarUnit,
    CalendarWindow,
    FixedWindow,
    Limit,
    LimitMode,
    LimitUnit,
    RollingWindow,
)
from lambdas.wiring.declared_files import InvalidFileError
from lambdas.wiring.limit_policies_file import MAX_STORED_BYTES, read_policies, write_schema
from tests.infrastructure.synthesis import ROOT
from tests.policies import PER_MINUTE, policy, read

DOCS = ROOT / "docs"
SCHEMA = Draft202012Validator(json.loads(write_schema()))


def read_limit(**changes: Any) -> Limit:
    (found,) = read(policy(limits=[PER_MINUTE | changes])).policies
    return found.limits[0].limit


def find_problems(content: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidFileError) as refused:
        read_policies(json.dumps(content))
    return refused.value.problems


def list_examples() -> list[str]:
    """List the files that the page and the demo have."""
    page = (DOCS / "gateway.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    files = [block for block in blocks if '"policies"' in block]
    return [*files, LIMITS.read_text(encoding="utf-8")]


@pytest.mark.parametrize("example", list_examples(), ids=["short", "long", "demo"])
def test_the_examples_of_the_page_and_the_demo_are_valid(example: str) -> None:
    assert read_policies(example).policies.tiers
    SCHEMA.validate(json.loads(example))


def test_the_shipped_schema_is_that_of_the_code() -> None:
    shipped = (DOCS / "limits.schema.json").read_text(encoding="utf-8")
    hint = "run: .venv/bin/bedrock-meter limits schema > docs/limits.schema.json"
    assert shipped == write_schema(), hint


def test_windows_are_seconds_or_periods_of_the_calendar() -> None:
    assert read_limit(per="90s").window == RollingWindow(90)
    assert read_limit(per="minute").window == FixedWindow(60)
    day = read_limit(per="day", time_zone="Europe/Berlin")
    assert day.window == CalendarWindow(CalendarUnit.DAY, "Europe/Berlin")


def test_dollars_are_exact() -> None:
    assert read_limit(unit="usd", amount="0.000001").amount == 10**6
    assert read_limit(unit="usd", amount=12.34).amount == 12_340_000_000_000


def test_calls_at_the_same_time_have_no_window() -> None:
    (found,) = read(policy(limits=[{"unit": "concurrent", "amount": 4, "mode": "shadow"}])).policies
    assert found.limits[0].limit == Limit(LimitUnit.CONCURRENT, 4, None, LimitMode.SHADOW)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"policy": []}, "policy: unknown field; did you mean policies?"),
        (
            {"policies": [policy(limits=[PER_MINUTE | {"per": "61m"}])]},
            r'policies[0] (tokens).limits[0].per = "61m": allowed: 1s to 3600s',
        ),
        (
            {"policies": [policy(limits=[PER_MINUTE | {"per": "3601s"}])]},
            'policies[0] (tokens).limits[0].per = "3601s": allowed: 1s to 3600s',
        ),
        (
            {"policies": [policy(limits=[{"unit": "total", "amount": 5}])]},
            "policies[0] (tokens).limits[0]: per: allowed: 1s to 3600s",
        ),
        (
            {"policies": [policy(limits=[PER_MINUTE | {"amount": 1.5}])]},
            "policies[0] (tokens).limits[0].amount = 1.5: allowed: 0 to 1,000,000",
        ),
        (
            {"policies": [policy(limits=[PER_MINUTE | {"amount": -1}])]},
            "policies[0] (tokens).limits[0].amount = -1: allowed: 0 to 1,000,000",
        ),
        (
            {"policies": [policy(limits=[PER_MINUTE | {"unit": "token"}])]},
            'policies[0] (tokens).limits[0].unit = "token": allowed: "quota_tokens"',
        ),
        (
            {"policies": [policy(limits=[PER_MINUTE | {"time_zone": "Europe/Berlin"}])]},
            'policies[0] (tokens).limits[0].time_zone = "Europe/Berlin": allowed: only if per is',
        ),
        (
            {"policies": [policy(limits=[PER_MINUTE | {"near": [80, 101]}])]},
            "policies[0] (tokens).limits[0].near[1] = 101:",
        ),
        (
            {"policies": [policy(limits=[])]},
            "policies[0] (tokens).limits = []: allowed: 1 to 8 limits, and one of unit concurrent",
        ),
        (
            {"policies": [policy(match={"caller": True})]},
            "policies[0] (tokens).match.caller = true: allowed: a name or a list of up to 20",
        ),
        (
            {"policies": [policy(match={"caller": "bob smith"})]},
            'policies[0] (tokens).match.caller[0] = "bob smith": allowed: the name of a caller',
        ),
        (
            {"policies": [policy(match={"caller": "arn:aws:sts::1:assumed-role/a/*"})]},
            'policies[0] (tokens).match.caller[0] = "arn:aws:sts::1:assumed-role/a/*": allowed',
        ),
        (
            {"policies": [policy(match={"model": "us.anthropic.claude*"})]},
            'policies[0] (tokens).match.model[0] = "us.anthropic.claude*": allowed: the foundation',
        ),
        (
            {"break_glass": ["arn:aws:iam::1:role/oncall"]},
            'break_glass[0] = "arn:aws:iam::1:role/oncall": allowed: the name of a caller',
        ),
        (
            {"break_glass": [f"a{n}" for n in range(21)]},
            "break_glass = [",
        ),
        (
            {"policies": [policy(limits=[PER_MINUTE, PER_MINUTE])]},
            "policies[0] (tokens): limits: total per 60s is given twice; write each once",
        ),
        (
            {"policies": [policy(limits=[PER_MINUTE | {"per": f"{n}s"} for n in range(1, 10)])]},
            "policies[0] (tokens): limits: tokens has more than 8 units and windows",
        ),
        ({"policies": [policy(), policy()]}, "policies: the name tokens is given twice"),
        (
            {"policies": [policy(match={"modell": "x"})]},
            "policies[0] (tokens).match.modell: unknown field; did you mean model?",
        ),
        (
            {"policies": [policy(match={"model": "claude-[a-z]"})]},
            'policies[0] (tokens).match.model[0] = "claude-[a-z]": allowed: a text of up to 256',
        ),
        (
            {"policies": [policy(partition_by="team")]},
            'policies[0] (tokens).partition_by[0] = "team": allowed: "caller", "key"',
        ),
        (
            {"tiers": {"gold": {"extends": "silver"}}},
            "tiers.gold.extends: there is no tier silver",
        ),
        (
            {"tiers": {"a": {"extends": "b"}, "b": {"extends": "a"}}},
            "tiers.a.extends: a > b > a is a circle",
        ),
        (
            {"policies": [policy()], "tiers": {"gold": {"policies": [policy()]}}},
            "tiers.gold.policies: tokens is the name of a policy of all tiers",
        ),
        (
            {"tiers": {"gold": {"policies": [policy(when_out="wait")]}}},
            'tiers.gold.policies[0] (tokens).when_out = "wait": allowed: "throttle" or "refuse"',
        ),
        ({"policies": [policy(f"p{n}") for n in range(101)]}, "policies: allowed: up to 100"),
    ],
)
def test_each_fault_names_the_field_and_what_to_write(content: Any, problem: str) -> None:
    (found,) = find_problems(content)
    assert found.startswith(problem)
    assert "Tuple" not in found


def test_what_is_stored_reads_as_what_was_written() -> None:
    content = {
        "policies": [
            policy(
                "money",
                limits=[{"unit": "usd", "amount": 0.25, "per": "day", "near": [95, 80]}],
                match={"caller": ["a*", "b"], "operation": "Converse"},
                when_out="refuse",
                fail="open",
            )
        ],
        "tiers": {"gold": {"policies": [policy()]}, "best": {"extends": "gold"}},
        "break_glass": ["root"],
    }
    declared = read_policies(json.dumps(content))
    assert read_policies(declared.text) == declared
    assert declared.policies != PolicySet()
    assert read_policies("{}").text == "{}"


def test_more_than_one_item_can_store_is_refused() -> None:
    names = [f"{number:03}{'x' * 253}" for number in range(20)]
    policies = [policy(f"p{number}", match={"model": names}) for number in range(40)]
    fitting = json.dumps({"policies": policies[:34]})
    assert 0.9 * MAX_STORED_BYTES < len(read_policies(fitting).text) <= MAX_STORED_BYTES
    (problem,) = find_problems({"policies": policies})
    assert problem.endswith("allowed: up to 190,000, so use patterns in place of many names")
