"""`make meter BUDGETS=...` shows the use of budgets in anyone's own logs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import run_command
from tests.invocation_logs import as_lines, log, write

ANA = "arn:aws:iam::111122223333:user/ana"
BEN = "arn:aws:iam::111122223333:user/ben"
UNPRICED = "example.unknown-model-v1:0"


def budget(name: str, **changes: Any) -> dict[str, Any]:
    """A budget of 1,000 tokens a day, but for the changes."""
    defaults = {
        "name": name,
        "scope": {},
        "amount": {"total_tokens": 1000},
        "period": {"every": "day", "time_zone": "Europe/Berlin"},
    }
    return defaults | changes


def call(number: int, time: str, tokens: int, identity: str = ANA, **changes: Any) -> Any:
    """A call with as many tokens, all but 5 of them input."""
    return log(
        f"request-{number}",
        timestamp=time,
        identity={"arn": identity},
        input={"inputTokenCount": tokens - 5},
        **changes,
    )


@pytest.fixture
def meter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Meter calls with budgets; returns what is printed, with single spaces."""

    def run(calls: list[Any], *budgets: dict[str, Any]) -> str:
        logs = write(tmp_path / "logs.json", as_lines(*calls))
        path = tmp_path / "budgets.json"
        path.write_text(json.dumps({"managed_by": "tests", "budgets": budgets}), encoding="utf-8")
        assert run_command("meter", "--budgets", path, logs) == 0
        return "\n".join(" ".join(line.split()) for line in capsys.readouterr().out.splitlines())

    return run


def test_use_and_crossings_are_shown_with_times_of_the_budgets_zone(meter: Any) -> None:
    printed = meter(
        [
            call(1, "2026-09-08T21:59:59Z", 400),
            call(2, "2026-09-08T22:10:00Z", 500),
            call(3, "2026-09-09T10:00:30Z", 600),
        ],
        budget("daily", alerts={"forecast": []}),
    )
    assert "Budget daily: 1,000 tokens for the account, a day, Europe/Berlin" in printed
    assert (
        "2026-09-09 00:00 to 2026-09-10 00:00 1,100 tokens 110.0"
        " 50% at 2026-09-09 00:10, 80% at 2026-09-09 12:00, 100% at 2026-09-09 12:00"
    ) in printed
    assert "2026-09-08 00:00 to 2026-09-09 00:00 400 tokens 40.0 -" in printed


def test_a_default_budget_has_a_row_for_each_identity_that_has_no_budget_of_its_own(
    meter: Any,
) -> None:
    printed = meter(
        [call(1, "2026-09-08T12:00:00Z", 400), call(2, "2026-09-08T12:00:00Z", 300, BEN)],
        budget("each", per="identity"),
        budget("bens", scope={"identity": BEN}, amount={"total_tokens": 600}),
    )
    default, _, bens = printed.partition("Budget bens")
    assert "111122223333 user/ana 2026-09-08 00:00 to 2026-09-09 00:00 400 tokens 40.0" in default
    assert "user/ben" not in default.partition("Budget each")[2]
    assert "300 tokens 50.0 50% at 2026-09-08 14:00" in bens


def test_a_call_that_is_logged_twice_counts_once(meter: Any) -> None:
    calls = [call(1, "2026-09-08T12:00:00Z", 400)]
    assert "400 tokens 40.0" in meter(calls * 3, budget("daily"))


def test_calls_with_an_impossible_time_are_in_no_period(meter: Any) -> None:
    times = ("9999-12-31T23:59:59Z", "2099-12-31T23:59:59Z", "0001-01-01T00:00:00Z")
    calls = [call(number, time, 400) for number, time in enumerate(times)]
    rules = [{"every": "month"}, {"every": "day"}, {"every": "hour"}, {"last_hours": 24}]
    named = [budget(f"b{number}", period=rule) for number, rule in enumerate(rules)]
    printed = meter([*calls, call(9, "2026-09-08T12:00:00Z", 300)], *named)
    rows = [line for line in printed.splitlines() if " tokens 30.0" in line]
    assert len(rows) == len(rules)
    assert "400 tokens" not in printed


