"""A reconciliation as JSON, for programs.

    {"version": 1, "now", "settled_before", "provisional_month", "bill_lines", "calls",
     "failed_calls", "has_identities", <what the reader adds>,
     "total": {"billed_usd", "bill_list_usd", "discount_usd", "logs_list_usd",
       "logs_effective_usd"},
     "classes": [{"class", "reason", "lines", "logs": AMOUNTS, "bill": AMOUNTS, "provisional_usd"}],
     "apart": [{"reason", "subject", "quantity", "list_usd", "effective_usd"}],
     "logs_not_settled": AMOUNTS, "meanings": {reason: text},
     "lines": [{"day", "account_id", "region", "identity_arn", "model_id", "measure", "routing",
       "service_tier", "class", "reason", "is_provisional", "logs": AMOUNTS, "bill": AMOUNTS}]}

AMOUNTS is `{"quantity", "list_usd", "effective_usd", "unpriced", "assumed"}`; `unpriced` and
`assumed` are parts of the quantity. Numbers are text, exact to the last digit. `classes` and
`apart` together are the whole bill: their `effective_usd` add up to `billed_usd`. `discount_usd`
is the amount by which discounts and contracted rates lower the list price of use. `routing` is
null where a line leaves it out of the comparison; `service_tier` is null there and for the
standard tier.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lambdas.domain.reports.reconciliation import (
    MEANINGS,
    ZERO,
    Amounts,
    Line,
    Reconciliation,
    apart_totals,
    class_totals,
    discount_usd,
)
from lambdas.domain.words import exact_text

CONTRACT_VERSION = 1
START_OF_REPORT = f'{{"version": {CONTRACT_VERSION}, "now": '
_LINES = ',\n"lines": ['


def report_json(reconciliation: Reconciliation, read: Mapping[str, Any]) -> Iterator[str]:
    """Write a reconciliation as JSON, piece by piece.

    Args:
        reconciliation: Logs against a bill.
        read: The counts of what was read and left out, which the reader adds.
    """
    classes = class_totals(reconciliation)
    apart = sorted(reconciliation.apart.items())
    head = {
        "version": CONTRACT_VERSION,
        "now": reconciliation.now.isoformat(),
        "settled_before": reconciliation.settled_before.isoformat(),
        "provisional_month": reconciliation.provisional_month,
        "bill_lines": reconciliation.bill_lines,
        "calls": reconciliation.calls,
        "failed_calls": reconciliation.failed_calls,
        "has_identities": reconciliation.has_identities,
        **read,
        "total": _total(reconciliation),
        "classes": [
            {
                "class": total.line_class,
                "reason": total.reason,
                "lines": total.lines,
                "logs": _amounts(total.ours),
                "bill": _amounts(total.theirs),
                "provisional_usd": exact_text(total.provisional_usd),
            }
            for total in classes
        ],
        "apart": [
            {
                "reason": key.reason,
                "subject": key.subject,
                "quantity": exact_text(amounts.quantity),
                "list_usd": exact_text(amounts.list_usd),
                "effective_usd": exact_text(amounts.effective_usd),
            }
            for key, amounts in apart
        ],
        "logs_not_settled": _amounts(reconciliation.ours_not_settled),
        "meanings": dict(MEANINGS),
    }
    yield json.dumps(head).removesuffix("}")
    yield _LINES
    for number, line in enumerate(reconciliation.lines):
        yield f"{',' if number else ''}\n{json.dumps(_line(line, reconciliation))}"
    yield "\n]}\n"


def _total(reconciliation: Reconciliation) -> dict[str, str]:
    lines = reconciliation.lines
    apart = apart_totals(reconciliation)
    bill_list = sum((line.theirs.list_usd for line in lines), ZERO)
    bill_list += sum((amounts.list_usd for _, amounts in apart), ZERO)
    ours = reconciliation.ours_not_settled
    return {
        "billed_usd": exact_text(reconciliation.billed_usd),
        "bill_list_usd": exact_text(bill_list),
        "discount_usd": exact_text(discount_usd(reconciliation)),
        "logs_list_usd": exact_text(sum((line.ours.list_usd for line in lines), ours.list_usd)),
        "logs_effective_usd": exact_text(
            sum((line.ours.effective_usd for line in lines), ours.effective_usd)
        ),
    }


def _line(line: Line, reconciliation: Reconciliation) -> dict[str, Any]:
    return {
        **line.key._asdict(),
        "day": line.key.day.isoformat(),
        "class": line.line_class,
        "reason": line.reason,
        "is_provisional": reconciliation.is_provisional(line),
        "logs": _amounts(line.ours),
        "bill": _amounts(line.theirs),
    }


def _amounts(amounts: Amounts) -> dict[str, str]:
    return {
        "quantity": exact_text(amounts.quantity),
        "list_usd": exact_text(amounts.list_usd),
        "effective_usd": exact_text(amounts.effective_usd),
        "unpriced": exact_text(amounts.unpriced),
        "assumed": exact_text(amounts.assumed),
    }
