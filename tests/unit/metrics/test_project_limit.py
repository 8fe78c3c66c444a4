"""Projects beyond a limit share one series."""

from datetime import UTC, datetime, timedelta

from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.invocations import UsageRecord
from tests.builders import BEN, NO_ATTRIBUTION, enriched, usage_record
from tests.enriching import dimension_namer

ANA = BEN.replace("ben", "ana")
PROJECTS = {ANA: "search", BEN: "shop"}


def shown(*records: UsageRecord) -> list[str]:
    """The projects in metrics with a limit of one project a month."""
    namer = dimension_namer(max_projects=1)
    attributed = (
        NO_ATTRIBUTION._replace(project=PROJECTS.get(record.identity_arn, UNATTRIBUTED))
        for record in records
    )
    return [
        namer.meter(enriched(record, attribution=attribution)).values.project
        for record, attribution in zip(records, attributed, strict=True)
    ]


def test_projects_beyond_the_limit_share_a_series_and_unattributed_calls_use_none() -> None:
    unattributed = usage_record(identity_arn="arn:aws:iam::111122223333:user/none")
    calls = (unattributed, usage_record(identity_arn=ANA), usage_record(identity_arn=BEN))
    assert shown(*calls) == [UNATTRIBUTED, "search", "__other__"]


def test_failed_calls_do_not_use_up_the_limit() -> None:
    failed = usage_record(identity_arn=BEN, error_code="ThrottlingException")
    assert shown(failed, usage_record(identity_arn=ANA)) == ["shop", "search"]


def test_the_limit_starts_again_in_each_utc_month_of_the_calls() -> None:
    first_of_august, midnight = datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)
    last_of_september = datetime(2026, 9, 30, 23, 59, tzinfo=UTC)
    calls = [
        usage_record(identity_arn=arn, timestamp=when)
        for arn, when in [
            *((ANA, first_of_august), (BEN, midnight - timedelta(seconds=1))),
            *((BEN, midnight), (ANA, last_of_september)),
        ]
    ]
    assert shown(*calls) == ["search", "__other__", "shop", "__other__"]
