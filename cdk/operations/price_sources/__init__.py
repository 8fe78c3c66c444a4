"""Public sources of Bedrock's list prices, each behind the same interface."""

from cdk.operations.price_sources.aws_price_list import AwsPriceList
from cdk.operations.price_sources.genai_prices import GenaiPrices
from cdk.operations.price_sources.litellm import Litellm
from cdk.operations.price_sources.source import PriceSource, SourcePrices

__all__ = ["AwsPriceList", "GenaiPrices", "Litellm", "PriceSource", "SourcePrices"]