def test_the_brake_says_whom_it_would_have_denied_when_and_what_came_later(meter: Any) -> None:
    sso = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/cal"
    calls = [
        *(call(number, f"2026-09-08T12:0{number}:00Z", 240) for number in range(6)),
        call(7, "2026-09-08T12:00:00Z", 400, BEN),
        call(8, "2026-09-08T12:00:00Z", 1100, sso),
    ]
    printed = meter(calls, budget("each", per="identity", brake="deny"))
    assert "The brake would have acted 2 times:" in printed
    assert (
        "111122223333 user/ana 2026-09-08 14:03 2026-09-09 00:00 960 tokens 96 480 tokens"
        " user denied"
    ) in printed
    assert "IAM protects roles of IAM Identity Center" in printed
    assert "user/ben 2026-09-08 14:00" not in printed.partition("would have acted")[2]


@pytest.mark.parametrize(
    ("brake", "title"),
    [
        ("deny", "The brake would have acted 1 time:"),
        ("shadow", "The brake would have reported, and denied no caller, 1 time:"),
        ("notify", 'This budget only alerts. With "brake": "deny", it would have acted 1 time:'),
    ],
)
def test_each_kind_of_brake_says_what_it_would_have_done(
    meter: Any, brake: str, title: str
) -> None:
    printed = meter(
        [call(1, "2026-09-08T12:00:00Z", 1200)], budget("each", per="identity", brake=brake)
    )
    assert title in printed


def test_a_session_or_its_whole_role_is_denied(meter: Any) -> None:
    role = "arn:aws:sts::111122223333:assumed-role/chat"
    calls = [call(number, "2026-09-08T12:00:00Z", 600, f"{role}/{number}") for number in range(2)]
    calls.append(call(9, "2026-09-08T12:00:00Z", 1200, f"{role}/eve"))
    printed = meter(
        calls,
        budget("each", per="identity", brake="deny"),
        budget("roles", per="principal", brake="deny", amount={"total_tokens": 2000}),
    )
    sessions, _, roles = printed.partition("Budget roles")
    assert "session denied, if brake_sessions is on" in sessions.partition("would have acted")[2]
    assert "role denied" in roles.partition("would have acted 1 time")[2]


def test_a_budget_without_a_brake_or_overuse_says_so(meter: Any) -> None:
    calls = [call(1, "2026-09-08T12:00:00Z", 700)]
    assert "brake" not in meter(calls, budget("each", per="identity"))
    assert "brake" not in meter(calls, budget("account", amount={"total_tokens": 1}))
    printed = meter(calls, budget("each", per="identity", brake="deny"))
    assert "The brake would have denied no caller." in printed


def test_calls_that_the_gateway_would_have_refused_are_said_to_be_unknown(meter: Any) -> None:
    calls = [call(1, "2026-09-08T12:00:00Z", 1700)]
    assert "gateway" not in meter(calls, budget("daily"))
    printed = meter(calls, budget("daily", gateway="enforce"))
    assert "Logs do not say which calls it would have refused" in printed


def test_denies_are_in_the_json_with_their_times_and_usage(tmp_path: Path) -> None:
    sso = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/cal"
    calls = [
        *(call(number, f"2026-09-08T12:0{number}:00Z", 240) for number in range(6)),
        call(8, "2026-09-08T12:00:00Z", 1100, sso),
    ]
    logs = write(tmp_path / "logs.json", as_lines(*calls))
    declared = [
        budget("each", per="identity", brake="shadow", amount={"total_tokens": 1000}),
        budget("account", gateway="shadow"),
    ]
    path = write(
        tmp_path / "budgets.json", json.dumps({"managed_by": "tests", "budgets": declared})
    )
    out = tmp_path / "out.json"
    assert run_command("meter", "--budgets", path, "--out", out, logs) == 0
    each, account = json.loads(out.read_text(encoding="utf-8"))["budgets"]
    assert (each["brake"], account["brake"], account["denies"]) == ("shadow", "notify", None)
    assert (each["gateway"], account["gateway"]) == (None, "shadow")
    cal, ana = each["denies"]
    assert (cal["denied"], cal["obstacle"]) == (None, "identity_center")
    assert ana == {
        "caller": ANA,
        "denied": "user",
        "obstacle": None,
        "at": "2026-09-08T12:03:00+00:00",
        "until": "2026-09-08T22:00:00+00:00",
        "used": 960,
        "used_percent": "96",
        "reserve": 200,
        "used_later": 480,
    }


