"""Reports of the gateway: bounded metrics without callers, and one line of them for a call."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath, GatewayCall
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.limit_policies import AdmissionReport, PolicySet, PolicySubject, adopt_subject
from lambdas.domain.limits import LimitStore, LimitSubject, LimitUnit
from lambdas.domain.metrics.catalog import HEALTH_METRICS, LIMIT_METRICS
from lambdas.logs import logger
from lambdas.services.limit_calls import PolicyAdmission
from lambdas.wiring.gateway_reports import GatewayReports
from tests.builders import NOON
from tests.gateway import KEY
from tests.limits import FailingLimits, InMemoryLimits, limit, make_admitter
from tests.policies import PER_MINUTE, PRICES, FixedPolicies, InMemoryMarks, call, policy, read

ANA = "tokens|caller=ana@example.com"
SHADOW = PER_MINUTE | {"mode": "shadow"}
GOLD = replace(KEY, tier="gold")
GATEWAY, HEALTH = "BedrockMeter/Gateway", "BedrockMeter/Health"


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """The lines of the logger."""
    written = io.StringIO()
    before = logger.registered_handler.setStream(written)  # type: ignore[attr-defined]
    yield written
    logger.registered_handler.setStream(before)  # type: ignore[attr-defined]


class Gateway:
    """Admission by policies, with the reports of the gateway that runs on Lambda."""

    def __init__(self, policies: PolicySet | None, store: LimitStore | None = None) -> None:
        self.admission = PolicyAdmission(
            FixedPolicies(policies),
            make_admitter(InMemoryLimits() if store is None else store),
            PRICES,
            InMemoryMarks(),
            GatewayReports(),
        )

    def admit(self, made: GatewayCall | None = None) -> str | None:
        return self.admission.admit(call() if made is None else made, NOON).reservation_id


class Budgets:
    """A budget for each identity, whose subject is named by it."""

    def find(
        self,
        key: ApiKey,
        path: BedrockPath | None,  # noqa: ARG002
        at: datetime,  # noqa: ARG002
        *,
        is_released: bool,  # noqa: ARG002
        invoked_model_id: str | None = None,  # noqa: ARG002
    ) -> Sequence[PolicySubject]:
        name = f"budget#everyone#1#{key.session_name}"
        subject = LimitSubject(name, (limit(50, unit=LimitUnit.TOTAL),))
        return (adopt_subject("budget:everyone", subject),)


def read_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def list_values(line: dict[str, Any]) -> dict[tuple[str, str, tuple[str, ...]], float]:
    """The values that CloudWatch makes of a line: by namespace, name and values of dimensions."""
    return {
        (directive["Namespace"], metric["Name"], tuple(line[name] for name in names)): line[
            metric["Name"]
        ]
        for directive in line["_aws"]["CloudWatchMetrics"]
        for names in directive["Dimensions"]
        for metric in directive["Metrics"]
    }


def test_an_admitted_call_has_one_line_after_its_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gateway = Gateway(read(policy()))
    reservation = gateway.admit()
    assert reservation is not None
    assert read_lines(capsys) == []
    gateway.admission.settle(reservation, TokenCounts(5, 25), NOON)
    (line,) = read_lines(capsys)
    assert list_values(line) == {
        (GATEWAY, "AdmittedCalls", ()): 1,
        (GATEWAY, "ReservedTokens", ()): 60 + 5 * 40,
        (GATEWAY, "UsedTokens", ()): 5 + 5 * 25,
    }


def test_calls_without_a_known_use_do_not_change_the_ratio_of_used_tokens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gateway = Gateway(read(policy()))
    given_back, set_aside = gateway.admit(), gateway.admit()
    assert given_back is not None
    assert set_aside is not None
    gateway.admission.give_back(given_back, NOON)
    (line,) = read_lines(capsys)
    assert list_values(line) == {(GATEWAY, "AdmittedCalls", ()): 1}
    gateway.admission.settle(set_aside, TokenCounts(5, None), NOON)
    assert read_lines(capsys) == []  # it counts once the ledger has settled it


def test_a_refusal_counts_for_the_policy_that_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    gateway = Gateway(read(policy(limits=[PER_MINUTE | {"amount": 150}])))
    for refusals in (0, 1, 1):  # the last one is refused from memory
        gateway.admit()
        lines = read_lines(capsys)
        assert [*map(list_values, lines)] == [{(GATEWAY, "LimitRefusals", ("tokens",)): 1}][
            :refusals
        ]


def test_each_policy_in_shadow_mode_counts_and_several_have_a_line_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refusing = policy("enforced", limits=[PER_MINUTE | {"amount": 50}])
    shadow = [policy(name, limits=[SHADOW | {"amount": 50}]) for name in ("a", "b")]
    Gateway(read(*shadow, refusing)).admit()
    assert [*map(list_values, read_lines(capsys))] == [
        {(GATEWAY, "ShadowRefusals", ("a",)): 1},
        {(GATEWAY, "ShadowRefusals", ("b",)): 1},
        {(GATEWAY, "LimitRefusals", ("enforced",)): 1},
    ]
    both = [SHADOW | {"amount": 50}, PER_MINUTE | {"amount": 50, "unit": "input"}]
    Gateway(read(policy(limits=both))).admit()
    (line,) = read_lines(capsys)
    assert list_values(line) == {
        (GATEWAY, "ShadowRefusals", ("tokens",)): 1,
        (GATEWAY, "LimitRefusals", ("tokens",)): 1,
    }


def test_policies_past_the_bound_share_a_series(capsys: pytest.CaptureFixture[str]) -> None:
    tight = {"limits": [PER_MINUTE | {"amount": 50}]}
    for number in range(60):
        others = [policy(f"p{each}", match={"caller": "ben"}) for each in range(number)]
        of_tier = {"gold": {"policies": [policy(f"last{number}", **tight)]}}
        Gateway(read(*others, tiers=of_tier)).admit(call(key=GOLD))
    counted = [values for line in read_lines(capsys) for values in list_values(line)]
    assert [policies for _, _, policies in counted] == [
        (f"last{number}" if number < 50 else "__other__",) for number in range(60)
    ]


def test_a_key_of_an_unknown_tier_counts_without_a_policy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Gateway(read(tiers={"silver": {"policies": [policy()]}})).admit(call(key=GOLD))
    (line,) = read_lines(capsys)
    assert list_values(line) == {(GATEWAY, "LimitRefusals", ("__unknown_tier__",)): 1}


@pytest.mark.parametrize(
    ("fail", "metric"), [("open", "UncheckedCalls"), ("closed", "LimitsUnavailable")]
)
def test_a_store_that_fails_is_counted_whatever_the_policy_says(
    fail: str, metric: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Gateway(read(policy(fail=fail)), FailingLimits(ANA)).admit()
    (line,) = read_lines(capsys)
    assert list_values(line) == {(HEALTH, metric, ()): 1}


def test_a_call_that_another_limit_refuses_is_not_unchecked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tight = policy("tight", limits=[PER_MINUTE | {"amount": 50}])
    Gateway(read(policy(fail="open"), tight), FailingLimits(ANA)).admit()
    (line,) = read_lines(capsys)
    assert list_values(line) == {(GATEWAY, "LimitRefusals", ("tight",)): 1}


def test_policies_that_cannot_be_read_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    Gateway(None).admit()
    (line,) = read_lines(capsys)
    assert list_values(line) == {(HEALTH, "LimitsUnavailable", ()): 1}


@pytest.mark.parametrize("reason", ["too_many_calls_a_second", "too_many_open"])
def test_a_busy_subject_is_counted_apart_from_limits(
    reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    GatewayReports().report_admission(AdmissionReport("ana", refusal=reason, refused_by="tokens"))
    (line,) = read_lines(capsys)
    assert list_values(line) == {(HEALTH, "BusySubjects", ()): 1}


def test_a_break_glass_call_that_limits_refuse_is_no_refusal(
    capsys: pytest.CaptureFixture[str], log: io.StringIO
) -> None:
    gateway = Gateway(read(policy(), break_glass=["ana@*"]))
    for _ in range(11):
        gateway.admit()
    (line,) = read_lines(capsys)
    assert list_values(line) == {(HEALTH, "BreakGlassCalls", ()): 1}
    (logged,) = map(json.loads, log.getvalue().splitlines())
    assert (logged["message"], logged["limits"]) == ("A caller passed its limits", ["tokens"])


def test_no_line_of_metrics_names_a_caller(capsys: pytest.CaptureFixture[str]) -> None:
    by_all = ["caller", "key", "project", "model", "tier"]
    tight = [PER_MINUTE | {"amount": 50}, SHADOW | {"amount": 50, "unit": "input"}]
    for store in (InMemoryLimits(), FailingLimits(ANA)):
        gateway = Gateway(read(policy(partition_by=by_all), policy("x", limits=tight)), store)
        gateway.admit()
        gateway.admit(call(20, 20))
    text = capsys.readouterr().out
    assert text
    for name in (KEY.session_name, KEY.owner, KEY.prefix, "ana@"):
        assert name not in text


def test_a_subject_of_no_policy_counts_without_its_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    admission = Gateway(read()).admission
    replace(admission, others=Budgets()).admit(call(), NOON)
    GatewayReports().report_admission(AdmissionReport("ana", refusal="label_unknown"))
    for line in (lines := read_lines(capsys)):
        assert list_values(line) == {(GATEWAY, "LimitRefusals", ("__budget__",)): 1}
    assert len(lines) == 2


def test_a_line_has_the_id_of_its_invocation(capsys: pytest.CaptureFixture[str]) -> None:
    logger.append_keys(function_request_id="one")
    try:
        Gateway(None).admit()
    finally:
        logger.remove_keys(["function_request_id"])
    (line,) = read_lines(capsys)
    assert line["function_request_id"] == "one"


def test_every_line_names_metrics_of_the_catalog_with_their_units(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gateway = Gateway(read(policy(limits=[PER_MINUTE | {"amount": 150}])))
    reservation = gateway.admit()
    assert reservation is not None
    gateway.admit()
    gateway.admission.settle(reservation, TokenCounts(5, 25), NOON)
    units = {metric.name: metric.unit.value for metric in (*LIMIT_METRICS, *HEALTH_METRICS)}
    lines = read_lines(capsys)
    assert len(lines) == 2
    for line in lines:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                assert metric == {"Name": metric["Name"], "Unit": units[metric["Name"]]}
