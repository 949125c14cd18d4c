"""PKCS #12 files: opened with bounded work, or refused."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core import bad_uploads
from tests.core.pki import Pki

from nameplate.core import pkcs12
from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret

PKI = Pki()
GOOD = PKI.leaf()
RIGHT = Secret("right")


def refused(file: bytes, password: Secret | None = RIGHT) -> str:
    with pytest.raises(Invalid) as caught:
        pkcs12.read(file, password)
    return caught.value.code


def test_key_and_certificates_come_out() -> None:
    key, found = pkcs12.read(bad_uploads.packed(GOOD, PKI, b"right"), RIGHT)
    assert key.private_numbers() == GOOD.key.private_numbers()  # type: ignore[attr-defined]  # an EC key
    assert set(found) == {GOOD.certificate, PKI.intermediate.certificate}


def test_a_second_key_hidden_in_an_encrypted_part_is_never_opened() -> None:
    """Its rounds are told where nobody can read them; the key in the clear comes first and ends it."""
    whole = bad_uploads.hiding(GOOD, PKI, b"right", 2**31 - 1)
    begun = time.process_time()
    pkcs12.read(whole, RIGHT)
    assert time.process_time() - begun < 0.05


def test_rounds_are_added_up_before_any_is_done() -> None:
    begun = time.process_time()
    assert refused(bad_uploads.packed(GOOD, PKI, b"right", 2**20)) == "pkcs12_slow"
    assert time.process_time() - begun < 5, "the time is that of making it"
    with pytest.raises(Invalid):
        pkcs12.check_rounds(pkcs12.MAX_ROUNDS + 1)
    pkcs12.check_rounds(pkcs12.MAX_ROUNDS)


@given(st.binary(max_size=300))
def test_noise_is_refused(file: bytes) -> None:
    assert refused(file) in {"pkcs12_malformed", "key_missing", "pkcs12_slow", "password_wrong"}


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_changed_files_are_refused_or_mean_the_same(data: Any) -> None:
    whole = bad_uploads.packed(GOOD, PKI, b"right")
    at = data.draw(st.integers(0, len(whole) - 1))
    filling = data.draw(st.binary(max_size=12))
    changed = whole[:at] + filling + whole[at + data.draw(st.integers(0, 12)) :]
    try:
        key, found = pkcs12.read(changed, RIGHT)
    except Invalid:
        return
    assert key is not None
    assert set(found) <= {GOOD.certificate, PKI.intermediate.certificate}
