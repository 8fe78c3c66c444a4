"""The deployed function keeps prices up to date, with the role that its template gives it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cdk.local_cloud.cloud import REGION
from cdk.local_cloud.price_list import PriceListServer
from cdk.operations.price_state import read_price_state
from lambdas.domain.pricing.editions import PriceUpdates
from lambdas.domain.pricing.price_review import first_day_after
from tests.end_to_end.deployed import Deployed, calls, make, user
from tests.end_to_end.roles import Role, works
from tests.local_cloud.waiting import wait_for
from tests.price_list import recorded_files, with_price
from tests.unit.pricing.price_list.bulk_files import ROW, bulk_json, listed

MODEL = "amazon.nova-micro-v1:0"
OUTPUT = {**ROW, "usagetype": "USE1-NovaMicro-output-tokens"}
INPUT_USD, OUTPUT_USD = "0.000035", "0.00014"  # a thousand tokens, as in the shipped book


@pytest.fixture(autouse=True)
def metric_publisher(deployed: Deployed) -> Iterator[None]:
    """Put the variables back that `let_a_day_pass` changes: the watcher compares them."""
    functions, publisher = deployed.cloud.client("lambda"), deployed.deployment.metric_publisher
    variables = functions.get_function_configuration(FunctionName=publisher)["Environment"]
    yield
    functions.update_function_configuration(FunctionName=publisher, Environment=variables)


def serve(price_list: PriceListServer, factor: str = "1") -> None:
    """Serve the recorded files, and Nova Micro's input at a multiple of its price."""
    files = recorded_files(REGION)
    own = bulk_json([listed(ROW, INPUT_USD), listed(OUTPUT, OUTPUT_USD)])
    files["AmazonBedrock"] = with_price(own, ROW["usagetype"], factor)
    for document in files.values():
        price_list.serve(REGION, document)


class Session:
    """The part of a session that commands use, in the local cloud."""

    def __init__(self, deployed: Deployed) -> None:
        self.client: Any = deployed.cloud.client


def state(deployed: Deployed) -> PriceUpdates:
    session: Any = Session(deployed)
    return read_price_state(session, deployed.deployment)


def edition(deployed: Deployed) -> tuple[str, dict[str, Any]]:
    """The edition in force: its key and content."""
    key = f"editions/{state(deployed).edition}.json"
    bucket = deployed.deployment.price_bucket
    body = deployed.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    return key, json.loads(body.read())


def let_a_day_pass(deployed: Deployed) -> None:
    """Backdate today's edition to this morning, and restart the functions."""
    key, document = edition(deployed)
    today = f"{datetime.now(UTC):%F}"
    for change in document["changes"]:
        change["effective_from"] = today
    deployed.cloud.client("s3").put_object(
        Bucket=deployed.deployment.price_bucket, Key=key, Body=json.dumps(document).encode()
    )
    functions, publisher = deployed.cloud.client("lambda"), deployed.deployment.metric_publisher
    variables = functions.get_function_configuration(FunctionName=publisher)["Environment"]
    changed = {"Variables": {**variables["Variables"], "NOTE": key}}
    functions.update_function_configuration(FunctionName=publisher, Environment=changed)


def cost_of_a_call(deployed: Deployed, name: str) -> float:
    """The published cost of one call of 10 input tokens and 5 output tokens."""
    identity = user(name)
    deployed.log_calls(*calls(identity, 1, modelId=MODEL))
    deployed.wait_for_tokens(identity, 15)
    cost: list[float] = []

    def is_published() -> bool:
        found = deployed.metric("EstimatedCostUSD", IdentityArn=identity)
        cost.extend([] if found is None else [found])
        return bool(cost)

    wait_for(is_published)
    return cost[-1]


def usd(input_factor: float) -> Any:
    return pytest.approx((10 * 0.035 * input_factor + 5 * 0.14) / 1e6, rel=1e-6)


def test_prices_follow_the_price_list_and_suspicious_ones_are_held(
    deployed: Deployed, price_list: PriceListServer
) -> None:
    cloud = deployed.cloud
    serve(price_list)
    make(cloud, "price-updates", "CHECK=1")
    assert not [entry for entry in state(deployed).held if entry.name == MODEL]
    assert cost_of_a_call(deployed, "shipped") == usd(1)

    serve(price_list, "1.5")
    printed = make(cloud, "price-updates", "CHECK=1")
    assert f", from {first_day_after(datetime.now(UTC))} on, UTC; daily check" in printed
    assert cost_of_a_call(deployed, "on-the-same-day") == usd(1)
    let_a_day_pass(deployed)
    assert cost_of_a_call(deployed, "on-the-next-day") == usd(1.5)

    before = state(deployed).edition
    serve(price_list, "100")
    printed = make(cloud, "price-updates", "CHECK=1")
    assert "changes by more than a factor of 2" in printed
    assert state(deployed).edition == before
    assert "The known prices stay until you decide" in printed
    assert cost_of_a_call(deployed, "held") == usd(1.5)

    (held,) = (entry for entry in state(deployed).held if entry.name == MODEL)
    make(cloud, "price-updates", f"ACCEPT={held.id}")
    let_a_day_pass(deployed)
    assert cost_of_a_call(deployed, "accepted") == usd(100)


def test_a_check_of_unchanged_files_changes_nothing(
    deployed: Deployed, price_list: PriceListServer
) -> None:
    serve(price_list)
    make(deployed.cloud, "price-updates", "CHECK=1")
    before = state(deployed)
    price_list.answers.clear()
    assert "Prices are unchanged" in make(deployed.cloud, "price-updates", "CHECK=1")
    after = state(deployed)
    assert (after.edition, after.held, after.editions) == (
        *(before.edition, before.held),
        before.editions,
    )
    assert {status for _, status in price_list.answers} == {304, 404}


def test_a_bad_edition_is_superseded(deployed: Deployed, price_list: PriceListServer) -> None:
    serve(price_list, "1.2")
    make(deployed.cloud, "price-updates", "CHECK=1")
    held = [entry.id for entry in state(deployed).held if entry.name == MODEL]
    if held:  # where the price that is in force is far from it
        make(deployed.cloud, "price-updates", f"ACCEPT={' '.join(held)}")
    bad = state(deployed).edition
    make(deployed.cloud, "price-updates", f"SUPERSEDE={bad}", "REASON=a mistake")
    _, document = edition(deployed)
    assert document["superseded"][-1]["edition"] == bad
    assert document["superseded"][-1]["reason"] == "a mistake"


def test_an_unavailable_price_list_stops_neither_prices_nor_calls(
    deployed: Deployed, price_list: PriceListServer
) -> None:
    before = state(deployed)
    price_list.files.clear()
    printed = make(deployed.cloud, "price-updates", "CHECK=1", is_ok=False)
    assert "price-updates: AmazonBedrock" in printed
    assert state(deployed) == before
    assert cost_of_a_call(deployed, "offline") > 0


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject"])
def test_the_function_needs_each_of_its_grants(
    deployed: Deployed, price_list: PriceListServer, action: str
) -> None:
    function = deployed.deployment.price_updater
    assert function is not None
    serve(price_list, "1.1")
    role = Role(deployed, function)
    assert works(deployed, function, {})
    serve(price_list, "1.2")
    with role.having(role.without(action)):
        assert not works(deployed, function, {})
    assert works(deployed, function, {})
