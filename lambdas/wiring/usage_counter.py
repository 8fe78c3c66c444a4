"""The counter of `usage_counter`, and the evaluation of budgets that follows it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import boto3

from lambdas.adapters.dynamodb.usage_stream import read_stream
from lambdas.adapters.lambda_run_starter import LambdaRunStarter
from lambdas.domain.runs import AFTER_COUNTING
from lambdas.services.count_usage import UsageCounter
from lambdas.services.start_evaluations import EvaluationStarter
from lambdas.wiring.client_timeouts import BRIEF, PROMPT
from lambdas.wiring.counting import current_sums, edition_books, sum_up, usage_counters
from lambdas.wiring.counting_settings import CountingSettings


def make_counting(
    settings: CountingSettings, *, retention_days: int, evaluator_name: str
) -> tuple[UsageCounter, EvaluationStarter]:
    """Make a counter in the function's own account, and a starter that knows the same budgets."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    sums = current_sums(settings, dynamodb)
    counter = UsageCounter(
        read=partial(read_stream, retention=timedelta(days=retention_days)),
        store=usage_counters(settings, dynamodb),
        books=edition_books(settings, dynamodb),
        sums=sum_up(settings, sums),
        deployment=settings.stack_id,
    )
    runs = LambdaRunStarter(boto3.client("lambda", config=BRIEF), evaluator_name, AFTER_COUNTING)
    return counter, EvaluationStarter(runs=runs, has_budgets=sums.has_active_budgets)
