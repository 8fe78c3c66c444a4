"""Callers choose model names, and the number of model metrics stays bounded."""

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metrics import DimensionNamer, aggregate
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.metrics.metered_call import DimensionValues
from lambdas.domain.metrics.model_limit import OTHER_MODELS, BoundedModels
from lambdas.domain.metrics.role_roll_up import SESSIONS_PER_ROLE, Admission
from tests.builders import (
    ANA,
    BEN,
    HAIKU_3,
    NOON,
    SONNET_4,
    disputed_call,
    enriched,
    metered,
    usage_record,
)
from tests.fakes import InMemoryIdentityRegistry

OPUS_4 = "anthropic.claude-opus-4-20250514-v1:0"


class Places:
    """One of two registries of a table, with a separate limit on all admitted names."""

    def __init__(self, members: set[tuple[str, str]], bound: int) -> None:
        self._members, self._bound = members, bound

    def admit(self, month: str, value: str, role: str | None) -> Admission:
        assert role is None
        taken = sum(month == taken_in for taken_in, _ in self._members)
        if (month, value) not in self._members and taken >= self._bound:
            return Admission.FULL
        self._members.add((month, value))
        return Admission.ADMITTED


def registry(bound: int) -> InMemoryIdentityRegistry:
    return InMemoryIdentityRegistry(bound, SESSIONS_PER_ROLE)


def bounded(max_models: int, max_pairs: int | None = None) -> BoundedModels:
    pairs = None if max_pairs is None else registry(max_pairs)
    members: set[tuple[str, str]] = set()
    models, doubtful = (Places(members, places) for places in (max_models, max_models // 2))
    return BoundedModels(models, doubtful, pairs, {HAIKU_3, SONNET_4, OPUS_4}.__contains__)


def names(bound: BoundedModels, record: UsageRecord, identity: str = ANA) -> tuple[str, str]:
    return bound.name(enriched(record), identity, f"{record.timestamp:%Y-%m}")


def failed(model_id: str) -> UsageRecord:
    return usage_record(model_id=model_id, error_code="ValidationException")


def test_models_beyond_the_limit_share_one_series() -> None:
    bound = bounded(4)
    models = [f"vendor.model-{number}" for number in range(4)]
    found = [names(bound, usage_record(model_id=model))[0] for model in (*models, models[0])]
    assert found == [*models[:2], OTHER_MODELS, OTHER_MODELS, models[0]]


def test_each_month_has_its_limit() -> None:
    bound = bounded(2)
    assert names(bound, usage_record(model_id="a.b"))[0] == "a.b"
    october = NOON.replace(month=10)
    assert names(bound, usage_record(model_id="c.d", timestamp=october))[0] == "c.d"


def test_failed_calls_of_invented_models_do_not_use_up_the_limit() -> None:
    bound = bounded(2)
    for number in range(100):
        assert names(bound, failed(f"made-up-{number}")) == (OTHER_MODELS, OTHER_MODELS)
    assert names(bound, failed(HAIKU_3))[0] == HAIKU_3
    assert names(bound, usage_record(model_id=SONNET_4))[0] == SONNET_4


def test_failed_calls_of_known_models_use_at_most_half_of_the_limit() -> None:
    bound = bounded(2)
    found = [names(bound, failed(model))[0] for model in (HAIKU_3, SONNET_4, OPUS_4)]
    assert found == [HAIKU_3, OTHER_MODELS, OTHER_MODELS]
    assert names(bound, usage_record(model_id=OPUS_4))[0] == OPUS_4
    assert names(bound, failed(OPUS_4))[0] == OPUS_4


def test_a_successful_model_without_a_price_has_a_series() -> None:
    assert names(bounded(2), usage_record(model_id="new.model"))[0] == "new.model"


def test_100_invented_models_use_at_most_half_of_the_limit() -> None:
    """Forged just before midnight of the first, they would hide real models for a month."""
    bound = bounded(6)
    found = [names(bound, usage_record(model_id=f"invented.{number}"))[0] for number in range(100)]
    assert found[3:] == [OTHER_MODELS] * 97
    for model in (OPUS_4, HAIKU_3, SONNET_4):
        assert names(bound, usage_record(model_id=model))[0] == model


def test_models_of_identities_have_a_separate_limit() -> None:
    bound = bounded(10, max_pairs=2)
    asked = [(ANA, HAIKU_3), (BEN, HAIKU_3), (ANA, SONNET_4), (ANA, HAIKU_3)]
    found = [names(bound, usage_record(model_id=model), who) for who, model in asked]
    assert found == [
        (HAIKU_3, HAIKU_3),
        (HAIKU_3, HAIKU_3),
        (SONNET_4, OTHER_MODELS),
        (HAIKU_3, HAIKU_3),
    ]


def test_the_priced_model_of_a_disputed_call_has_the_series() -> None:
    record = disputed_call()
    assert names(bounded(5), record)[0] == HAIKU_3


def test_invented_models_and_profiles_create_a_bounded_number_of_series() -> None:
    bound = bounded(6, max_pairs=5)
    calls = [
        usage_record(request_id=str(number), model_id=f"model-{number}", identity_arn=arn)
        for number, arn in enumerate([ANA, BEN] * 50)
    ]
    calls += [failed(f"other-{number}")._replace(request_id=f"f{number}") for number in range(500)]
    namer = DimensionNamer(models=bound)
    points = aggregate([namer.meter(enriched(call)) for call in calls], Detail.FULL)
    models = {point.dimensions for point in points if [*dict(point.dimensions)] == ["ModelId"]}
    pairs = {point.dimensions for point in points if len(point.dimensions) == 2}
    assert (len(models), len(pairs)) == (4, 5)


def test_calls_in_an_overflow_bucket_are_recognized() -> None:
    call = metered(usage_record())
    assert not call.is_overflowing
    for name in DimensionValues._fields:
        values = call.values._replace(**{name: OTHER_MODELS})
        assert call._replace(values=values).is_overflowing


def test_a_failed_call_of_an_invented_model_does_not_signal_a_reached_limit() -> None:
    call = DimensionNamer(models=bounded(1)).meter(enriched(failed("made-up")))
    assert call.values.model == OTHER_MODELS
    assert not call.is_overflowing
