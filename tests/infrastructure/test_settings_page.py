"""docs/settings.md lists every setting with its default, and nothing else."""

import json
import re
from collections.abc import Iterator

import pytest

from cdk.config import Config, CostThresholds
from cdk.config.alarms import NamedModelThresholds, NamedThresholds
from lambdas.domain.pricing import TokenKind
from lambdas.wiring.allowed_values import SettingsModel
from lambdas.wiring.attribution_rules import (
    AttributionPatternSetting,
    AttributionSetting,
    LabelNamesSetting,
    TrustedPrincipalSetting,
    TrustedProfileSetting,
)
from lambdas.wiring.contracted_prices import ContractedPriceSetting
from tests.infrastructure.synthesis import ROOT

PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
DEFAULTS = dict(
    re.findall(r"^\| `(\w+)` \| [^|]+ \| `([^`|]+)` \| [^|]{20,} \|$", PAGE, re.MULTILINE)
)
KEYS = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)
EXAMPLES = {
    section: json.loads(example)
    for section, example in re.findall(
        r"^### (.+)\n(?:(?!#).*\n)*?```json\n((?:.*\n)*?)```", PAGE, re.MULTILINE
    )
}
NESTED: tuple[type[SettingsModel], ...] = (
    *(AttributionSetting, LabelNamesSetting, TrustedPrincipalSetting),
    *(AttributionPatternSetting, TrustedProfileSetting, ContractedPriceSetting),
    *(NamedThresholds, NamedModelThresholds, CostThresholds),
)


def rows_with_another_default() -> Iterator[str]:
    for name, default in DEFAULTS.items():
        as_documented = getattr(Config.from_context({name: json.loads(default)}), name)
        if as_documented != getattr(Config(), name):
            yield name


def test_the_page_lists_every_setting_once_and_no_other() -> None:
    listed = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(Config.model_fields)


def test_every_setting_has_its_default_and_a_description() -> None:
    assert DEFAULTS.keys() == Config.model_fields.keys()
    assert list(rows_with_another_default()) == []


@pytest.mark.parametrize("model", NESTED, ids=lambda model: model.__name__)
def test_every_key_of_an_object_is_explained(model: type[SettingsModel]) -> None:
    assert [name for name in model.model_fields if f"`{name}`" not in PAGE] == []


def test_keys_that_the_page_explains_exist() -> None:
    known = AttributionSetting.model_fields.keys() | ContractedPriceSetting.model_fields.keys()
    assert set(KEYS) == known


def test_every_kind_of_tokens_that_has_a_contracted_price_is_named() -> None:
    assert [kind for kind in TokenKind if f"`{kind}`" not in PAGE] == []


def test_examples_are_accepted() -> None:
    config = Config.from_context(
        {
            "attribution": EXAMPLES["Attribution"],
            "contracted_prices": EXAMPLES["Contracted prices"],
        }
    )
    assert len(config.attribution.patterns) == 1
    assert len(config.contracted_prices) == 2
