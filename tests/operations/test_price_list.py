"""The AWS Price List: what is paid by tokens on demand becomes a price, and nothing else does."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from cdk.operations import prices
from cdk.operations.price_list import (
    PriceList,
    fetch_price_list,
    models_by_name,
    read_price_list,
    told_apart,
)
from cdk.operations.terminal import CommandError
from lambdas.domain.pricing import Price, TokenKind
from lambdas.domain.pricing.price import ANYWHERE, GLOBAL, REGIONAL
from lambdas.domain.pricing.shipped import read_prices

TODAY = date(2026, 11, 25)
NATIVE, SERVICE = "AmazonBedrock", "AmazonBedrockService"
MARKETPLACE = "AmazonBedrockFoundationModels"
OPUS = "Claude Opus 4.7 (Amazon Bedrock Edition)"
SUMMARIES = [
    {"modelId": model_id, "modelName": name, "providerName": provider}
    for model_id, name, provider in (
        ("amazon.nova-micro-v1:0", "Nova Micro", "Amazon"),
        ("amazon.nova-micro-v1:0:128k", "Nova Micro", "Amazon"),
        ("amazon.nova-2-lite-v1:0", "Nova 2 Lite", "Amazon"),
        ("anthropic.claude-opus-4-7", "Claude Opus 4.7", "Anthropic"),
        ("anthropic.claude-sonnet-4-20250514-v1:0", "Claude Sonnet 4", "Anthropic"),
        ("cohere.command-r-v1:0", "Command R", "Cohere"),
        ("openai.gpt-6-astra", "GPT-6 Astra", "OpenAI"),
        ("qwen.qwen3-32b-v1:0", "Qwen3 32B (dense)", "Qwen"),
        ("acme.embed-v2:0", "Two", "Acme"),
        ("acme.solo", "Solo", "Acme"),
        ("acme.twin-v1:0", "Twin", "Acme"),
        ("acme.twin-v2:0", "Twin", "Acme"),
    )
]
MODELS = models_by_name(SUMMARIES)


def product(
    usage: str,
    usd: str = "0.001",
    *,
    offer: str = NATIVE,
    unit: str = "1K tokens",
    region: str = "us-east-1",
    begins: str = "2026-11-01T00:00:00Z",
    **attributes: str,
) -> tuple[str, dict[str, Any]]:
    dimension = {"unit": unit, "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": usd}}
    term = {"effectiveDate": begins, "priceDimensions": {"dimension": dimension}}
    return offer, {
        "product": {"attributes": {"usagetype": usage, "regionCode": region, **attributes}},
        "terms": {"OnDemand": {"term": term}},
        "publicationDate": "2026-11-20T12:00:00Z",
        "version": "20261120120000",
    }


def nova(usage: str, usd: str = "0.001", **more: Any) -> tuple[str, dict[str, Any]]:
    return product(usage, usd, **{"model": "Nova Micro", **more})


def opus(usage: str, usd: str = "5", **more: Any) -> tuple[str, dict[str, Any]]:
    more = {"offer": MARKETPLACE, "unit": "Units", "servicename": OPUS, **more}
    return product(f"USE1-MP:USE1_{usage}-Units", usd, **more)


def read(*products: tuple[str, Mapping[str, Any]]) -> PriceList:
    return read_price_list(products, MODELS, TODAY)


@pytest.mark.parametrize(
    ("told", "kind", "area", "tier"),
    [
        (nova("USE1-NovaMicro-input-tokens"), "input", "us-east-1", None),
        (nova("EU-NovaMicro-input-token-count", region="eu-west-1"), "input", "eu-west-1", None),
        (nova("USE1-NovaMicro-output-tokens"), "output", "us-east-1", None),
        (nova("USE1-NovaMicro-output-tokens-flex"), "output", "us-east-1", "flex"),
        (nova("USE1-NovaMicro-output-tokens-priority"), "output", "us-east-1", "priority"),
        (nova("USE1-NovaMicro-output-tokens-cross-region-global"), "output", GLOBAL, None),
        (
            nova("USE1-NovaMicro-output-tokens-priority-cross-region-global"),
            "output",
            GLOBAL,
            "priority",
        ),
        (nova("USE1-NovaMicro-cache-read-input-token-count"), "cache_read", "us-east-1", None),
        (nova("USE1-NovaMicro-cache-write-input-token-count"), "cache_write_5m", "us-east-1", None),
        (
            nova("USE1-NovaMicro-cache-write-1h-input-token-count-cross-region-global"),
            "cache_write_1h",
            GLOBAL,
            None,
        ),
        (opus("InputTokenCount"), "input", "us-east-1", None),
        (opus("OutputTokenCount_Global"), "output", GLOBAL, None),
        (opus("CacheReadInputTokenCount"), "cache_read", "us-east-1", None),
        (opus("CacheWriteInputTokenCount"), "cache_write_5m", "us-east-1", None),
        (opus("input_tokens_standard"), "input", "us-east-1", None),
        (opus("output_tokens_priority"), "output", "us-east-1", "priority"),
        (opus("cache_read_tokens_global_standard"), "cache_read", GLOBAL, None),
        (opus("cache_write_tokens_standard"), "cache_write_5m", "us-east-1", None),
        (opus("cache_write_tokens_1h_global_standard"), "cache_write_1h", GLOBAL, None),
    ],
)
def test_a_usage_type_tells_kind_area_and_tier(
    told: tuple[str, dict[str, Any]], kind: str, area: str, tier: str | None
) -> None:
    # Without an input price there would be none of the other kinds either.
    everywhere = "-cross-region-global"
    inputs = [
        nova(f"USE1-NovaMicro-input-tokens{it}", "0.123")
        for it in ("", "-flex", "-priority", f"-priority{everywhere}", everywhere)
    ] + [opus(f"input_tokens{it}", "0.123") for it in ("", "_priority", "_global_standard")]
    found = read(told, *([] if kind == "input" else inputs))
    (here,) = (
        it
        for it in found.prices
        if (it.area, it.service_tier) == (area, tier)
        and TokenKind(kind) in it.rates[0].usd_per_million
    )
    usd = Decimal(5) if here.model_id == "anthropic.claude-opus-4-7" else Decimal(1)
    assert here.rates[0].usd_per_million[TokenKind(kind)] == usd
    assert here.effective_from is None
    assert here.read_on == TODAY
    assert here.source == f"AWS Price List {told[0]} 2026-11-20"


SKIPPED = [
    "USE1-NovaMicro-input-tokens-batch",
    "USE1-NovaMicro-input-tokens-cross-region-global-batch",
    "USE1-NovaMicro-input-tokens-latency-optimized",
    "USE1-NovaMicro-input-tokens-custom-model",
    "USE1-NovaMicro-input-tokens-long-context",
    "USE1-NovaMicro-cache-write-tokens-30m-standard",
    "USE1-NovaMicro-input-image-token-count",
    "USE1-NovaMicro-input-audio-token-count",
    "USE1-NovaMicro-video-input-tokens",
    "USE1-NovaMicro-speech-input-tokens",
    "USE1-NovaMicro-text-input-tokens",
    "USE1-NovaMicro-Model-Customization-input-tokens",
    "USE1-NovaMicro-ProvisionedThroughput-NoCommit-ModelUnits",
    "USE1-amazon.nova-micro-mantle-input-tokens-standard",
    "USE1-amazon.nova-micro-mantle-input-tokens-flex",
    "NovaMicro-input-tokens",
    "USE1-MP:USE1_InputTokenCount_Global_Batch-Units",
    "USE1-MP:USE1_InputTokenCount_Batch-Units",
    "USE1-MP:USE1_input_tokens_long_ctx_standard-Units",
    "USE1-MP:USE1_input_tokens_latency_optimized-Units",
    "USE1-MP:USE1_cache_write_tokens_30m_standard-Units",
    "USE1-MP:USE1_input_tokens_1h_standard-Units",
    "USE1-MP:USE1_InputImageCount-Units",
    "APN1-MP:APN1_MillionBatchInputTokens-Units",
    "APS7-MP:APS7_Reserved_1Month_InputTPM_Geo-Units",
    "USE1-MP:USE1_ProvisionedThroughput_ModelUnits-Units",
]


@given(
    usage=st.sampled_from(SKIPPED),
    offer=st.sampled_from([NATIVE, SERVICE, MARKETPLACE]),
    unit=st.sampled_from(["1K tokens", "1M tokens", "Units"]),
    name=st.sampled_from(["Nova Micro", "nova-micro", OPUS]),
    ending=st.sampled_from(["", "-flex", "-priority", "-cross-region-global"]),
)
def test_what_is_not_paid_by_tokens_on_demand_never_becomes_a_price(
    usage: str, offer: str, unit: str, name: str, ending: str
) -> None:
    about = {"model": name, "servicename": name}
    assert not read(product(usage + ending, offer=offer, unit=unit, **about)).prices


@given(
    usage=st.sampled_from(
        [("USE1-", "NovaMicro-input-tokens"), ("USE1-MP:USE1_", "InputTokenCount-Units")]
    ),
    added=st.text("abcdeghijkmnqrtuvwxyzABC12", min_size=1),
    separator=st.sampled_from(["", "-", "_"]),
    place=st.integers(0, 30),
)
def test_a_word_that_nobody_knows_makes_no_price(
    usage: tuple[str, str], added: str, separator: str, place: int
) -> None:
    begin, known = usage
    told = partial(
        product, offer=MARKETPLACE, unit="1M tokens", model="Nova Micro", servicename=OPUS
    )
    assert read(told(begin + known)).prices
    spelt = separator.join((known[:place], added, known[place:]))
    assert not read(told(begin + spelt)).prices


@pytest.mark.parametrize(
    "told",
    [
        nova("USE1-NovaMicro-input-tokens", unit="Units"),
        nova("USE1-NovaMicro-input-tokens", unit="image"),
        nova("USE1-NovaMicro-input-tokens", "0.0000000000"),
        nova("USE1-NovaMicro-input-tokens", feature="Batch Inference"),
        nova("USE1-NovaMicro-mantle-input-tokens-standard"),
        nova("USE1-NovaMicro-input-tokens", inferenceType="Input tokens, custom model"),
        nova("USE1-NovaMicro-input-tokens", begins="2026-12-01T00:00:00Z"),
        (NATIVE, {"product": {"attributes": {}}}),
        (NATIVE, nova("USE1-NovaMicro-input-tokens")[1] | {"terms": {"Reserved": {}}}),
    ],
)
def test_what_is_told_of_a_product_decides_as_well(told: tuple[str, dict[str, Any]]) -> None:
    assert read(told) == PriceList((), (), ())


def test_of_several_terms_or_dimensions_nobody_knows_which_one_holds() -> None:
    offer, told = nova("USE1-NovaMicro-input-tokens")
    (term,) = told["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    terms = {"OnDemand": {"one": term, "other": term}}
    assert not read((offer, told | {"terms": terms})).prices
    several = {**term, "priceDimensions": {"one": dimension, "other": dimension}}
    assert not read((offer, told | {"terms": {"OnDemand": {"one": several}}})).prices


def test_a_price_is_exact_in_each_unit() -> None:
    usage = "USE1-NovaMicro-input-tokens"
    for unit, usd in (
        ("1K tokens", "0.0000350000"),
        ("1k tokens", "0.000035"),
        ("1M tokens", "0.035"),
    ):
        (found,) = read(nova(usage, usd, unit=unit)).prices
        assert str(found.rates[0].usd_per_million[TokenKind.INPUT]) == "0.035"
    (found,) = read(opus("InputTokenCount", "5.5000000000")).prices
    assert str(found.rates[0].usd_per_million[TokenKind.INPUT]) == "5.5"


@pytest.mark.parametrize(
    ("told", "model_id"),
    [
        (nova("USE1-Nova2.0Lite-input-tokens", model="Nova 2.0 Lite"), "amazon.nova-2-lite-v1:0"),
        (nova("USE1-Qwen3-32B-input-tokens", model="Qwen3 32B"), "qwen.qwen3-32b-v1:0"),
        (
            nova("USE1-qwen.qwen3-32b-input-tokens", model="qwen.qwen3-32b"),
            "qwen.qwen3-32b-v1:0",
        ),
        (
            nova("USE1-Claude4Sonnet-input-tokens", offer=SERVICE, model="Claude Sonnet 4"),
            "anthropic.claude-sonnet-4-20250514-v1:0",
        ),
        (opus("InputTokenCount", servicename="Qwen Qwen3 32B (dense)"), "qwen.qwen3-32b-v1:0"),
        (nova("USE1-Embed-V2-input-tokens", model="Two"), "acme.embed-v2:0"),
        (
            opus("InputTokenCount", servicename="OpenAI GPT-6 Astra (Amazon Bedrock Edition)"),
            "openai.gpt-6-astra",
        ),
    ],
)
def test_a_model_has_the_names_that_bedrock_lists(
    told: tuple[str, dict[str, Any]], model_id: str
) -> None:
    (found,) = read(told).prices
    assert found.model_id == model_id


@pytest.mark.parametrize(
    ("usage", "model"),
    [
        ("NovaMicro-2", "Nova Micro 2"),
        ("CommandR+", "Command R+"),
        ("Embed", "Embed"),  # the first of them
        ("Claude7.4Opus", "Claude Opus 7.4"),
        ("Nova2.1Lite", "Nova 2.1 Lite"),
        ("Twin", "Twin"),  # two models have that name
        ("NovaMicro", "Nova 2 Lite"),  # which of the two?
    ],
)
def test_a_name_that_is_not_exactly_one_model_s_is_listed(usage: str, model: str) -> None:
    told = nova(f"USE1-{usage}-input-tokens", model=model)
    assert read(told) == PriceList((), (usage,), ())


def test_what_is_told_twice_and_differently_is_not_taken() -> None:
    found = read(
        nova("USE1-NovaMicro-input-tokens", "0.001"),
        nova("USE1-NovaMicro-output-tokens", "0.002"),
        nova("USE1-NovaMicro-output-token-count", "0.003"),
        nova("USE1-NovaMicro-input-tokens-flex", "0.001"),
        nova("USE1-NovaMicro-input-token-count-flex", "0.002", offer=SERVICE),
    )
    (price,) = found.prices
    assert price.rates[0].usd_per_million == {TokenKind.INPUT: Decimal(1)}
    assert found.ambiguous == (
        "amazon.nova-micro-v1:0 (us-east-1) output",
        "amazon.nova-micro-v1:0 (us-east-1, flex) input",
    )


def test_a_tier_without_an_input_price_is_left_out() -> None:
    usage = "USE1-NovaMicro-{}-tokens{}"
    found = read(
        nova(usage.format("input", "")),
        nova(usage.format("output", "")),
        nova(usage.format("output", "-flex")),
    )
    assert [it.service_tier for it in found.prices] == [None]


def areas(*usd: tuple[str, str]) -> dict[str, str]:
    told = [
        nova(
            f"USE1-NovaMicro-input-tokens{'-cross-region-global' if area == GLOBAL else ''}",
            value,
            unit="1M tokens",
            region="us-east-1" if area == GLOBAL else area,
        )
        for area, value in usd
    ]
    found = told_apart(read(*told).prices, ())
    return {it.area: str(it.rates[0].usd_per_million[TokenKind.INPUT]) for it in found}


def test_a_model_that_costs_more_in_large_calls_is_left_out() -> None:
    found = read(
        nova("USE1-NovaMicro-input-tokens"),
        opus("InputTokenCount"),
        opus("input_tokens_long_ctx_standard"),
    )
    assert [it.model_id for it in found.prices] == ["amazon.nova-micro-v1:0"]


def test_what_is_told_apart_in_the_standard_tier_is_told_apart_in_others() -> None:
    usage = "USE1-NovaMicro-input-tokens"
    found = read(
        nova(usage, "0.002"),
        nova(usage, "0.003", region="eu-west-1"),
        nova(f"{usage}-flex", "0.001"),
        nova(f"{usage}-flex", "0.001", region="eu-west-1"),
        nova(f"{usage}-flex", "0.001", region="eu-west-2"),
    )
    tiers = [it.area for it in told_apart(found.prices, ()) if it.service_tier]
    assert tiers == [ANYWHERE, "eu-west-1"]
    (micro,) = (it for it in found.prices if (it.area, it.service_tier) == ("us-east-1", None))
    elsewhere = [replace(micro, area=it) for it in (GLOBAL, "eu-west-2")]
    tiers = [it.area for it in told_apart(found.prices, elsewhere) if it.service_tier]
    assert tiers == [REGIONAL, "eu-west-1", "eu-west-2"]


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"us-east-1": "1", "eu-west-1": "1"}, {ANYWHERE: "1"}),
        ({"us-west-2": "1", "eu-west-1": "1"}, {ANYWHERE: "1"}),
        ({"us-west-2": "1", "eu-west-1": "2"}, {"us-west-2": "1", "eu-west-1": "2"}),
        ({"us-east-1": "1", "us-west-2": "1", "eu-west-1": "2"}, {ANYWHERE: "1", "eu-west-1": "2"}),
        ({"us-east-1": "2", "eu-west-1": "2", GLOBAL: "1"}, {REGIONAL: "2", GLOBAL: "1"}),
        (
            {"us-east-1": "2", "us-gov-west-1": "3", GLOBAL: "1"},
            {REGIONAL: "2", "us-gov-west-1": "3", GLOBAL: "1"},
        ),
        ({"us-east-1": "1", GLOBAL: "1"}, {ANYWHERE: "1"}),
        ({GLOBAL: "1"}, {GLOBAL: "1"}),
    ],
)
def test_regions_are_told_apart_only_where_they_cost_something_else(
    told: dict[str, str], found: dict[str, str]
) -> None:
    assert areas(*told.items()) == found


@contextmanager
def account(*products: tuple[str, dict[str, Any]]) -> Iterator[Any]:
    """A session of an account in eu-west-1, that lets only these questions be asked."""
    nobody = boto3.Session("testing", "testing")
    pricing, bedrock = nobody.client("pricing", "us-east-1"), nobody.client("bedrock", "eu-west-1")
    clients = {("pricing", "us-east-1"): pricing, ("bedrock", "eu-west-1"): bedrock}
    with Stubber(pricing) as products_told, Stubber(bedrock) as models:
        listed = [{"modelArn": "arn", **it} for it in SUMMARIES]
        models.add_response("list_foundation_models", {"modelSummaries": listed}, {})
        for offer in (NATIVE, SERVICE, MARKETPLACE):
            texts = [json.dumps(told) for of, told in products if of == offer]
            asked = {"ServiceCode": offer, "FormatVersion": "aws_v1"}
            pages = texts or [""]
            for number, text in enumerate(pages, 1):
                more = {"NextToken": str(number)} if number < len(pages) else {}
                answer = {"FormatVersion": "aws_v1", "PriceList": [text] if text else [], **more}
                token = {"NextToken": str(number - 1)} if number > 1 else {}
                products_told.add_response("get_products", answer, asked | token)
        yield SimpleNamespace(
            region_name="eu-west-1",
            get_credentials=lambda: "some",
            client=lambda name, region_name: clients[name, region_name],
        )
        products_told.assert_no_pending_responses()


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, session: Any) -> dict[Any, Price]:
    """Renew a book from genai-prices, litellm and what an account tells."""
    lies_in, about = folder / "litellm", folder / "litellm-1.2.3.dist-info"
    for it in (lies_in, about):
        it.mkdir(exist_ok=True)
    entry = {"litellm_provider": "bedrock", "mode": "chat", "input_cost_per_token": 5e-08}
    dearer = entry | {"input_cost_per_token": 6e-08}
    micro = "amazon.nova-micro-v1:0"
    told = {micro: entry, f"bedrock/sa-east-1/{micro}": dearer}
    (lies_in / "model_prices_and_context_window_backup.json").write_text(json.dumps(told))
    monkeypatch.setattr(sys, "argv", ["prices", "--litellm", str(folder)])
    monkeypatch.setattr(prices, "BOOK", folder / "prices.json")
    monkeypatch.setattr(prices, "open_session", lambda: session)
    prices.main()
    found = read_prices((folder / "prices.json").read_text())
    return {(it.model_id, it.area, it.service_tier): it for it in found}


def test_the_book_is_filled_and_what_it_says_otherwise_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = "{}-NovaMicro-input-tokens"
    told = [
        nova(inputs.format("USE1"), "0.00004"),
        nova(inputs.format("USW2"), "0.00004", region="us-west-2"),
        nova(inputs.format("APN1"), "0.000035", region="ap-northeast-1"),
        nova(inputs.format("SAE1"), "0.00007", region="sa-east-1"),
        nova(inputs.format("UGW1"), "0.00005", region="us-gov-west-1"),
        nova("UGW1-NovaMicro-output-tokens", "0.00014", region="us-gov-west-1"),
        nova("UGW1-NovaMicro-cache-read-tokens", "0.00000875", region="us-gov-west-1"),
        nova(inputs.format("APS1"), "0.00009", region="ap-south-1"),  # and no more kinds
        nova(f"{inputs.format('USE1')}-flex", "0.00002"),
        nova("USE1-Qwen9-input-tokens", model="Qwen9"),
        opus("InputTokenCount", servicename="Solo"),
        opus("InputTokenCount", servicename="GPT-6 Astra"),
    ]
    with account(*told) as session:
        found = run(monkeypatch, tmp_path, session)
    micro, source = "amazon.nova-micro-v1:0", "AWS Price List AmazonBedrock 2026-11-20"
    of_aws = {key for key, it in found.items() if it.source.startswith("AWS Price List")}
    assert of_aws == {
        (micro, "us-gov-west-1", None),
        (micro, ANYWHERE, "flex"),
        ("acme.solo", ANYWHERE, None),
    }
    assert found[micro, "us-gov-west-1", None].source == source
    assert found[micro, ANYWHERE, None].source.startswith("genai-prices")
    printed = capsys.readouterr().out
    assert "AWS Price List: 9 prices, 5 rates that the book had otherwise:" in printed
    assert "openai.gpt-6-astra (us-east-1): input 5, here " in printed
    genai = found[micro, ANYWHERE, None].source
    told_otherwise = f"{micro} (us-east-1, us-west-2): input 0.04, here 0.035 (any, {genai})"
    assert told_otherwise in printed
    assert f"{micro} (sa-east-1): input 0.07, here 0.06 (sa-east-1, litellm 1.2.3)" in printed
    assert f"{micro} (us-gov-west-1): input 0.05, here 0.035 (any, {genai})" in printed
    assert "Names of no model, or of several: Qwen9\n" in printed
    assert "so not taken: none" in printed
    with account(*told) as session:
        assert run(monkeypatch, tmp_path, session) == found
    assert f"{micro} (us-gov-west-1)" not in capsys.readouterr().out  # the book has AWS's now


def test_without_credentials_all_is_as_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(monkeypatch, tmp_path, boto3.Session(region_name="eu-west-1"))
    assert not any(it.source.startswith("AWS") for it in found.values())
    assert "No AWS credentials: the AWS Price List was not read." in capsys.readouterr().out


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_what_aws_refuses_says_what_to_do_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str
) -> None:
    def refuse(name: str, region_name: str) -> Any:
        assert region_name == "us-east-1"
        raise ClientError({"Error": {"Code": code}}, name)

    session = SimpleNamespace(region_name=None, get_credentials=lambda: "some", client=refuse)
    with pytest.raises(CommandError, match=code) as caught:
        run(monkeypatch, tmp_path, session)
    assert "Allow pricing:GetProducts and bedrock:ListFoundationModels" in str(caught.value)
    assert not (tmp_path / "prices.json").exists()


def test_all_pages_of_all_offers_are_read() -> None:
    told = [
        nova("USE1-NovaMicro-input-tokens"),
        nova("USE1-NovaMicro-output-tokens"),
        opus("InputTokenCount"),
    ]
    with account(*told) as session:
        found = fetch_price_list(session, TODAY)
    assert found == read(*told)
    assert len(found.prices) == 2
