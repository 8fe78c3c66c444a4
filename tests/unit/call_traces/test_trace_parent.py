"""The header `traceparent`: read where its form is right, and ignored otherwise."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lambdas.domain.call_traces import TraceParent, read_trace_parent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
IDS = st.binary(min_size=16, max_size=16).filter(any)
SPANS = st.binary(min_size=8, max_size=8).filter(any)


@given(IDS, SPANS, st.integers(0, 255))
def test_what_a_caller_writes_is_read(trace: bytes, span: bytes, flags: int) -> None:
    header = f"00-{trace.hex()}-{span.hex()}-{flags:02x}"
    assert read_trace_parent(header) == TraceParent(trace, span, flags % 2 == 1)


@given(st.text(max_size=80))
@example(f"00-{TRACE}-{SPAN}-01é")
def test_no_text_raises(header: str) -> None:
    found = read_trace_parent(header)
    assert found is None or len(found.trace_id) == 16


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_malformed_headers_are_ignored(header: str | None) -> None:
    assert read_trace_parent(header) is None


def test_a_later_version_may_have_more_fields() -> None:
    found = read_trace_parent(f" 01-{TRACE}-{SPAN}-03-later ")
    assert found == TraceParent(bytes.fromhex(TRACE), bytes.fromhex(SPAN), is_sampled=True)
