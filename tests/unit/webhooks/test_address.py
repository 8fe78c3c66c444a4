"""Addresses of receivers: those that may be called, and those that lead somewhere private."""

from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lambdas.domain.webhooks.address import (
    MAX_URL_LENGTH,
    InvalidAddressError,
    ReceiverAddress,
    is_public,
    parse_address,
)

PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.1.1.1", "127.0.0.1", "127.255.255.254"),  # noqa: S104  # refused
    *("169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
    *("100.64.0.1", "100.127.255.254"),  # shared addresses of carriers
    *("192.0.0.1", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.2.1", "198.51.100.1"),
    *("203.0.113.1", "192.88.99.1", "198.18.0.1", "198.19.255.255"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1"),
    *("ff0e::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1", "4000::1"),
    *("::ffff:8.8.8.8", "::ffff:127.0.0.1", "::ffff:0:8.8.8.8", "::8.8.8.8", "::127.0.0.1"),
    *("64:ff9b::8.8.8.8", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"),  # NAT64
    *("2002:a9fe:a9fe::1", "2002:808:808::1"),  # 6to4
    *("2001::1", "2001:0:a9fe:a9fe::1", "2001:2::1", "2001:20::1", "2001:1::1"),
    "2600:1f00::1%1",
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "54.230.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1"),
    *("198.17.255.255", "198.20.0.1", "223.255.255.255", "192.0.1.1"),
    *("2600:1f00::1", "2a00:1450:4001::200e", "2001:4860:4860::8888", "2003::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/"),
        ("HTTPS://Hooks.Example.COM/A?b=C", "hooks.example.com", 443, "/A?b=C"),
        ("https://a.example.com:8443/x/../y", "a.example.com", 8443, "/x/../y"),
        ("https://a.example.com:443?b=c", "a.example.com", 443, "/?b=c"),
        ("https://bücher.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://8.8.8.8/a", "8.8.8.8", 443, "/a"),
        ("https://[2600:1F00::1]:8443/a", "2600:1f00::1", 8443, "/a"),
        ("https://[2600:1f00::1]/a", "2600:1f00::1", 443, "/a"),
        ("https://a.example.com/%0d%0aX:1", "a.example.com", 443, "/%0d%0aX:1"),
    ],
)
def test_addresses_are_read(url: str, host: str, port: int, target: str) -> None:
    assert parse_address(url) == (host, port, target)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example.com/", "https://"),
        ("ftp://hooks.example.com/", "https://"),
        ("hooks.example.com/a", "https://"),
        ("https:/hooks.example.com/a", "https://"),
        ("", "https://"),
        ("https://hooks.example.com:80/", "443 or 8443"),
        ("https://hooks.example.com:/", "443 or 8443"),
        ("https://hooks.example.com:0443443/", "443 or 8443"),
        ("https://hooks.example.com:४४३/", "443 or 8443"),
        ("https://hooks.example.com:-443/", "443 or 8443"),
        ("https://ana:secret@hooks.example.com/", "user name"),
        ("https://@hooks.example.com/", "user name"),
        ("https://hooks.example.com/#a", "#"),
        ("https://hooks.example.com/#", "#"),
        ("https://hooks.example.com\\@127.0.0.1/", "backslash"),
        (" https://hooks.example.com/", "spaces"),
        ("https://hooks.example.com/a b", "spaces"),
        ("https://hooks.example.com/\r\nHost: x", "spaces"),
        ("https://hooks.exam\tple.com/", "spaces"),
        ("https://hooks.example.com/\x00", "spaces"),
        ("https://hooks.example.com/\u2028", "spaces"),
        ("https://hooks.example.com/\u200b", "spaces"),
        ("https://hooks.example.com/é", "not ASCII"),
        ("https://hooks.example.com/?q=é", "not ASCII"),
        ("https://hooks.example.com/" + "a" * MAX_URL_LENGTH, "more than"),
        ("https://127.0.0.1/", "not a public IP"),
        ("https://169.254.169.254/latest/meta-data", "not a public IP"),
        ("https://[::1]/", "not a public IP"),
        ("https://[::ffff:127.0.0.1]/", "not a public IP"),
        ("https://[64:ff9b::a9fe:a9fe]/", "not a public IP"),
        ("https://[fe80::1%25eth0]/", "not a public IP"),
        ("https://localhost/", "full name"),
        ("https://127.1/", "full name"),
        ("https://2130706433/", "full name"),
        ("https://0x7f.0.0.1/", "full name"),
        ("https://0177.0.0.1/", "full name"),
        ("https://a.0x7f/", "full name"),
        ("https://hooks.example.com./", "full name"),
        ("https://-a.example.com/", "full name"),
        ("https://a_b.example.com/", "full name"),
        ("https://hooks%2eexample.com/", "full name"),
        ("https:///a", "full name"),
        ("https://" + "a." * 130 + "com/", "full name"),
        ("https://[::1/", "cannot be read"),
        ("https://[hooks.example.com]/", "host"),
        ("https://straße.example/", "xn--"),
        ("https://\uff11\uff12\uff17.0.0.1/", "xn--"),
        ("https://hooks。example.com/", "xn--"),
    ],
)
def test_other_addresses_are_refused_without_repeating_them(url: str, reason: str) -> None:
    with pytest.raises(InvalidAddressError) as refusal:
        parse_address(url)
    assert reason in str(refusal.value)
    assert "secret" not in str(refusal.value)


@given(st.text(max_size=60))
@example("a@b")
@example("[")
@example("a.b:443/../?x")
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        address = parse_address(f"https://{text}")
    except InvalidAddressError:
        return
    assert address == ReceiverAddress(*address)
    assert f"{address.host}{address.target}".isascii()
    assert address.target.startswith("/")
    assert address.ip_address is None or is_public(address.ip_address)
