"""One form of serial numbers, whoever wrote them."""

from hypothesis import given
from hypothesis import strategies as st

from nameplate.core import serials


def test_a_serial_number_has_one_form_however_it_is_written() -> None:
    assert serials.hex_serial(0x4D2) == "04d2"
    assert serials.hex_serial(0) == "00"
    for written in ("4d2", "04D2", "04:d2", "00:04:D2"):
        assert serials.same_form(written) == "04d2"


@given(st.integers(0, 2**160))
def test_what_a_probe_sees_and_what_is_kept_of_a_certificate_compare_equal(number: int) -> None:
    kept = serials.hex_serial(number)
    assert len(kept) % 2 == 0
    assert int(kept, 16) == number
    assert serials.same_form(f"{number:X}") == serials.same_form(kept) == kept
