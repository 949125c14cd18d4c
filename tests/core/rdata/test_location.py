"""LOC: exact to the centimetre, as it is on the wire."""

import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core.rdata import parse
from nameplate.core.rdata.location import LENGTH, canonical_loc, loc_wire, whole_loc


def read(wire: bytes) -> str:
    return canonical_loc(dns.rdata.from_wire("IN", "LOC", wire, 0, len(wire)).to_text())


@given(
    st.integers(0, 89), st.integers(0, 179), st.integers(0, 59_999),
    st.integers(-10_000_000, 2_000_000_000), st.integers(0, 9_000_000_000),
)  # fmt: skip
def test_what_is_written_is_what_is_read(
    north: int, east: int, arc: int, altitude: int, size: int
) -> None:
    """Dnspython writes 1.15 m as 1.14 m."""
    sign, whole = ("-" if altitude < 0 else ""), abs(altitude)
    text = (
        f"{north} 1 {arc / 1000:.3f} S {east} 1 {arc / 1000:.3f} W "
        f"{sign}{whole // 100}.{whole % 100:02d}m {size // 100}.{size % 100:02d}m"
    )
    found = parse("LOC", text, origin="example.com")
    wire = loc_wire(found.text)
    assert len(wire) == LENGTH
    assert read(wire) == found.text


def test_what_is_usual_is_left_out_and_can_be_had() -> None:
    short = parse("LOC", "1 N 1 E 1.15m 1m 10000m 10m", origin="example.com").text
    assert short == "1 0 0.000 N 1 0 0.000 E 1.15m"
    assert whole_loc(short) == f"{short} 1.00m 10000.00m 10.00m"
    assert whole_loc(whole_loc(short)) == whole_loc(short)
    assert canonical_loc(whole_loc(short)) == short


@pytest.mark.parametrize("text", ["52 N 4 E", "version 1", "1 60 N 1 E 1m"])
def test_what_is_no_place_is_said(text: str) -> None:
    for reader in (canonical_loc, loc_wire):
        with pytest.raises(ValueError, match=text):
            reader(text)
