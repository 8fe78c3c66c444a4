"""Functions of governance may read and write exactly the items that they do read and write.

Each one runs through all that it does, over real adapters, and its requests are compared with the
role in its template. Neither moto nor a fake refuses a request that a role does not grant. Every
kind of item that the modules of tables name has to be written by one of them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.cached_api_keys import CachedApiKeys
from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys
from lambdas.adapters.dynamodb.brake_events import DynamoDbBrakeEvents
from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.adapters.dynamodb.policy_writer import DynamoDbPolicyWriter
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.brake import MAX_REACTIONS, ReactionWatch, reaction_times, report_denied
from lambdas.domain.budgets import BrakeMode, BudgetScope, BudgetSubject, governance_table
from lambdas.domain.counters import table as counter_table
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.limit_policies import PolicyChange
from lambdas.domain.webhooks import ReceiverAnswer
from lambdas.functions.brake_controller import handler as controller
from lambdas.functions.brake_watchdog import handler as watchdog
from lambdas.functions.budget_builder import handler as builder
from lambdas.functions.budget_evaluator import handler as evaluator
from lambdas.functions.credit_booker import handler as booker
from lambdas.functions.forecast_calibrator import handler as calibrator
from lambdas.functions.gateway.settings import Settings
from lambdas.functions.limit_settler import handler as settler
from lambdas.functions.usage_counter import handler as counter
from lambdas.functions.usage_recounter import handler as recounter
from lambdas.functions.webhook_router import handler as webhook_router
from lambdas.functions.webhook_sender import handler as webhook_sender
from lambdas.functions.webhook_sender.settings import Settings as SenderSettings
from lambdas.services import (
    book_credits,
    calibrate_forecasts,
    send_budget_alerts,
    send_credit_alerts,
    send_limit_marks,
    trace_budget_usage,
)
from lambdas.wiring.gateway_limits import make_gateway_limits
from lambdas.wiring.webhook_sender import make_sender
from tests.adapters.dynamodb.test_brake_store import deny
from tests.adapters.dynamodb.test_usage_counters import COUNTERS
from tests.aws import (
    LEDGER,
    STATE,
    clear_caches,
    lambda_context,
    subscribe_queue,
    take_events,
)
from tests.budget_store import GOVERNANCE
from tests.builders import NOON
from tests.exhausted_credits import exhaust
from tests.functions import test_brake as brake_functions
from tests.functions import test_credits as credit_functions
from tests.functions import test_limit_marks as limit_marks
from tests.functions import test_limit_settler as limit_settling
from tests.functions import webhook_account
from tests.functions.test_brake import account  # noqa: F401  # a fixture
from tests.functions.test_budgets import SMALL, apply, build, environment  # noqa: F401  # a fixture
from tests.functions.test_budgets import count as count_calls
from tests.functions.test_forecast_calibrator import count_hours
from tests.functions.test_limit_settler import LIMITS, settling  # noqa: F401  # a fixture
from tests.functions.test_usage_counter import CONTEXT, NOW, RETENTION, call, change, window
from tests.functions.test_webhook_router import message as topic_message
from tests.gateway import KEY
from tests.infrastructure.synthesis import as_list, deployment, statements
from tests.item_requests import ItemRequest, ItemRequests, find_grants, list_keys
from tests.limits import gateway_call
from tests.policies import PER_MINUTE, policy
from tests.policies import call as gateway_admission
from tests.webhooks import ScriptedReceiver, make_event

TABLES = {
    LEDGER: "UsageLedger",
    STATE: "MeterState",
    COUNTERS: "UsageCounters",
    GOVERNANCE: "Governance",
    LIMITS: "Limits",
}
WRITES = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
BRAKE_ITEMS = {"audit-events", "brake", "brake-denies", "brake-reactions", "brake-events"}
"""The kinds of items that the brake writes."""
CREDIT_ITEMS = {
    *("credit-grants", "credit-entries", "credit-cells", "credit-snapshots"),
    *("credit-alerts", "credit-exhausted", "credits"),
}
"""The kinds of items of credits."""
WRITTEN_BY_OTHERS = {
    *("deleted-budgets", "people", "brake-releases", "api-keys", "policies"),
    *BRAKE_ITEMS,
    *CREDIT_ITEMS,
    *("webhooks", "webhook-deliveries"),
}
"""The kinds of items that commands, the audit trail, the gateway and the brake write."""
BRAKE_JOBS = {
    "brake_controller": "BrakeControllerRole",
    "brake_watchdog": "BrakeWatchdogRole",
}
SETTLER_JOBS = {"limit_settler": "LimitSettlerRole"}
GATEWAY_JOBS = {"gateway": "GatewayRole"}
CREDIT_JOBS = {"credit_booker": "CreditBookerRole"}
WEBHOOK_JOBS = {"webhook_router": "WebhookRouterRole", "webhook_sender": "WebhookSenderRole"}
JOBS = {
    "usage_counter": "UsageCounterRole",
    "usage_recounter": "UsageRecounterRole",
    "budget_builder": "BudgetBuilderRole",
    "budget_evaluator": "BudgetEvaluatorRole",
    "forecast_calibrator": "ForecastCalibratorRole",
}
ALL_JOBS = JOBS | BRAKE_JOBS | SETTLER_JOBS | GATEWAY_JOBS | CREDIT_JOBS | WEBHOOK_JOBS


def read_role(job: str) -> list[dict[str, Any]]:
    """The statements of a function's role."""
    made = deployment("everything")
    return [
        statement
        for template in (made.governance, made.gateway, made.monitoring, made.webhooks)
        for statement in statements(template, ALL_JOBS[job])
    ]


