"""Pages of logs have whole figures of each session, however many sessions a role has.

The expected sums use no reader, aggregation or evaluator of the meter.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.demo.plain_sums import PlainSums, get_identity, sum_calls
from dashboards.viewer.dashboard_session import ALL_DATA, DashboardSession
from dashboards.viewer.pages import MAX_CHOICES
from dashboards.viewer.sources import source_of_logs
from tests.invocation_logs import as_lines, log, write

SESSIONS = 30
ROLE = "arn:aws:sts::111122223333:assumed-role/batch"
MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"


def make_logs() -> Iterator[dict[str, Any]]:
    """Calls of two months; the sessions of each come in another order, and the last cost most."""
    for month, step in ((8, 1), (9, -1)):
        for session in range(SESSIONS)[::step]:
            for call in range(2):
                yield log(
                    f"{month}-{session}-{call}",
                    timestamp=f"2026-{month:02}-08T10:{session:02}:{call:02}Z",
                    modelId=MODEL,
                    identity={"arn": f"{ROLE}/worker-{session}"},
                    input={"inputTokenCount": 1000 * (session + 1)},
                    output={"outputTokenCount": month},
                )


SUMS = sum_calls(make_logs(), get_identity)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> DashboardSession:
    logs = write(tmp_path_factory.mktemp("logs") / "logs.ndjson", as_lines(*make_logs()))
    return DashboardSession.from_source(source_of_logs([logs]))


def test_each_session_of_a_large_role_can_be_chosen(session: DashboardSession) -> None:
    assert session.choices("identity_detail") == sorted(SUMS)
    assert len(SUMS) == SESSIONS


def test_the_page_of_each_session_has_its_whole_cost(session: DashboardSession) -> None:
    for identity, sums in SUMS.items():
        widgets = session.view("identity_detail", identity, ALL_DATA)["widgets"]
        (totals,) = (each for each in widgets if each["title"] == "Totals for the selected time")
        shown = {series["name"]: series["value"] for series in totals["series"]}
        found = (shown["Calls"], shown["Total tokens"], shown["Quota tokens"], shown["Cost, USD"])
        expected = sums.calls, sums.total_tokens, sums.quota_tokens, float(sums.cost_usd)
        assert found == pytest.approx(expected), identity


def test_sessions_are_ranked_by_their_whole_cost(session: DashboardSession) -> None:
    def get_cost(item: tuple[str, PlainSums]) -> float:
        return -float(item[1].cost_usd)

    ranked = [identity for identity, _ in sorted(SUMS.items(), key=get_cost)]
    assert session.largest("identity_detail", MAX_CHOICES) == ranked[:MAX_CHOICES]
