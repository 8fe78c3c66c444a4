"""The dashboards as a browser draws them."""

import csv
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from cdk.config import Config
from dashboards.cloudwatch import Metric
from dashboards.viewer.bodies import read_bodies
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.drawings import Source
from dashboards.viewer.pages import write_page
from dashboards.viewer.sources import source_of_logs
from dashboards.viewer.time_ranges import DayRange
from tests.dashboards.cloudwatch.figures import NOON, InMemoryMetrics, metric
from tests.invocation_logs import as_lines, log

ANA, BEN = (f"arn:aws:iam::111122223333:user/{name}" for name in ("ana", "ben"))
HOSTILE = "arn:aws:iam::111122223333:user/<script>window.hacked=1</script>\"&'" + "x" * 900
MODELS = ("anthropic.claude-3-haiku-20240307-v1:0", "amazon.titan-embed-text-v2:0")
LOGS = [
    log(
        f"request-{number}",
        timestamp=f"2026-09-08T{8 + number % 4:02}:10:33Z",
        identity={"arn": (ANA, BEN, HOSTILE)[number % 3]},
        modelId=MODELS[number % 2],
        input={"inputTokenCount": 1000 + number},
        output={"outputTokenCount": 10 * number} if number % 2 == 0 else {},
    )
    for number in range(24)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "logs.ndjson").write_bytes(as_lines(*LOGS))
    return folder


@pytest.fixture(scope="module")
def page_file(folder: Path) -> Path:
    source = source_of_logs([folder / "logs.ndjson"])
    write_page(DashboardSession.from_source(source), folder / "page.html")
    return folder / "page.html"


@pytest.fixture(scope="module")
def whole_page_file(folder: Path) -> Path:
    """A page of a source that may have anything, so that no widget is hidden."""
    source = source_of_logs([folder / "logs.ndjson"])
    source = replace(source, namespaces=frozenset(), missing_metrics=frozenset())
    source = replace(source, alarm_states=lambda names: dict.fromkeys(names, "OK"))
    write_page(DashboardSession.from_source(source), folder / "whole.html")
    return folder / "whole.html"


def show(page: Page, page_file: Path, dashboard: str, theme: str = "light") -> None:
    page.goto(f"{page_file.as_uri()}?theme={theme}#{dashboard}")
    page.wait_for_selector("main[aria-busy=false] .widget")


def numbers(page: Page, title: str) -> dict[str, float]:
    """The numbers in a widget, by their names."""
    found = page.locator(f'section[aria-label="{title}"] [data-name]').all()
    return {
        str(element.get_attribute("data-name")): float(element.get_attribute("data-value") or "nan")
        for element in found
    }


def read_table(page: Page, title: str) -> dict[str, float]:
    page.locator(f'section[aria-label="{title}"] h2 button[aria-pressed]').click()
    return numbers(page, title)


def total(read: Any, of: str | None = None) -> int:
    """Sum a value over the logs themselves, of all callers or of one."""
    return sum(
        read(invocation) for invocation in LOGS if of in (None, invocation["identity"]["arn"])
    )