def test_unknown_prices_count_at_the_ceiling_and_are_shown_apart(meter: Any) -> None:
    printed = meter(
        [
            call(1, "2026-09-08T12:00:00Z", 1005, modelId=UNPRICED),
            call(2, "2026-09-09T12:00:00Z", 1_000_005),
        ],
        budget(
            "money",
            amount={"usd": 1},
            unpriced_usd_per_million={"input": 500, "output": 0},
        ),
    )
    assert "Period Used Of it unpriced %" in printed
    assert "$0.5000 $0.5000 50.0 50% at 2026-09-08 14:00" in printed
    assert "2026-09-09 00:00 to 2026-09-10 00:00 $0.2500 $0 25.0 -" in printed
    assert (
        "Of this usage, $0.5000 is an assumption: 1 call without a known price count at"
        " $500 for a million input tokens, $0 for output, $0.60 for an image, $1.50 for a second of"
        " video and $0.01 for another unit (unpriced_usd_per_million and"
    ) in printed


def test_the_default_price_of_unpriced_calls_is_named(meter: Any) -> None:
    calls = [call(1, "2026-09-08T12:00:00Z", 1005, modelId=UNPRICED)]
    printed = meter(calls, budget("money", amount={"usd": 1}))
    assert (
        "Of this usage, $0.0608 is an assumption: 1 call without a known price count at"
        " $60 for a million input tokens, $150 for output, $0.60 for an image, $1.50 for a second"
        " of video and $0.01 for another unit (the default of unpriced_usd_per_"
    ) in printed


def test_the_used_amounts_of_a_budget_have_the_same_number_of_decimals(meter: Any) -> None:
    printed = meter(
        [
            call(1, "2026-09-08T12:00:00Z", 8_000_005),
            call(2, "2026-09-09T12:00:00Z", 1_000_005),
            call(3, "2026-09-10T12:00:00Z", 6),
        ],
        budget("money", amount={"usd": 100}),
    )
    assert re.findall(r"to \S+ 00:00 (\S+)", printed) == ["$2.00", "$0.25", "<$0.01"]


def test_a_budget_without_unpriced_calls_assumes_nothing(meter: Any) -> None:
    printed = meter(
        [call(1, "2026-09-08T12:00:00Z", 1005)],
        budget("money", amount={"usd": 1}),
        budget("tokens"),
    )
    assert "unpriced" not in printed


def test_windows_show_crossings_and_the_window_with_the_most_usage(meter: Any) -> None:
    calls = [call(number, f"2026-09-08T{number:02}:30:00Z", 100) for number in range(8)]
    printed = meter(calls, budget("window", period={"last_hours": 6}))
    rows = [line for line in printed.splitlines() if " tokens " in line and " to " in line]
    assert rows == [
        "2026-09-07 23:00 to 2026-09-08 05:00 500 tokens 50.0 50% at 2026-09-08 04:30",
        "2026-09-08 00:00 to 2026-09-08 06:00 600 tokens 60.0 -",
    ]
    assert (
        "A threshold alerts once in 6 hours: a window with - had reached it before.\n"
        "No forecast: windows that move have none."
    ) in printed


def test_the_rest_of_the_last_period_is_forecast(meter: Any) -> None:
    calls = [call(hour, f"2026-09-08T{hour:02}:30:00Z", 100) for hour in range(10)]
    printed = meter(
        calls,
        budget("daily", period={"every": "day"}),
        budget("large", period={"every": "day"}, amount={"total_tokens": 90_000}),
    )
    daily, large = (line for line in printed.splitlines() if line.startswith("Forecast for"))
    assert daily.startswith("Forecast for 2026-09-09 00:00: 2,")
    assert daily.endswith("; the amount is used up")
    assert large.endswith("; 2% probability of exceeding the amount")


