"""PKCS #12 files: opened with bounded work, or refused."""

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core import bad_uploads
from tests.core.pki import Pki, key_pem

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


def test_a_file_whose_encrypted_part_is_damaged_is_refused() -> None:
    """Another certificate came out: one block of it was changed, and it was still one."""
    whole = bad_uploads.packed(GOOD, PKI, b"right")
    for at in range(300, 800, 16):
        damaged = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        assert refused(damaged) == "password_wrong"


@pytest.mark.parametrize(
    "digest", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()]
)
@pytest.mark.parametrize("password", ["right", "", "pässwört", "x" * 200])
def test_every_integrity_code_is_known(digest: hashes.HashAlgorithm, password: str) -> None:
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(7).hmac_hash(digest)
    sealing = builder.key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC).build(
        password.encode() or b"x"
    )
    file = serialize_key_and_certificates(b"n", GOOD.key, GOOD.certificate, None, sealing)
    key, found = pkcs12.read(file, Secret(password or "x"))
    assert key is not None
    assert found == [GOOD.certificate]
    assert refused(file, Secret(password + "y")) == "password_wrong"


def test_openssl_s_files_are_read_with_and_without_an_integrity_code(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(key_pem(GOOD.key))
    (tmp_path / "leaf.pem").write_bytes(GOOD.certificate.public_bytes(Encoding.PEM))
    for extra in ([], ["-nomac"], ["-macalg", "sha512"], ["-keypbe", "NONE", "-certpbe", "NONE"]):
        for password in ("right", ""):
            command = ["openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "leaf.pem", *extra,
                       "-passout", f"pass:{password}", "-out", "file.p12"]  # fmt: skip
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
            file = (tmp_path / "file.p12").read_bytes()
            assert pkcs12.read(file, Secret(password))[1] == [GOOD.certificate], (extra, password)


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
