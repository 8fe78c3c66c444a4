"""The address of the price list uses HTTPS or the loopback address."""

import pytest

from lambdas.functions.price_updater.settings import AWS_PRICE_LIST, Settings


@pytest.mark.parametrize(
    "url",
    [
        AWS_PRICE_LIST,
        "https://pricing.cn-northwest-1.amazonaws.com.cn",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "https://prices.example.com:65535/",
        "https://[2001:db8::1]",
    ],
)
def test_the_price_list_is_read_over_https_or_from_the_loopback_address(url: str) -> None:
    assert (
        Settings(region="us-east-1", price_bucket="prices", price_list_url=url).price_list_url
        == url
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://pricing.us-east-1.amazonaws.com",
        "http://localhost:8080",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "https://",
        "https://user@example.com",
        "https://example.com/path",
        "https://example.com?query",
        "https://example.com?",
        "https://example.com#fragment",
        "https://example.com\n",
        "https:// example.com",
        "https://exa\x00mple.com",
        "https://example.com:65536",
        "https://example.com:port",
        "https://[::1",
        "http://localhost",
        "file:///etc/passwd",
        "ftp://127.0.0.1",
        "",
    ],
)
def test_any_other_address_of_a_price_list_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: https:// .* http:// .* such as 127\.0\.0\.1"):
        Settings(region="us-east-1", price_bucket="prices", price_list_url=url)