def test_forecasts_are_calibrated_on_logs_that_cover_enough_days(meter: Any) -> None:
    daily = budget("daily", period={"every": "day"}, amount={"total_tokens": 4000})
    calls = [
        call(24 * day + hour, f"2026-09-{day:02}T{hour:02}:30:00Z", 100)
        for day in range(1, 13)
        for hour in range(24)
    ]
    few, many = meter(calls[:12], daily), meter(calls[: 24 * 11 + 12], daily)
    assert "Forecasts use errors of forecasts of public data (docs/forecasts.md)." in few
    assert (
        "Forecasts use errors of forecasts of your own usage in the 12 days up to 2026-09-12,"
        " and of public data (docs/forecasts.md)." in many
    )
    assert read_width(many) < read_width(few)


def read_width(printed: str) -> int:
    """The width of the interval of a forecast, in tokens."""
    low, high = re.findall(r"\(80%: (\S+) tokens to (\S+) tokens\)", printed)[-1]
    return int(high.replace(",", "")) - int(low.replace(",", ""))


def test_windows_that_move_name_no_errors(meter: Any) -> None:
    calls = [call(hour, f"2026-09-08T{hour:02}:30:00Z", 100) for hour in range(10)]
    assert "Forecasts use" not in meter(calls, budget("window", period={"last_hours": 6}))


def test_a_forecast_says_when_the_amount_is_used_up(meter: Any) -> None:
    calls = [call(hour, f"2026-09-08T{hour:02}:30:00Z", 100, BEN) for hour in range(10)]
    each = budget("each", per="identity", period={"every": "day"}, amount={"total_tokens": 1500})
    printed = meter(calls, each)
    (line,) = (line for line in printed.splitlines() if line.startswith("Forecast for"))
    assert "111122223333 user/ben: 2," in line
    assert ", used up about 2026-09-08 1" in line


def test_forecasts_past_the_first_ones_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = [
        call(100 * hour + number, f"2026-09-08T{hour:02}:30:00Z", 100, f"{ANA}{number}")
        for hour in range(10)
        for number in range(4)
    ]
    logs = write(tmp_path / "logs.json", as_lines(*calls))
    each = budget("each", per="identity", period={"every": "day"})
    path = write(tmp_path / "budgets.json", json.dumps({"managed_by": "tests", "budgets": [each]}))
    assert run_command("meter", "--budgets", path, "--top", "1", logs) == 0
    printed = capsys.readouterr().out
    assert printed.count("Forecast for") == 1
    assert "and 3 forecasts for less usage" in printed


def test_some_hours_of_usage_are_too_few_for_a_forecast(meter: Any) -> None:
    assert "Forecast" not in meter([call(1, "2026-09-08T12:00:00Z", 400)], budget("daily"))


def test_a_budget_without_usage_is_shown(meter: Any) -> None:
    printed = meter([call(1, "2026-09-08T12:00:00Z", 9)], budget("a", scope={"project": "none"}))
    assert "Budget a: 1,000 tokens for project none, a day, Europe/Berlin\nNo usage." in printed


def hourly_calls(hours: int) -> list[Any]:
    """A call of 100 tokens in each hour, from September 1."""
    return [
        call(hour, f"2026-09-{1 + hour // 24:02}T{hour % 24:02}:30:00Z", 100)
        for hour in range(hours)
    ]


def test_the_time_at_which_a_forecast_would_have_alerted_is_shown(meter: Any) -> None:
    """There is no forecast in the first six hours."""
    daily = budget("daily", period={"every": "day"}, amount={"total_tokens": 1200})
    printed = meter(hourly_calls(30), daily)
    assert (
        "2026-09-01 00:00 to 2026-09-02 00:00 2,400 tokens 200.0 50% at 2026-09-01 05:30,"
        " forecast of 100% at 2026-09-01 06:00, 80% at 2026-09-01 09:30,"
    ) in printed
    assert "A deployment makes them every minute." in printed
    silent = daily | {"alerts": {"forecast": []}}
    assert "forecast of" not in meter(hourly_calls(30), silent)


