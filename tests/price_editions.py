"""Publishes price editions for tests."""

from datetime import datetime, timedelta
from decimal import Decimal

from lambdas.domain.pricing import Routing, TokenKind
from lambdas.domain.pricing.editions import ListedRate, PriceEditions
from lambdas.domain.pricing.price_decisions import NextState, add_rates, supersede
from lambdas.domain.pricing.price_review import OfferedRate
from tests.builders import HAIKU_3

BAD_USD = Decimal("0.10")  # of a million input tokens


def publish_bad_edition(
    editions: PriceEditions, now: datetime, superseded_at: datetime | None
) -> str:
    """Publish a wrong price of Claude 3 Haiku five days ago, and take it back.

    Args:
        editions: A store without editions.
        now: The time.
        superseded_at: The time at which the edition is superseded; `None` for never.

    Returns:
        The name of the wrong edition.
    """

    def publish(following: NextState) -> None:
        assert following.edition is not None
        editions.write_edition(following.edition)
        editions.publish(following.updates, editions.read_pointer().version)

    rate = ListedRate(
        model_id=HAIKU_3,
        routing=Routing.REGION,
        place="us-east-1",
        item=TokenKind.INPUT,
        usd=BAD_USD,
    )
    at = now - timedelta(days=5)
    updates = editions.read_pointer().updates
    offered = [OfferedRate("AmazonBedrock", rate, at.date())]
    bad = add_rates(updates, None, offered, reason="tests", now=at)
    publish(bad)
    assert bad.edition is not None
    if superseded_at is not None:
        decide = supersede(bad.edition.id, "a wrong row", superseded_at)
        publish(decide(bad.updates, bad.edition))
    return bad.edition.id