@pytest.fixture
def requests(environment: None, monkeypatch: pytest.MonkeyPatch) -> ItemRequests:  # noqa: F811
    """The requests of all functions of governance, from the first call to sent alerts."""
    clear_caches()
    noted = ItemRequests(monkeypatch)
    monkeypatch.setenv("CREDITS", "true")
    monkeypatch.setattr(calibrate_forecasts, "CALIBRATION_SPAN", timedelta(days=2))
    monkeypatch.setattr(trace_budget_usage, "_HISTORY_HOURS", 2)
    monkeypatch.setattr(send_budget_alerts, "RETRY_AFTER", timedelta(0))
    monkeypatch.setattr(send_limit_marks, "RETRY_AFTER", timedelta(0))
    take_events()

    def count(*batch: dict[str, Any]) -> None:
        with noted.made_by("usage_counter"):
            counter.lambda_handler(window(*batch), CONTEXT)

    def recount(event: dict[str, Any]) -> None:
        with noted.made_by("usage_recounter"):
            recounter.lambda_handler(event, CONTEXT)

    def evaluate(topic_arn: str) -> None:
        monkeypatch.setenv("TOPIC_ARN", topic_arn)
        clear_caches()
        with noted.made_by("budget_evaluator"):
            evaluator.lambda_handler({}, lambda_context())

    ledger = DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION)
    ledger.write([call(number) for number in range(1, 6)])
    passed = given_up(change(7, call(1)), NOW - timedelta(hours=23))
    missed = given_up(change(8, call(2)), NOW - timedelta(hours=23))
    for each in (passed, change(9, call(3)), missed):
        count(each)
    recount({})  # ends the first count
    count_hours()
    with noted.made_by("forecast_calibrator"):
        calibrator.lambda_handler({}, lambda_context())
    recount({"count_again": True})
    recount({})
    apply(SMALL, replace(SMALL, name="each", per=BudgetSubject.IDENTITY))
    for _ in range(2):  # announces, then builds
        with noted.made_by("budget_builder"):
            builder.lambda_handler({}, lambda_context())
    clear_caches()
    DynamoDbBrakeEvents(boto3.client("dynamodb"), GOVERNANCE).add_due(report_denied(deny(), NOON))
    limit_marks.reach(limit_marks.current_mark("ana"))
    count(change(10, call(6)))
    with pytest.raises(evaluator.BudgetRunError, match="alert not sent"):
        evaluate("arn:aws:sns:us-east-1:111122223333:missing")
    topic, received = subscribe_queue()
    evaluate(topic)
    assert received()
    clear_caches()
    recount({"count_again": True})  # with budgets
    recount({})
    return noted


def given_up(entry: dict[str, Any], at: datetime) -> dict[str, Any]:
    """A change that the ledger's stream had some hours ago."""
    entry["dynamodb"]["ApproximateCreationDateTime"] = at.timestamp()
    return entry


