"""`price_updater`: from the AWS Price List to the prices at which functions take calls."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from cdk.local_cloud.price_list import PriceListServer
from lambdas.domain.pricing import shipped_prices
from lambdas.domain.pricing.editions import HeldPrice, PriceEditionsError, PriceUpdates
from lambdas.domain.pricing.overlay import apply_edition
from lambdas.domain.pricing.price_review import first_day_after
from lambdas.functions.price_updater import handler
from lambdas.wiring import price_updater as wiring
from lambdas.wiring.client_timeouts import PROMPT
from tests.aws import client_configs, health_metrics, lambda_context
from tests.price_list import (
    NOVA_INPUT,
    OFFER,
    TOKYO,
    change_nova_price,
    read_editions,
    read_updates,
    recorded_files,
    serve_recorded_prices,
    set_price_updater_variables,
)
from tests.unit.pricing.editions import rates_on

NOVA = "amazon.nova-lite-v1:0"
CONTEXT = lambda_context(300_000)


@pytest.fixture
def server() -> Iterator[PriceListServer]:
    with serve_recorded_prices() as price_list:
        yield price_list


@pytest.fixture(autouse=True)
def environment(aws: None, server: PriceListServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_price_updater_variables(monkeypatch, server)


def run(**event: Any) -> dict[str, Any]:
    answer = handler.lambda_handler(event, CONTEXT)
    assert json.loads(json.dumps(answer)) == answer
    return answer


def decide(**decision: Any) -> dict[str, Any]:
    return run(decision=decision)


def held(name: str = NOVA) -> HeldPrice:
    (entry,) = (entry for entry in read_updates().held if entry.name == name)
    return entry


def nova_usd() -> Decimal:
    """The price of a million input tokens of Nova Lite in Tokyo with the edition in force."""
    edition = read_updates().edition
    shipped = shipped_prices()
    book = apply_edition(shipped, read_editions().read_edition(edition)) if edition else shipped
    first_day = first_day_after(datetime.now(UTC))
    (usd,) = (
        usd
        for key, usd in rates_on(book, first_day).items()
        if (key.model_id, key.place, key.item, key.service_tier) == (NOVA, TOKYO, "input", None)
    )
    return usd


def test_recorded_prices_agree_with_the_shipped_book_or_are_held(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = run()
    assert nova_usd() == Decimal("0.072")
    assert answer["left_out"] == {
        "bedrock_mantle": 3,
        "other_variant": 1,
        "reserved": 1,
    }
    assert run() | {"left_out": {}} == {"edition": None, "changes": 0, "held": 0, "left_out": {}}
    lines = capsys.readouterr().out.splitlines()
    health = [json.loads(line) for line in lines if '"_aws"' in line]
    assert [metrics["PriceListAge"] for metrics in health if "PriceListAge" in metrics] == [
        [0],
        [0],
    ]


def test_a_changed_price_is_published_and_a_suspicious_one_is_held(
    server: PriceListServer, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    change_nova_price(server, "1.5")
    assert run()["changes"] == 1
    assert nova_usd() == Decimal("0.108")
    change_nova_price(server, "100")
    capsys.readouterr()
    assert run()["held"] == 1
    assert nova_usd() == Decimal("0.108")
    entry = held()
    assert entry.rate is not None
    assert (entry.usd_before, entry.rate.usd) == (Decimal("0.108"), Decimal("7.2"))
    assert '"HeldPrices":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_one_implausible_price_is_skipped_and_the_others_are_checked(
    server: PriceListServer, capsys: pytest.CaptureFixture[str]
) -> None:
    change_nova_price(server, "1e12")
    assert run()["left_out"]["no_usd_price"] == 1
    assert '"PriceListAge":[0.0]' in capsys.readouterr().out.replace(" ", "")


def test_a_failed_check_is_not_a_decision(
    server: PriceListServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "large_call_sizes", lambda _: {NOVA: -1})
    document = recorded_files(TOKYO)[OFFER]
    for product in document["products"].values():
        if product["attributes"]["usagetype"] == NOVA_INPUT:
            product["attributes"]["usagetype"] += "-long-context"
    server.serve(TOKYO, document)
    with pytest.raises(ValidationError):
        run()


def test_a_held_price_is_accepted_or_rejected_by_name(
    server: PriceListServer, capsys: pytest.CaptureFixture[str]
) -> None:
    change_nova_price(server, "100")
    run()
    name = held().id
    assert decide(reject=[name])["held"] == 0
    assert nova_usd() == Decimal("0.072")
    capsys.readouterr()
    assert decide(accept=[name])["changes"] == 1
    assert health_metrics(capsys.readouterr().out)["HeldPrices"] == [0]
    assert nova_usd() == Decimal("7.2")


def test_an_edition_is_superseded_with_a_reason(server: PriceListServer) -> None:
    run()
    change_nova_price(server, "1.5")
    edition = run()["edition"]
    assert "reason: allowed: the reason why" in decide(supersede=edition)["refused"]
    assert decide(supersede=edition, reason="a mistake")["edition"] not in (None, edition)
    assert nova_usd() == Decimal("0.072")


@pytest.mark.parametrize(
    ("decision", "refused"),
    [
        ({}, "allowed: one of accept, reject and supersede"),
        ({"accept": ["a"], "reject": ["a"]}, "allowed: one of accept, reject and supersede"),
        ({"accept": ["a"]}, "a is not held"),
        ({"publish": ["a"]}, "publish"),
        ({"accept": ["a" * 41]}, "at most 40 characters"),
        ({"accept": ["a" * 41]}, "make price-updates lists the names"),
        ({"supersede": "a" * 41, "reason": "b"}, "supersede: String should have at most 40"),
        ({"supersede": "a", "reason": "b" * 401}, "reason: String should have at most 400"),
    ],
)
def test_an_unreadable_decision_is_refused(decision: dict[str, Any], refused: str) -> None:
    answer = decide(**decision)["refused"]
    assert refused in answer
    assert "pydantic" not in answer
    assert read_updates() == PriceUpdates()


def test_a_run_without_a_network_records_the_age_of_the_price_list(
    server: PriceListServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    before = read_updates()
    assert before.checked_at is not None
    monkeypatch.setattr(server, "files", {})
    capsys.readouterr()
    assert "has none now" in run()["unavailable"]
    (age,) = health_metrics(capsys.readouterr().out)["PriceListAge"]
    assert 0 <= age < 60
    assert read_updates() == before


def test_no_age_is_recorded_before_the_first_price_list(
    server: PriceListServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "files", {})
    assert "no offer has a file for this Region" in run()["unavailable"]
    assert "PriceListAge" not in capsys.readouterr().out


def test_an_inaccessible_bucket_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICE_BUCKET", "no-such-bucket")
    with pytest.raises(PriceEditionsError):
        run()


def test_s3_has_the_same_timeouts_as_other_services(monkeypatch: pytest.MonkeyPatch) -> None:
    def make() -> None:
        editions_of_the_function = handler.runner().updater.editions
        with pytest.raises(AttributeError):  # there is no client
            editions_of_the_function.read_pointer()

    configs = client_configs(make, monkeypatch)
    assert configs["s3"] is PROMPT
