"""PEM files: their blocks, and what may stand between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core import pem
from nameplate.core.errors import Invalid

ONE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def refused(text: str) -> str:
    with pytest.raises(Invalid) as caught:
        pem.blocks(text.encode())
    return caught.value.detail


@pytest.mark.parametrize(
    "between",
    ["", "\n\n", "# ours\n", "Bag Attributes\n    localKeyID: 01 02\n", "subject=CN = a\n",
     "issuer=/CN=a\n", "Key Attributes: <No Attributes>\n"],
)  # fmt: skip
def test_what_means_nothing_may_stand_between(between: str) -> None:
    found = pem.blocks((ONE + between + ONE).encode())
    assert [(one.number, one.label, one.der) for one in found] == [
        (1, "CERTIFICATE", bytes(3)), (2, "CERTIFICATE", bytes(3)),
    ]  # fmt: skip
    assert found[1].place == "the second block"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ONE + "x\n", "Line 4 belongs to no block."),
        (ONE + ONE.replace("AAAA", "AA!A"), "The second block (CERTIFICATE) is damaged in line 5"),
        (ONE + ONE[:33], "The second block (CERTIFICATE) is cut off"),
        (ONE + ONE.replace("AAAA", "AAA"), "its base64 is not whole"),
        ("", "no PEM block"),
        (ONE * 12, "at most ten certificates"),
        ("#" * (pem.MAX_FILE + 1), "at most 64 KiB"),
    ],
)
def test_a_refusal_says_where(text: str, told: str) -> None:
    assert told in refused(text)


def test_a_block_hides_its_content_and_is_written_again() -> None:
    (one,) = pem.blocks(ONE.encode())
    assert repr(one) == "Block(1, CERTIFICATE)"
    assert one.text().decode() == ONE


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_noise_has_no_block(file: bytes) -> None:
    try:
        found = pem.blocks(file)
    except Invalid:
        return
    assert found