def test_functions_of_governance_may_do_what_they_do_and_write_nothing_else(
    requests: ItemRequests,
) -> None:
    check_requests(requests, JOBS)
    assert kinds_not_written(requests) == set()


def test_the_brake_may_do_what_it_does_and_write_nothing_else(
    environment: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = ItemRequests(monkeypatch)
    monkeypatch.setattr(reaction_times, "_OBSERVATION", timedelta(0))

    def run(event: dict[str, Any]) -> None:
        with noted.made_by("brake_controller"):
            controller.lambda_handler(event, lambda_context(900_000))

    for number in range(MAX_REACTIONS + 1):
        brake_functions.state().add_reaction(f"x#{NOON}#{number}", timedelta(seconds=number))
    monkeypatch.setenv("DENY_EXHAUSTED", "true")
    exhaust_credits()
    brake_functions.use_up(brake_functions.CARL)
    brake_functions.switch(is_on=True)
    run({})
    (stored,) = brake_functions.denies().list_denies()
    watch = ReactionWatch(NOON, NOON, 0)
    brake_functions.denies().write(replace(stored, watch=watch), None)
    run({})
    brake_functions.switch(is_on=False)
    run({})
    brake_functions.store_deny(ended=timedelta(minutes=6))
    with noted.made_by("brake_watchdog"):
        watchdog.lambda_handler({}, lambda_context())
    run({"RequestType": "Delete"})
    check_requests(noted, BRAKE_JOBS)
    written = {
        key
        for request in noted.by_job["brake_controller"]
        if request.action in WRITES
        for key in request.keys
    }
    assert written == {*BRAKE_ITEMS, "due-brake-events"}


def test_the_settler_may_do_what_it_does_and_write_nothing_else(
    environment: None,  # noqa: F811
    settling: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = ItemRequests(monkeypatch)
    apply(limit_settling.ENFORCED)
    reserved = limit_settling.crash_after_admission()
    count_calls(call(1))
    build()
    clear_caches()
    limit_settling.record(gateway_call(reserved, timestamp=limit_settling.ago(20)))
    with noted.made_by("limit_settler"):
        settler.lambda_handler({}, lambda_context())
    check_requests(noted, SETTLER_JOBS)


def test_the_gateway_may_do_what_it_does_and_write_nothing_else(
    environment: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = ItemRequests(monkeypatch)
    apply(replace(SMALL, brake=BrakeMode.DENY))
    policies = json.dumps({"policies": [policy(limits=[PER_MINUTE | {"near": [5]}])]})
    client = boto3.client("dynamodb")
    DynamoDbPolicyWriter(client, GOVERNANCE, None).write(PolicyChange(policies, 0, None, {}), NOON)
    exhaust_credits()
    with noted.made_by("gateway"):
        settings = Settings.from_environment(
            {
                "GOVERNANCE_TABLE": GOVERNANCE,
                "LIMITS_TABLE": LIMITS,
                "CALLER_ROLE_ARN": "arn:aws:iam::111122223333:role/callers",
                "REGION": "us-east-1",
                "REFUSE_EXHAUSTED": "true",
            }
        )
        admission = make_gateway_limits(settings).admission
        first, _ = (admission.admit(gateway_admission(), NOON) for _ in range(2))
        assert first.reservation_id is not None
        admission.settle(first.reservation_id, TokenCounts(5, 5), NOON)
        keys = CachedApiKeys(DynamoDbApiKeys(boto3.client("dynamodb"), GOVERNANCE))
        keys.find(KEY.digest, NOON)
        keys.note_use(KEY, NOON)
    check_requests(noted, GATEWAY_JOBS)


def test_the_booker_of_credits_may_do_what_it_does_and_write_nothing_else(
    environment: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = ItemRequests(monkeypatch)
    take_events()
    monkeypatch.setenv("CREDITS", "true")
    monkeypatch.setenv("LEDGER_RETENTION_DAYS", "90")
    monkeypatch.setenv("TOPIC_ARN", "arn:aws:sns:us-east-1:111122223333:missing")
    monkeypatch.setattr(book_credits, "_SNAPSHOT_DELAY", timedelta(0))
    credit_functions.grant(1, created_at=NOW - timedelta(days=2))
    count_calls(call(1))

    def run() -> None:
        with noted.made_by("credit_booker"):
            booker.lambda_handler({}, lambda_context())

    with pytest.raises(booker.CreditRunError, match="alert not sent"):
        run()
    monkeypatch.setattr(send_credit_alerts, "RETRY_AFTER", timedelta(0))
    client = boto3.client("dynamodb")
    client.put_item(
        TableName=GOVERNANCE,
        Item={**make_item_key("credit-alerts", "damaged"), "content": {"S": "{"}},
    )
    credit_functions.grant(10**12, "july")
    clear_caches()
    run()  # there is credit again
    check_requests(noted, CREDIT_JOBS)
    written = {
        key
        for request in noted.by_job["credit_booker"]
        if request.action in WRITES
        for key in request.keys
    }
    kinds = CREDIT_ITEMS - {"credits"}
    assert {kind for kind in kinds if any(key.startswith(kind) for key in written)} == kinds


def test_webhooks_may_do_what_they_do_and_write_nothing_else(
    environment: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = ItemRequests(monkeypatch)
    webhooks = webhook_account.open_webhooks(monkeypatch)
    answers = [ReceiverAnswer(500), ReceiverAnswer(503), ReceiverAnswer(410)]
    with noted.made_by("webhook_sender"):
        sender = make_sender(SenderSettings.from_environment(os.environ))
    sender = replace(sender, receiver=ScriptedReceiver([ReceiverAnswer(200), *answers]))
    monkeypatch.setattr(webhook_sender, "sender", lambda: sender)

    def send() -> None:
        with noted.made_by("webhook_sender"):
            webhook_sender.lambda_handler(webhooks.receive(), lambda_context())

    webhooks.add("pager")
    message = topic_message(1, make_event())
    for _ in range(2):  # the second one finds its delivery
        with noted.made_by("webhook_router"):
            webhook_router.lambda_handler({"Records": [message]}, lambda_context())
    for name in ("ok", "fails", "pauses", "gone"):
        if name != "ok":
            webhooks.add(name)
            webhooks.test(name)
        send()
    (gone,) = (each for each in webhooks.manager.webhooks.list_all() if each.disabled_at)
    assert gone.id == "gone"
    check_requests(noted, WEBHOOK_JOBS)


def exhaust_credits() -> None:
    """Store that credits of another Region are exhausted."""
    scope = exhaust(BudgetScope(region=("eu-west-3",)))
    DynamoDbExhaustedScopes(boto3.client("dynamodb"), GOVERNANCE).replace([scope])


def check_requests(requests: ItemRequests, jobs: Mapping[str, str]) -> None:
    """Check that roles allow all requests, and no write that is not among them."""
    assert requests.by_job.keys() == jobs.keys()
    refused, used = list[tuple[str, ItemRequest]](), set[tuple[str, str, str, str]]()
    for job, made in requests.by_job.items():
        for request in made:
            table = TABLES[request.table]
            patterns = find_grants(read_role(job), request, table)
            refused += [] if patterns else [(job, request)]
            used |= {(job, table, request.action, pattern) for pattern in patterns}
    assert refused == []
    assert written_by_grants(jobs) - used == set()


def written_by_grants(jobs: Iterable[str]) -> set[tuple[str, str, str, str]]:
    """The function, table, action and keys of each grant to write budgets and counters."""
    return {
        (job, table, action, pattern)
        for job in jobs
        for statement in read_role(job)
        for table in ("UsageCounters", "Governance", "Limits")
        if table in str(statement["Resource"])
        for action in as_list(statement["Action"])
        if action in WRITES
        for pattern in list_keys(statement)
    }


def kinds_not_written(requests: ItemRequests) -> set[str]:
    """The kinds of items of both tables that no function wrote."""
    written = {
        (request.table, key)
        for made in requests.by_job.values()
        for request in made
        if request.action in WRITES
        for key in request.keys
    }
    prefixes = {value for name, value in vars(counter_table).items() if name.endswith("_PREFIX")}
    partitions = re.findall(r"^\| `([^`#]+)", governance_table.__doc__ or "", re.MULTILINE)
    kinds = {(COUNTERS, kind) for kind in (*prefixes, counter_table.STATE_KEY)}
    kinds |= {(GOVERNANCE, kind) for kind in partitions if kind not in WRITTEN_BY_OTHERS}
    return {
        kind
        for table, kind in kinds
        if not any(name == table and key.startswith(kind) for name, key in written)
    }