def test_more_values_than_are_replayed_are_counted(meter: Any) -> None:
    names = [f"arn:aws:iam::111122223333:user/u{number}" for number in range(22)]
    calls = [call(number, "2026-09-08T12:00:00Z", 100, name) for number, name in enumerate(names)]
    printed = meter(calls, budget("each", per="identity"))
    assert (
        "Thresholds of forecasts are shown for the 20 with the most usage, not for 2 others."
    ) in printed
    assert "No forecast for 22 identities: it needs 6 hours of usage." in printed


def test_the_summary_has_uses_crossings_and_forecasts_with_money_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    each = budget("each", per="identity", period={"every": "day"}, amount={"usd": "0.01"})
    tokens = budget("tokens", period={"every": "day"}, amount={"total_tokens": 1200})
    logs = write(tmp_path / "logs.json", as_lines(*hourly_calls(36)))
    path = write(
        tmp_path / "budgets.json", json.dumps({"managed_by": "tests", "budgets": [each, tokens]})
    )
    out = tmp_path / "out.json"
    assert run_command("meter", "--budgets", path, "--out", out, logs) == 0
    capsys.readouterr()
    of_each, of_tokens = json.loads(out.read_text(encoding="utf-8"))["budgets"]

    assert (of_each["unit"], of_each["amount"], of_each["per"]) == ("usd", "0.01", "identity")
    money = of_each["uses"][0]
    assert (money["value"], money["used"], money["used_percent"]) == (ANA, "0.00072", "7.2")
    assert money["unpriced_usd"] == "0"

    assert (of_tokens["amount"], of_tokens["per"]) == (1200, None)
    day = of_tokens["uses"][0]
    assert (day["start"], day["end"], day["used"], day["used_percent"]) == (
        "2026-09-01T00:00:00+00:00",
        "2026-09-02T00:00:00+00:00",
        2400,
        "200",
    )
    forecast = next(each for each in day["crossings"] if each["kind"] == "forecast")
    assert forecast["at"] == "2026-09-01T06:00:00+00:00"
    assert forecast["percent"] == "100"
    assert 0.8 <= forecast["probability"] <= 1
    assert [each["percent"] for each in day["crossings"] if each["kind"] == "actual"] == [
        "50",
        "80",
        "100",
    ]
    (last,) = of_tokens["forecasts"]
    assert last["used"] == 1200
    assert last["low_80"] <= last["expected"] <= last["high_80"]
    assert last["at"] == "2026-09-02T11:31:00+00:00"
    assert isinstance(of_each["forecasts"][0]["expected"], str)


def test_without_budgets_the_summary_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = write(tmp_path / "logs.json", as_lines(*hourly_calls(1)))
    out = tmp_path / "out.json"
    assert run_command("meter", "--out", out, logs) == 0
    capsys.readouterr()
    assert "budgets" not in json.loads(out.read_text(encoding="utf-8"))


def test_rows_past_the_first_ones_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = [call(day, f"2026-09-{day:02}T12:00:00Z", 100) for day in range(1, 6)]
    logs = write(tmp_path / "logs.json", as_lines(*calls))
    path = write(
        tmp_path / "budgets.json",
        json.dumps({"managed_by": "tests", "budgets": [budget("daily")]}),
    )
    assert run_command("meter", "--budgets", path, "--top", "2", logs) == 0
    assert "and 3 periods with less usage\n" in capsys.readouterr().out


def test_thresholds_in_rows_that_are_not_shown_are_counted(meter: Any) -> None:
    calls = [call(day, f"2026-09-{day:02}T12:00:00Z", 500 + day) for day in range(1, 31)]
    printed = meter(calls, budget("daily", alerts={"forecast": []}))
    assert "and 5 periods with less usage, in which 5 thresholds were reached" in printed


def test_a_wrong_file_of_budgets_is_refused_before_logs_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "budgets.json", "{}")
    assert run_command("meter", "--budgets", path, tmp_path / "missing") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"meter: {path}: 2 problems:"
    assert lines[1] == "  managed_by is missing"