def tokens(invocation: dict[str, Any]) -> int:
    return int(
        invocation["input"]["inputTokenCount"] + invocation["output"].get("outputTokenCount", 0)
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("dashboard", read_bodies(Config()))
def test_every_widget_is_drawn_inside_its_area(
    page: Page, whole_page_file: Path, dashboard: str, theme: str
) -> None:
    show(page, whole_page_file, dashboard, theme)
    cards = page.locator("main > .widget")
    assert cards.count() == len(read_bodies(Config())[dashboard].widgets())
    for card in cards.all():
        assert card.inner_text().strip()
        drawings = card.locator(".chart:not([aria-hidden])").all()
        assert all(drawing.locator("svg path").count() for drawing in drawings)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    labels = page.locator(".number small, .alarms li")
    is_cut = """labels => labels.map((label) =>
      label.scrollWidth > label.clientWidth || label.scrollHeight > label.clientHeight + 1)"""
    cut_off = labels.evaluate_all(is_cut)
    assert [text for text, cut in zip(labels.all_inner_texts(), cut_off, strict=True) if cut] == []


def test_numbers_match_the_logs(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    shown = numbers(page, "Totals for the selected time")
    assert shown["Total tokens"] == total(tokens)
    assert shown["Calls"] == len(LOGS)
    by_identity = Counter[str]()
    for invocation in LOGS:
        by_identity[invocation["identity"]["arn"]] += tokens(invocation)
    ranked = read_table(page, "Quota tokens by identity, last 28 days")
    assert ranked == by_identity


def read_options(page: Page, title: str) -> dict[str, Any]:
    """Read the options that a widget passes to the charting library."""
    options: dict[str, Any] = page.eval_on_selector(
        f'section[aria-label="{title}"] .chart',
        """(place) => {
          const { series, xAxis, yAxis } = echarts.getInstanceByDom(place).getOption();
          const sizesOf = (item) =>
            item.data.map((_, dataIndex) => item.symbolSize?.(0, { dataIndex }));
          // A line's last point is drawn apart while its period is not over.
          const whole = (list, open) => (open ? [...list.slice(0, -1), open.at(-1)] : list);
          const drawn = series.filter((item) => !item.id?.startsWith("open")).map((item) => {
            const id = item.id?.replace("line", "open");
            const open = series.find((other) => other.id === id && other !== item);
            return {
              name: item.name, stack: item.stack, color: item.color,
              data: whole(item.data, open?.data),
              lines: (item.markLine?.data ?? []).map((line) => line.yAxis),
              sizes: whole(sizesOf(item), open && sizesOf(open)),
              open: open?.data, dash: open?.lineStyle.type,
            };
          });
          return { series: drawn, names: yAxis?.[0]?.data, unit: yAxis?.[0]?.name };
        }""",
    )
    return options


def by_hour(read: Any) -> dict[int, int]:
    """Sum a value over the logs for each hour, in milliseconds since 1970."""
    hours = Counter[int]()
    for invocation in LOGS:
        at = datetime.fromisoformat(invocation["timestamp"]).replace(minute=0, second=0)
        hours[int(at.timestamp() * 1000)] += read(invocation)
    return dict(hours)


def test_lines_follow_the_hourly_totals_of_the_logs(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    options = read_options(page, "Account: quota tokens per hour")
    (line,) = options["series"]
    assert options["unit"] == "Tokens"
    assert {at: value for at, value in line["data"] if value is not None} == by_hour(tokens)
    assert line["lines"] == []


def test_stacked_graphs_are_stacked_and_isolated_values_are_dots(
    page: Page, page_file: Path
) -> None:
    show(page, page_file, "identity_detail")
    page.select_option("#choice", ANA)
    page.wait_for_selector("main[aria-busy=false]")
    lines = read_options(page, "Input and output tokens, stacked")["series"]
    assert {line["stack"] for line in lines} == {"all"}
    (calls, *_) = read_options(page, "Calls and failed calls")["series"]
    assert calls["stack"] is None
    values = [value for _, value in calls["data"]]
    assert [size > 0 for size in calls["sizes"]] == [value is not None for value in values]
    (hours,) = read_options(page, "Quota tokens per hour")["series"]
    assert not any(hours["sizes"][:-1])  # one after the other, they are a line


def test_bars_and_pie_slices_are_proportional_to_their_values(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    (pie,) = read_options(page, "Quota tokens by model, last 28 days")["series"]
    sums = {
        name: sum(tokens(call) for call in LOGS if call["modelId"] == model)
        for name, model in zip(("claude-3-haiku", "titan-embed-text"), MODELS, strict=True)
    }
    assert {part["name"]: part["value"] for part in pie["data"]} == sums
    bars = read_options(page, "Quota tokens by identity, last 28 days")
    (drawn,) = bars["series"]
    assert len(bars["names"]) == 3  # there are no others
    values = [point["value"] for point in drawn["data"]]
    assert sorted(values) == sorted(total(tokens, arn) for arn in (ANA, BEN, HOSTILE))


def test_the_table_of_a_line_has_its_last_value_sum_and_maximum(
    page: Page, page_file: Path
) -> None:
    show(page, page_file, "usage_overview")
    card = page.locator('section[aria-label="Account: quota tokens per hour"]')
    card.locator("h2 button[aria-pressed]").click()
    cells = card.locator("tbody td").all_inner_texts()
    hours = by_hour(tokens)
    expected = [hours[max(hours)], sum(hours.values()), max(hours.values())]
    assert cells == ["Quota tokens", *(f"{value:,}" for value in expected)]


def test_an_address_names_dashboard_and_choice_for_any_name(page: Page, page_file: Path) -> None:
    show(page, page_file, "identity_detail")
    page.select_option("#choice", HOSTILE)
    page.wait_for_selector("main[aria-busy=false]")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("main[aria-busy=false] .widget")
    assert page.locator("#choice").input_value() == HOSTILE
    for odd in ("identity_detail=%", "identity_detail=a=b=c", "%E0%A4%A"):
        page.goto("about:blank")
        page.goto(f"{page_file.as_uri()}#{odd}")
        page.wait_for_selector("main[aria-busy=false] .widget")


def test_the_skip_link_leads_to_the_current_dashboard(page: Page, page_file: Path) -> None:
    show(page, page_file, "identity_detail")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "widgets"
    assert page.locator("nav a[aria-current]").inner_text() == "Identity detail"


def test_choosing_an_identity_switches_the_dashboard(page: Page, page_file: Path) -> None:
    show(page, page_file, "identity_detail")
    for arn in (BEN, ANA):
        page.select_option("#choice", arn)
        page.wait_for_selector("main[aria-busy=false]")
        shown = numbers(page, "Totals for the selected time")
        assert shown["Total tokens"] == total(tokens, arn)


def test_a_hostile_name_is_shown_as_text(page: Page, page_file: Path) -> None:
    show(page, page_file, "identity_detail")
    page.select_option("#choice", HOSTILE)
    page.wait_for_selector("main[aria-busy=false]")
    assert numbers(page, "Totals for the selected time")["Total tokens"] == total(tokens, HOSTILE)
    show(page, page_file, "usage_overview")
    assert read_table(page, "Quota tokens by identity, last 28 days")[HOSTILE] == total(
        tokens, HOSTILE
    )
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_links_between_dashboards_stay_on_the_page(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    page.locator("main").get_by_role("link", name="Identity detail").click()
    page.wait_for_selector('nav a[aria-current][href="#identity_detail"]')


def test_the_page_can_be_used_with_the_keyboard_alone(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim().slice(0, 22)"))
    assert {"Skip to the dashboard", "Identity detail", "Dark"} <= reached
    page.locator("#theme").press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_period_that_is_not_over_is_dashed_and_the_others_are_not(
    page: Page, page_file: Path
) -> None:
    show(page, page_file, "usage_overview")
    title = "Quota tokens per hour by identity, top 10 (last hour so far)"
    lines = {line["name"]: line for line in read_options(page, title)["series"]}
    hours = by_hour(lambda call: tokens(call) if call["identity"]["arn"] == ANA else 0)
    last, open_hour = sorted(hours)[-2:]
    assert lines["ana"]["open"] == [[last, hours[last]], [open_hour, hours[open_hour]]]
    assert isinstance(lines["ana"]["dash"], list)
    legend = page.locator(f'section[aria-label="{title}"] .legend .open')
    assert legend.inner_text() == "so far"
    assert "Viewer only" in str(legend.get_attribute("title"))
    account = 'section[aria-label="Account: quota tokens per hour"] .legend'
    assert page.locator(account).inner_text() == "Quota tokens\nso far"


def test_a_dashboard_opens_on_the_identity_that_costs_most(page: Page, page_file: Path) -> None:
    show(page, page_file, "identity_detail")
    usd = {ANA: 0.0, BEN: 0.0, HOSTILE: 0.0}
    for invocation in LOGS:
        if invocation["modelId"] == MODELS[0]:
            input_tokens = invocation["input"]["inputTokenCount"]
            usd[invocation["identity"]["arn"]] += (
                0.25 * input_tokens + 1.25 * invocation["output"]["outputTokenCount"]
            )
        else:
            usd[invocation["identity"]["arn"]] += 0.02 * invocation["input"]["inputTokenCount"]
    assert page.locator("#choice").input_value() == max(usd, key=lambda arn: usd[arn])


def test_a_name_in_a_table_links_to_its_detail_page(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    read_table(page, "Quota tokens by identity, last 28 days")
    page.get_by_role("link", name="ben", exact=True).first.click()
    page.wait_for_selector('nav a[aria-current][href="#identity_detail"]')
    assert page.locator("#choice").input_value() == BEN


def test_a_click_on_a_bar_opens_its_detail_page(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    page.locator(
        'section[aria-label="Quota tokens by identity, last 28 days"] svg text', has_text="ben"
    ).click()
    page.wait_for_selector('nav a[aria-current][href="#identity_detail"]')
    assert page.locator("#choice").input_value() == BEN


def save_csv(page: Page, title: str) -> list[list[str]]:
    with page.expect_download() as saving:
        page.get_by_role("button", name=f"CSV: {title}").click()
    with Path(saving.value.path()).open(newline="") as saved:
        return list(csv.reader(saved))


def test_a_graph_is_saved_as_csv(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    head, *rows = save_csv(page, "Account: quota tokens per hour")
    assert head == ["Start of period (UTC)", "Quota tokens"]
    saved = {datetime.fromisoformat(at): float(value) for at, value in rows if value}
    assert {int(at.timestamp() * 1000): value for at, value in saved.items()} == by_hour(tokens)
    (_, *names) = save_csv(page, "Quota tokens by identity, last 28 days")
    assert {name for name, _ in names} == {ANA, BEN, HOSTILE}


def test_a_name_that_looks_like_a_formula_is_saved_as_text(page: Page, folder: Path) -> None:
    formula = '=HYPERLINK("http://example.com")'
    (folder / "formula.ndjson").write_bytes(as_lines(log(identity={"arn": formula})))
    source = source_of_logs([folder / "formula.ndjson"])
    write_page(DashboardSession.from_source(source), folder / "formula.html")
    show(page, folder / "formula.html", "usage_overview")
    assert save_csv(page, "Quota tokens by identity, last 28 days")[1][0] == f"'{formula}"


def test_the_footer_names_what_the_source_has_nothing_for(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    assert page.locator("nav a", has_text="Pipeline health").count() == 0
    footer = page.locator("footer").inner_text()
    assert (
        "On this page, it has nothing for: Usage alarms, Tokens outside the logs: bedrock-mantle"
        in footer
    )
    assert "Viewer only, not in CloudWatch" in footer


def test_money_has_a_dollar_sign_and_cents(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    costs = page.locator(
        'section[aria-label="Totals for the selected time"] strong[data-name^="Cost"]'
    )
    assert costs.inner_text().startswith("$0.0")
    assert len(costs.inner_text()) == len("$0.0123")


def test_amounts_of_a_graph_have_equal_decimals_and_none_is_rounded_to_zero(
    page: Page, folder: Path
) -> None:
    """800,000 output tokens of the first model cost a dollar."""
    calls = [
        log(arn, identity={"arn": arn}, modelId=MODELS[0], input={}, output={"outputTokenCount": n})
        for arn, n in ((ANA, 16_000_000), (BEN, 20_000), (HOSTILE, 80))
    ]
    (folder / "amounts.ndjson").write_bytes(as_lines(*calls))
    source = source_of_logs([folder / "amounts.ndjson"])
    write_page(DashboardSession.from_source(source), folder / "amounts.html")
    show(page, folder / "amounts.html", "usage_overview")
    bars = page.locator('section[aria-label="Cost by identity, last 28 days"] svg text')
    texts = [text for text in bars.all_text_contents() if "." in text and "$" in text]
    assert texts == ["$20.00", "$0.03", "<$0.01"]


@pytest.mark.parametrize(
    ("tokens_of_models", "shares"),
    [
        ([999_990, 10], [">99.9%", "<0.1%"]),
        ([9_994, 6], ["99.9%", "0.1%"]),
        ([50, 50], ["50.0%", "50.0%"]),
        ([10], ["100.0%"]),
    ],
)
def test_no_share_is_rounded_to_nothing_or_to_everything(
    page: Page, folder: Path, tokens_of_models: list[int], shares: list[str]
) -> None:
    calls = [
        log(model, modelId=model, input={"inputTokenCount": count}, output={})
        for model, count in zip(MODELS, tokens_of_models, strict=False)
    ]
    (folder / "shares.ndjson").write_bytes(as_lines(*calls))
    source = source_of_logs([folder / "shares.ndjson"])
    write_page(DashboardSession.from_source(source), folder / "shares.html")
    show(page, folder / "shares.html", "usage_overview")
    section = page.locator('section[aria-label="Quota tokens by model, last 28 days"]')
    texts = section.locator(".legend li > span").all_inner_texts()
    assert [text.split(" · ")[1] for text in texts] == shares


def test_a_name_has_the_same_colour_in_every_graph(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    (pie,) = read_options(page, "Cost by model, last 28 days")["series"]
    lines = read_options(page, "Quota tokens per hour by model (last hour so far)")["series"]
    slices = {part["name"]: part["itemStyle"]["color"] for part in pie["data"]}
    colors = {line["name"]: line["color"] for line in lines}
    assert colors == {name: slices[name] for name in colors}
    assert len(set(colors.values())) == len(MODELS)


def test_dashboards_that_are_left_out_have_no_link_and_are_named_in_the_footer(
    page: Page, page_file: Path
) -> None:
    show(page, page_file, "usage_overview")
    links = page.locator("section.text").first.inner_text().split("\n")[-1]
    assert links == "Identity detail · Model comparison · Cost"
    left_out = (
        "Not shown, because this source lacks their metrics: Throttling (AWS/Bedrock);"
        " Gateway (AWS/DynamoDB, AWS/Lambda, BedrockMeter/Gateway, BedrockMeter/Health);"
        " Credits; Pipeline health (AWS/Bedrock, "
    )
    assert left_out in page.locator("footer").inner_text()


def test_all_data_can_be_shown(page: Page, page_file: Path) -> None:
    show(page, page_file, "usage_overview")
    for chosen in ("all", "2026-09"):
        page.select_option("#range", chosen)
        page.wait_for_selector("main[aria-busy=false]")
        assert numbers(page, "Totals for the selected time")["Calls"] == len(LOGS)


def test_ten_names_have_ten_colors_and_dashes_mean_so_far_only(page: Page, folder: Path) -> None:
    names = [f"arn:aws:iam::111122223333:user/user-{number}" for number in range(10)]
    hours = ("08", "09", "10", "11")
    calls = [
        log(f"{name} {hour}", identity={"arn": name}, timestamp=f"2026-09-08T{hour}:30:00Z")
        for name in names
        for hour in hours
    ]
    (folder / "ten.ndjson").write_bytes(as_lines(*calls))
    source = source_of_logs([folder / "ten.ndjson"])
    write_page(DashboardSession.from_source(source), folder / "ten.html")
    show(page, folder / "ten.html", "usage_overview")
    title = "Quota tokens per hour by identity, top 10 (last hour so far)"
    styles: list[list[Any]] = page.eval_on_selector(
        f'section[aria-label="{title}"] .chart',
        """(place) => echarts.getInstanceByDom(place).getOption().series
          .filter((item) => item.id.startsWith("line"))
          .map((item) => [item.color, item.lineStyle.type ?? "solid"])""",
    )
    assert len({color for color, _ in styles}) == len(names)
    assert {dash for _, dash in styles} == {"solid"}
    assert page.locator(f'section[aria-label="{title}"] .legend .dashed').count() == 1


def test_what_bars_say_is_inside_their_card(page: Page, folder: Path) -> None:
    """A call that costs $0.00005062 has eight decimals; its axis begins at 0."""
    call = log(modelId=MODELS[1], input={"inputTokenCount": 2531}, output={})
    (folder / "tiny.ndjson").write_bytes(as_lines(call))
    source = source_of_logs([folder / "tiny.ndjson"])
    write_page(DashboardSession.from_source(source), folder / "tiny.html")
    show(page, folder / "tiny.html", "model_comparison")
    chart = page.locator('section[aria-label="Embedding: cost per call"] .chart')
    inside = chart.evaluate(
        """(chart) => {
          const right = chart.getBoundingClientRect().right;
          return [...chart.querySelectorAll("text")]
            .map((text) => [text.textContent, text.getBoundingClientRect().right <= right]);
        }"""
    )
    assert ["$0.00005062", True] in inside
    assert all(is_inside for _, is_inside in inside)
    ticks = [text for text, _ in inside if text.startswith("$") and text != "$0.00005062"]
    assert "$0" in ticks, inside
    assert len(ticks) > 1


def test_dates_in_titles_are_not_broken(page: Page, folder: Path) -> None:
    (folder / "one.ndjson").write_bytes(as_lines(log(timestamp="2026-09-08T11:00:00Z")))
    days = DayRange(datetime.fromisoformat("2026-09-01T00:00Z"))
    session = DashboardSession.from_source(source_of_logs([folder / "one.ndjson"]), days)
    write_page(session, folder / "one.html")
    show(page, folder / "one.html", "usage_overview")
    title = "Cost by identity, 2026-09-01 to 2026-09-08"
    dates = page.locator(f'section[aria-label="{title}"] h2 .date')
    heights = dates.evaluate_all("(all) => all.map((date) => date.getClientRects().length)")
    assert heights == [1, 1]


def test_sums_are_saved_without_the_noise_of_fractions(page: Page, folder: Path) -> None:
    """Two hours cost $0.10 and $0.20, which is 0.30000000000000004 in binary fractions."""
    calls = [
        log(f"{hour}", timestamp=f"2026-09-08T{hour}:00:00Z", modelId=MODELS[0])
        | {"input": {}, "output": {"outputTokenCount": tokens}}
        for hour, tokens in (("10", 80_000), ("11", 160_000))
    ]
    (folder / "sums.ndjson").write_bytes(as_lines(*calls))
    source = source_of_logs([folder / "sums.ndjson"])
    write_page(DashboardSession.from_source(source), folder / "sums.html")
    show(page, folder / "sums.html", "usage_overview")
    rows = dict(save_csv(page, "Cost by month and week, US dollars"))
    assert rows["September 2026 so far"] == "0.3"


def test_a_model_of_bedrocks_metrics_has_the_name_and_color_of_the_meters(
    page: Page, folder: Path
) -> None:
    """The latency is 12 and 20 seconds."""
    models = ("amazon.nova-lite-v1:0", "anthropic.claude-sonnet-4-20250514-v1:0")
    steps = 7 * 24 * 12
    figures = {metric("QuotaTokens", ModelId=model): [9.0] * steps for model in models}
    figures |= {metric("Invocations", ModelId=model): [1.0] * steps for model in models}
    for model, latency in zip(models, (12_000.0, 20_000.0), strict=True):
        of_bedrock = Metric("AWS/Bedrock", "InvocationLatency", (("ModelId", f"us.{model}"),))
        figures[of_bedrock] = [latency] * steps
    source = Source("an account", InMemoryMetrics(figures), lambda: NOON)
    write_page(DashboardSession.from_source(source), folder / "models.html")
    show(page, folder / "models.html", "usage_overview")
    pie = read_options(page, "Quota tokens by model, last 28 days")["series"][0]["data"]
    show(page, folder / "models.html", "throttling")
    graph = read_options(page, "Latency by model, mean")
    assert {line["name"]: line["color"] for line in graph["series"]} == {
        part["name"]: part["itemStyle"]["color"] for part in pie
    }
    assert {line["name"] for line in graph["series"]} == {"nova-lite", "claude-sonnet-4"}
    assert graph["unit"] == "Seconds"
    card = page.locator('section[aria-label="Latency by model, mean"]')
    assert "20" in card.locator("svg text").all_text_contents()
    card.get_by_role("link", name="claude-sonnet-4").click()
    page.wait_for_selector('nav a[aria-current][href="#model_comparison"]')
    assert page.locator("#choice").input_value() == models[1]


def test_a_burn_down_goes_below_zero_where_a_budget_is_exceeded(page: Page, folder: Path) -> None:
    steps = 24 * 12
    used = [120.0 * step / steps for step in range(1, steps + 1)]
    figures = {metric("BudgetUsed", Budget="chat"): used, metric("EstimatedCostUSD"): [1.0] * steps}
    config = Config.from_context({"governance": True})
    source = Source("an account", InMemoryMetrics(figures), lambda: NOON, config=config)
    write_page(DashboardSession.from_source(source), folder / "budget.html")
    show(page, folder / "budget.html", "cost")
    title = "Budgets: burn-down, what is left of the amount"
    graph = read_options(page, title)
    assert [line["name"] for line in graph["series"]] == ["chat", "Nothing left"]
    card = page.locator(f'section[aria-label="{title}"]')
    assert "-20" in card.locator("svg text").all_text_contents()
