"""Events reach the receivers that want them, and are sent again only as attempts allow."""

import pytest

from tests.simulation.drivers.all_drivers import PIPELINE
from tests.simulation.drivers.driver import Driver
from tests.simulation.drivers.webhook_router import WebhookRouterDriver
from tests.simulation.drivers.webhook_sender import WebhookSenderDriver
from tests.simulation.faults import ALL_FAULTS, Fault, Faults
from tests.simulation.planted import webhooks
from tests.simulation.planted.plant import Plant
from tests.simulation.simulation import run

DRIVERS: tuple[type[Driver], ...] = (*PIPELINE, WebhookRouterDriver, WebhookSenderDriver)
_FEW = 4
"""The calls of a run: webhooks depend on none of them."""
_DUPLICATES, _KILLS = frozenset({Fault.DUPLICATES}), frozenset({Fault.KILLS})
_NONE: Faults = frozenset()


@pytest.mark.parametrize("seed", range(6))
def test_events_reach_receivers_under_all_faults(seed: int) -> None:
    assert run(seed, ALL_FAULTS, Plant(), DRIVERS, _FEW).violations == []


@pytest.mark.parametrize(
    ("bug", "faults", "seeds"),
    [
        (webhooks.AddsAgain, _DUPLICATES, range(8)),
        (webhooks.AnswersFirst, _KILLS, range(8)),
        (webhooks.ClaimsNothing, _DUPLICATES, range(30)),
        (webhooks.ForgetsWaits, _NONE, range(2)),
        (webhooks.IgnoresPauses, _NONE, range(4)),
        (webhooks.QueuesOnce, _KILLS, range(30)),
    ],
)
def test_a_planted_bug_is_found(bug: type[Plant], faults: Faults, seeds: range) -> None:
    finding = next(
        (seed for seed in seeds if run(seed, faults, bug(), DRIVERS, _FEW).violations), None
    )
    assert finding is not None
    assert run(finding, faults, Plant(), DRIVERS, _FEW).violations == []


@pytest.mark.parametrize("driver", [WebhookRouterDriver, WebhookSenderDriver])
def test_each_function_is_checked_without_the_other(driver: type[Driver]) -> None:
    assert run(2, ALL_FAULTS, Plant(), (*PIPELINE, driver), _FEW).violations == []


def test_a_sender_that_does_not_run_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WebhookSenderDriver, "run", lambda *_: {"batchItemFailures": []})
    violations = run(1, _NONE, Plant(), DRIVERS, _FEW).violations
    assert any("no message leads to it" in violation for violation in violations)


def test_a_router_that_does_not_run_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WebhookRouterDriver, "run", lambda *_: {"batchItemFailures": []})
    violations = run(1, _NONE, Plant(), DRIVERS, _FEW).violations
    assert any("has no delivery" in violation for violation in violations)
