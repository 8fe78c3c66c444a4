"""Usage types of all three grammars are read, and unknown ones are not guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.pricing.price import BilledUnit, Routing, TokenKind
from lambdas.domain.pricing.price_list import Endpoint, Plan, UsageType, read_usage_type

INPUT, OUTPUT = TokenKind.INPUT, TokenKind.OUTPUT
READ, WRITE, WRITE_1H = (
    TokenKind.CACHE_READ,
    TokenKind.CACHE_WRITE_5M,
    TokenKind.CACHE_WRITE_1H,
)
GLOBAL, BATCH, MANTLE = Routing.GLOBAL, Plan.BATCH, Endpoint.MANTLE
UNDERSTOOD: dict[str, tuple[str | None, str, dict[str, Any]]] = {
    "EU-NovaLite-input-tokens": ("eu-west-1", "NovaLite", {"measure": INPUT}),
    "USE1-Nova2.0Lite-output-tokens-priority-cross-region-global": (
        "us-east-1",
        "Nova2.0Lite",
        {"measure": OUTPUT, "service_tier": "priority", "routing": GLOBAL},
    ),
    "USE1-Claude4Sonnet-input-tokens-long-context-cross-region-global-batch": (
        "us-east-1",
        "Claude4Sonnet",
        {"measure": INPUT, "routing": GLOBAL, "plan": BATCH, "is_long_context": True},
    ),
    "USE1-Claude3.5Haiku-cache-read-input-token-count-latency-optimized": (
        "us-east-1",
        "Claude3.5Haiku",
        {"measure": READ, "service_tier": "latency-optimized"},
    ),
    "USE1-Nova2.0Pro-text-input-tokens-geo": (
        "us-east-1",
        "Nova2.0Pro",
        {"measure": INPUT, "routing": Routing.GEOGRAPHY, "variant": "text"},
    ),
    "USE1-NovaSonic2.5-speech-output-tokens": (
        "us-east-1",
        "NovaSonic2.5",
        {"measure": OUTPUT, "variant": "speech"},
    ),
    "USE1-openai.gpt-6.1-sol-mantle-cache-write-tokens-30m-long-ctx-flex": (
        "us-east-1",
        "openai.gpt-6.1-sol",
        {
            "measure": WRITE,
            "endpoint": MANTLE,
            "is_long_context": True,
            "service_tier": "flex",
        },
    ),
    "USE1-anthropic.claude-opus-4-8-mantle-cache-write-tokens-1h-standard": (
        "us-east-1",
        "anthropic.claude-opus-4-8",
        {"measure": WRITE_1H, "endpoint": MANTLE},
    ),
    "USE1-anthropic.claude-opus-4-8-mantle-input-tokens-long_ctx-global-batch": (
        "us-east-1",
        "anthropic.claude-opus-4-8",
        {
            "measure": INPUT,
            "endpoint": MANTLE,
            "routing": GLOBAL,
            "plan": BATCH,
            "is_long_context": True,
        },
    ),
    "APN1-MP:APN1_OutputTokenCount_LatencyOptimized-Units": (
        "ap-northeast-1",
        "",
        {"measure": OUTPUT, "service_tier": "latency-optimized"},
    ),
    "APN1-MP:APN1_MillionBatchInputTokens-Units": (
        "ap-northeast-1",
        "",
        {"measure": INPUT, "plan": BATCH},
    ),
    "USW2-MP:USW2_CacheReadInputTokenCount_Global_LongContext-Units": (
        "us-west-2",
        "",
        {"measure": READ, "routing": GLOBAL, "is_long_context": True},
    ),
    "USW2-MP:USW2_cache_write_tokens_1h_long_ctx_global_priority-Units": (
        "us-west-2",
        "",
        {
            "measure": WRITE_1H,
            "routing": GLOBAL,
            "is_long_context": True,
            "service_tier": "priority",
        },
    ),
    "USE1-TitanEmbeddingsG1-Image-input-image": (
        "us-east-1",
        "TitanEmbeddingsG1-Image",
        {"measure": BilledUnit.IMAGE},
    ),
    "USE1-NovaMultiModalEmbeddings-input-audio-second": (
        "us-east-1",
        "NovaMultiModalEmbeddings",
        {"measure": BilledUnit.AUDIO_SECOND},
    ),
    "USE1-AmazonRerank-v1-searchunits": (
        "us-east-1",
        "AmazonRerank-v1",
        {"measure": BilledUnit.SEARCH_UNIT},
    ),
    "EUC1-MP:EUC1_search_units_standard-Units": (
        "eu-central-1",
        "",
        {"measure": BilledUnit.SEARCH_UNIT},
    ),
    "EUW2-Guardrail-SensitiveInformationPolicyPaidUnitsConsumed": (
        "eu-west-2",
        "Guardrail",
        {"measure": BilledUnit.GUARDRAIL_SENSITIVE_INFORMATION_UNIT},
    ),
    "USE1-Guardrail-ContentPolicyUnitsConsumed": (
        "us-east-1",
        "Guardrail",
        {"measure": BilledUnit.GUARDRAIL_CONTENT_UNIT},
    ),
    "USE1-Guardrail-SensitiveInformationPolicyFreeUnitsConsumed": (
        "us-east-1",
        "Guardrail",
        {"measure": BilledUnit.GUARDRAIL_SENSITIVE_INFORMATION_FREE_UNIT},
    ),
    "ZZQ9-NovaLite-input-tokens": (None, "NovaLite", {"measure": INPUT}),
    "USE1-NovaMicro-output-tokens-custom-model-batch": (
        "us-east-1",
        "NovaMicro",
        {"measure": OUTPUT, "plan": Plan.CUSTOM_MODEL},
    ),
    "APN1-MP:APN1_Reserved_1Month_InputTPM_Geo-Units": (
        "ap-northeast-1",
        "",
        {"plan": Plan.RESERVED},
    ),
    "USE1-NovaMicro-Customization-Training": (
        "us-east-1",
        "NovaMicro",
        {"plan": Plan.CUSTOMIZATION},
    ),
}


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_a_usage_type_is_read(text: str) -> None:
    region, model, rest = UNDERSTOOD[text]

    assert read_usage_type(text) == UsageType(region, model, **rest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NovaLite-input-tokens",
        "USE1-NovaLite-input-tokens-hyperspeed",
        "USE1-NovaLite-input-tokens-flex-priority",
        "USE1-NovaLite-input-tokens-geo-cross-region-global",
        "USE1-NovaLite-input-output-tokens",
        "USE1-NovaLite-cache-read-output-tokens",
        "USE1-NovaLite-cache-read-tokens-1h",
        "USE1-NovaLite-cache-write-tokens-1h-5m",
        "USE1-NovaLite-input-tokens-1h",
        "USE1-NovaLite-input-things",
        "USE1-NovaLite-input-speech-second",
        "USE1-NovaLite-input-audio-video-second",
        "USE1-Guardrail-MoodPolicyUnitsConsumed",
        "USE1-MP:USE1_CreatedImage-Units",
        "USE1-DataTransfer-Out-Bytes",
        "USE1-" + "a" * 400 + "-input-tokens",
    ],
)
def test_an_unknown_usage_type_is_not_guessed(text: str) -> None:
    assert read_usage_type(text) is None


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    usage = read_usage_type(text)

    assert usage is None or usage.plan in Plan
