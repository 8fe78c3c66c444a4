"""Each recorded model name is one model in any spelling."""

import json
from pathlib import Path

import pytest

from lambdas.domain.pricing.price_list import ModelNames, shipped_names

RECORDED = json.loads(Path("tests/fixtures/price-list-names.json").read_text(encoding="utf-8"))[
    "names"
]


@pytest.mark.parametrize(("name", "model_id"), RECORDED.items())
def test_every_recorded_name_is_mapped(name: str, model_id: str) -> None:
    assert shipped_names().get(name) == model_id


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("Claude4.5Haiku", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("Claude Opus 4.7 (Amazon Bedrock Edition)", "anthropic.claude-opus-4-7"),
        ("Gemma-3-4B-IT", "google.gemma-3-4b-it"),
        ("openai.gpt-oss-120b", "openai.gpt-oss-120b-1:0"),
        ("zai.glm5", "zai.glm-5"),
        ("Cohere Command R+ (Amazon Bedrock Edition)", "cohere.command-r-plus-v1:0"),
        ("Titan Embeddings G1 Text", "amazon.titan-embed-text-v1"),
        ("qwen.qwen9-1t", "qwen.qwen9-1t"),
    ],
)
def test_other_spellings_are_the_same_model(name: str, model_id: str) -> None:
    assert shipped_names().get(name) == model_id


@pytest.mark.parametrize("name", ["", "Nova", "acme.model-1", "Claude " + "9" * 300])
def test_unknown_names_resolve_to_no_model(name: str) -> None:
    assert shipped_names().get(name) is None


def test_a_name_shared_by_two_models_resolves_to_neither() -> None:
    names = ModelNames({"Twin One": "acme.twin-v1:0", "Twin Two": "acme.twin-v2:0"})

    assert names.get("twin") is None
    assert names.get("acme.twin-v2:0") == "acme.twin-v2:0"


def test_combined_names_of_different_models_resolve_to_no_model() -> None:
    assert shipped_names().find(["Nova Lite", "NovaMicro"]) is None


def test_a_listed_name_is_preferred_to_an_unlisted_id() -> None:
    names = ModelNames({"GLM 5": "zai.glm-5"})

    assert names.find(["GLM 5", "zai.glm5-new"]) == "zai.glm-5"
    assert names.find(["GLM 6", "zai.glm-6"]) == "zai.glm-6"
