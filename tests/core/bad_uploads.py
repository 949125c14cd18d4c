"""What must not be taken: a table of uploads, each with the codes that may answer it."""

import base64
import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.core.pki import DAY, NOW, Party, Pki, authority, broken_hash, key_pem, leaf, pem, rsa_key

from nameplate.core import pkcs12 as container
from nameplate.core.secret import Secret
from nameplate.core.uploads import Material

Case = tuple[str, Material, set[str]]
MALFORMED = {"bundle_malformed"}
NAMES = {"names_unsupported"}
CHAIN = {"chain_broken", "chain_incomplete", "chain_untrusted"}


def cases(pki: Pki) -> list[Case]:
    """Return every case."""
    return [
        *structures(pki), *labels(pki), *keys_(pki), *names_(pki), *leaves(pki), *chains(pki),
        *flips(pki), *containers(pki),
    ]  # fmt: skip


def structures(pki: Pki) -> Iterator[Case]:
    good = pki.leaf()
    chain, secret = pki.chain(good), good.secret
    body = chain.splitlines()
    texts = {
        "empty": "", "spaces": " \n\t\n", "word": "certificate", "json": '{"certificate": 1}',
        "directive before": "ssl_certificate /etc/passwd;\n" + chain,
        "directive between": chain.replace("-----END CERTIFICATE-----\n", "-----END CERTIFICATE-----\ninclude x;\n", 1),
        "text after": chain + "return 200;\n",
        "begin twice": "-----BEGIN CERTIFICATE-----\n" + chain,
        "begin flood": "-----BEGIN CERTIFICATE-----\n" * 2000,
        "end first": "-----END CERTIFICATE-----\n" + chain,
        "end twice": chain + "-----END CERTIFICATE-----\n",
        "no end": chain.rsplit("-----END", 1)[0],
        "other end": chain.replace("END CERTIFICATE", "END PRIVATE KEY", 1),
        "four dashes": chain.replace("-----BEGIN", "----BEGIN", 1),
        "line missing": "\n".join(body[:3] + body[4:]),
        "line twice": "\n".join(body[:3] + body[2:]),
        "lines swapped": "\n".join([body[0], body[2], body[1], *body[3:]]),
        "empty block": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n" + chain,
        "padding inside": chain.replace(body[1], body[1][:10] + "=" + body[1][11:], 1),
        "star inside": chain.replace(body[1], "*" + body[1][1:], 1),
        "space inside": chain.replace(body[1], body[1][:9] + " " + body[1][10:], 1),
        "header": chain.replace(body[0], body[0] + "\nProc-Type: 4,CLEAR", 1),
        "nul": chain.replace("\n", "\0\n", 1), "utf-16": chain.encode("utf-16").decode("latin-1"),
        "escaped newlines": chain.replace("\n", "\\n"), "one line": chain.replace("\n", ""),
        "percent": chain.replace("+", "%2B").replace("\n", "%0A"), "html": f"<pre>{chain}</pre>",
        "quoted": "\n".join(f"> {line}" for line in body), "smart dashes": chain.replace("-----", "—"),
        "lone surrogate": chain + "\ud800", "bidi": "\u202e" + chain, "zero width": chain.replace("-----BEGIN", "\u200b-----BEGIN", 1),
        "too large": chain + "#" * 70_000, "large comment": "#" * 70_000 + "\n" + chain,
        "comment block": "# -----BEGIN CERTIFICATE-----\n", "der as text": base64.b64encode(good.certificate.public_bytes(Encoding.DER)).decode(),
        "trailing der": _block("CERTIFICATE", good.certificate.public_bytes(Encoding.DER) + b"\0"),
        "short der": _block("CERTIFICATE", good.certificate.public_bytes(Encoding.DER)[:-1]),
        "deep der": _block("CERTIFICATE", b"\x30\x80" * 2000), "long length": _block("CERTIFICATE", b"\x30\x84\xff\xff\xff\xff"),
        "many": chain + pem(*(pki.leaf().certificate for _ in range(12))),
        "ten thousand": "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n" * 1000,
    }  # fmt: skip
    for name, text in texts.items():
        yield name, Material(text, secret), MALFORMED | {"bundle_too_large"}
    for part in range(24):  # names that do not depend on the size, which is another each time
        at = 1 + part * (len(chain) - 41) // 24
        yield f"cut in part {part}", Material(chain[:at], secret), MALFORMED | CHAIN


def labels(pki: Pki) -> Iterator[Case]:
    good = pki.leaf()
    chain, secret = pki.chain(good), good.secret
    for label in (
        "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "CERTIFICATE REQUEST", "X509 CRL", "PKCS7", "CMS",
        "PUBLIC KEY", "RSA PUBLIC KEY", "DH PARAMETERS", "EC PARAMETERS", "OPENSSH PRIVATE KEY",
        "DSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK", "certificate", "CERTIFICATE ", "",
    ):  # fmt: skip
        other = chain.replace("BEGIN CERTIFICATE", f"BEGIN {label}", 1)
        other = other.replace("END CERTIFICATE", f"END {label}", 1)
        yield f"label {label!r}", Material(other, secret), MALFORMED
    key = secret.reveal()
    yield "key twice", Material(chain + key + key), MALFORMED
    yield "key between, key given", Material(key + chain, secret), MALFORMED
    yield "only a key", Material(key), MALFORMED
    yield "no key", Material(chain), {"key_missing"}
    for name, text in {
        "empty": "", "two": key + key, "chain": chain, "chain and key": chain + key,
        "cut": key[:100], "text": "secret" + key, "huge": key + "#" * 70_000,
        "public": key.replace("PRIVATE", "PUBLIC"), "noise": _block("PRIVATE KEY", b"\x30\x03\x02\x01\x00"),
        "big": _block("PRIVATE KEY", b"\x30" * 6000),
    }.items():  # fmt: skip
        codes = {"key_malformed", "key_weak"}
        yield f"key file: {name}", Material(chain, Secret(text)), codes


def keys_(pki: Pki) -> Iterator[Case]:
    def given(name: str, key: Any, *codes: str) -> Case:
        party = pki.leaf(key=key)
        return f"key {name}", Material(pki.chain(party), party.secret), set(codes)

    yield given("rsa 1024", rsa_key(1024), "key_weak")
    yield given("rsa 1032", rsa_key(1032), "key_weak")
    yield given("rsa exponent 3", rsa_key(2048, 3), "key_weak")
    yield given("close primes", close_primes(), "key_weak", "key_malformed")
    yield given("p-521", ec.generate_private_key(ec.SECP521R1()), "key_unsupported")
    yield given("p-224", ec.generate_private_key(ec.SECP224R1()), "key_unsupported")
    yield given("secp256k1", ec.generate_private_key(ec.SECP256K1()), "key_unsupported")
    yield given("ed25519", ed25519.Ed25519PrivateKey.generate(), "key_unsupported")
    yield given("ed448", ed448.Ed448PrivateKey.generate(), "key_unsupported")
    yield given("dsa", dsa.generate_private_key(1024), "key_unsupported")
    good = pki.leaf()
    chain = pki.chain(good)
    yield (
        "x25519",
        Material(chain, Secret(key_pem(x25519.X25519PrivateKey.generate()))),
        {"key_unsupported"},
    )
    yield "other key", Material(chain, pki.leaf().secret), {"key_mismatch"}
    yield "other kind", Material(chain, Secret(key_pem(rsa_key()))), {"key_mismatch"}
    yield "issuer's key", Material(chain, pki.intermediate.secret), {"leaf_is_authority"}
    sealed = Secret(key_pem(good.key, b"right"))
    yield "no password", Material(chain, sealed), {"key_encrypted"}
    yield "wrong password", Material(chain, sealed, password=Secret("wrong")), {"password_wrong"}
    old = Secret(key_pem(rsa_key(), b"right", PrivateFormat.TraditionalOpenSSL))
    yield "old, no password", Material(chain, old), {"key_encrypted"}
    yield "old, wrong password", Material(chain, old, password=Secret("wrong")), {"password_wrong"}
    for rounds in (150_001, 2**31, 2**63):
        slow = _slow(sealed.reveal(), rounds)
        yield f"{rounds} rounds", Material(chain, slow, password=Secret("right")), {"pkcs12_slow"}
    yield "foreign public part", Material(chain, _borrowed(good)), {"key_malformed", "key_mismatch"}


def names_(pki: Pki) -> Iterator[Case]:
    for name in (
        "a\0.example.com", "a\n.example.com", "a b.example.com", "*", "*.*.example.com", "a*.example.com",
        "www.*.example.com", "..example.com", "a..example.com", ".example.com", "example.com.", "-a.example.com",
        "a_b.example.com", "a/b.example.com", "https://example.com", "example", "*.com", "com", "192.0.2.1",
        "[::1]", "a" * 64 + ".example.com", ".".join(["abcdefghij"] * 26), "xn--a.example.com", "a;b.example.com", "ex%61mple.com",
        "a{}.example.com", "$host.example.com", "..", "a.example.com:443", "localhost", "a\x7f.example.com",
    ):  # fmt: skip
        party = pki.leaf(san=[x509.DNSName("shop.example.com"), x509.DNSName(name)])
        yield f"name {name[:30]!r}", Material(pki.chain(party), party.secret), NAMES | CHAIN
    for kind in (
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")), x509.RFC822Name("a@example.com"),
        x509.UniformResourceIdentifier("https://example.com/"), x509.DirectoryName(pki.root.certificate.subject),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")), x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"),
    ):  # fmt: skip
        party = pki.leaf(san=[x509.DNSName("shop.example.com"), kind])
        yield f"name of {type(kind).__name__}", Material(pki.chain(party), party.secret), NAMES
    party = pki.leaf(san=[], subject="shop.example.com")
    yield "common name only", Material(pki.chain(party), party.secret), NAMES
    party = pki.leaf(*(f"n{number}.example.com" for number in range(101)))
    yield "101 names", Material(pki.chain(party), party.secret), {"too_many_names"}


def leaves(pki: Pki) -> Iterator[Case]:
    for name, options, code in (
        ("expired", {"begun": NOW - 91 * DAY}, "expired"),
        ("not yet valid", {"begun": NOW + DAY}, "not_yet_valid"),
        ("a hundred years", {"lifetime": 36_500 * DAY}, "lifetime_too_long"),
        ("826 days", {"lifetime": 826 * DAY}, "lifetime_too_long"),
        ("ca", {"ca": True}, "leaf_is_authority"),
        ("for clients", {"purposes": (ExtendedKeyUsageOID.CLIENT_AUTH,)}, "not_for_servers"),
        ("for code", {"purposes": (ExtendedKeyUsageOID.CODE_SIGNING,)}, "not_for_servers"),
        ("sha-224", {"digest": hashes.SHA224()}, "signature_weak"),
        ("signed itself", {"by": None}, "self_signed"),
    ):  # fmt: skip
        party = pki.leaf(**options)
        yield f"leaf {name}", Material(pki.chain(party), party.secret), {code}

    by = authority("RSA", pki.root, key=rsa_key())
    for digest in (hashes.SHA1(), hashes.MD5()):
        party = broken_hash(pki.leaf(by=by), rsa_key(), digest)
        text = pem(party.certificate, by.certificate)
        yield f"leaf {digest.name}", Material(text, party.secret), {"signature_weak"}


def chains(pki: Pki) -> Iterator[Case]:
    good, other = pki.leaf(), Pki()
    secret = good.secret

    def below(issuer: Party, *more: Party) -> Material:
        party = pki.leaf(by=issuer)
        return Material(
            pem(party.certificate, issuer.certificate, *(one.certificate for one in more)),
            party.secret,
        )

    yield "leaf alone", Material(pem(good.certificate), secret), {"chain_incomplete"}
    yield (
        "root in place of the intermediate",
        Material(pem(good.certificate, pki.root.certificate), secret),
        CHAIN,
    )
    stranger = other.intermediate.certificate
    yield (
        "a stranger",
        Material(pki.chain(good) + pem(pki.leaf().certificate), secret),
        {"chain_broken"},
    )
    yield "another's intermediate", Material(pem(good.certificate, stranger), secret), CHAIN
    yield (
        "two leaves of a key",
        Material(pki.chain(good) + pem(pki.leaf(key=good.key).certificate), secret),
        MALFORMED,
    )
    theirs = other.leaf()
    yield "unknown root", Material(other.chain(theirs), theirs.secret), CHAIN
    yield (
        "unknown root, there",
        Material(other.chain(theirs) + pem(other.root.certificate), theirs.secret),
        {"chain_untrusted"},
    )
    no_ca = authority("No authority", pki.root, ca=False)
    yield "no authority", below(no_ca), {"chain_broken"}
    yield (
        "expired intermediate",
        below(authority("Old", pki.root, begun=NOW - 3001 * DAY)),
        {"expired"},
    )
    yield (
        "early intermediate",
        below(authority("Early", pki.root, begun=NOW + DAY)),
        {"not_yet_valid"},
    )
    plain = authority("Sha", Party(broken_root(pki).certificate, rsa_key()), key=rsa_key(3072))
    weak_one = broken_hash(plain, rsa_key(), hashes.SHA1())
    yield (
        "sha-1 intermediate",
        below(Party(weak_one.certificate, rsa_key(3072)), broken_root(pki)),
        {"signature_weak"},
    )
    below_zero = authority("Below zero", pki.intermediate)
    yield "too long a path", below(below_zero, pki.intermediate), {"chain_untrusted"}
    weak = authority("Weak", pki.root, key=rsa_key(1024))
    yield "weak intermediate", below(weak), {"chain_untrusted"}
    limited = authority(
        "Limited", pki.root, constraints=x509.NameConstraints([x509.DNSName("example.net")], None)
    )
    yield "outside the constraints", below(limited), {"chain_untrusted"}
    forged = Party(pki.intermediate.certificate, other.intermediate.key)
    party = leaf(["shop.example.com"], forged)
    yield "forged", Material(pki.chain(party), party.secret), CHAIN
    one, two = loop()
    party = leaf(["shop.example.com"], one)
    yield (
        "a loop",
        Material(pem(party.certificate, one.certificate, two.certificate), party.secret),
        CHAIN,
    )


def broken_root(pki: Pki) -> Party:
    """Return an authority below the root whose key is RSA, so that it can sign with an old hash."""
    return authority("RSA", pki.root, key=rsa_key())


def flips(pki: Pki) -> Iterator[Case]:
    """Yield the leaf with single octets changed: its signature is of another certificate then."""
    good = pki.leaf()
    der = good.certificate.public_bytes(Encoding.DER)
    for at in range(4, len(der), max(1, len(der) // 40)):
        changed = der[:at] + bytes([der[at] ^ 0x55]) + der[at + 1 :]
        text = _block("CERTIFICATE", changed) + pem(pki.intermediate.certificate)
        yield f"octet {at}", Material(text, good.secret), set()


def containers(pki: Pki) -> Iterator[Case]:
    good = pki.leaf()
    whole = packed(good, pki, b"right")
    right = Secret("right")
    yield "p12 wrong password", Material(pkcs12=whole, password=Secret("wrong")), {"password_wrong"}
    yield "p12 no password", Material(pkcs12=whole), {"password_wrong"}
    yield "p12 empty password", Material(pkcs12=whole, password=Secret("")), {"password_wrong"}
    yield "p12 key only", Material(pkcs12=_p12(good.key, None, [], None)), {"key_mismatch"}
    yield (
        "p12 certificate only",
        Material(pkcs12=_p12(None, good.certificate, [], None)),
        {"key_missing"},
    )
    yield (
        "p12 leaf only",
        Material(pkcs12=_p12(good.key, good.certificate, [], None)),
        {"chain_incomplete"},
    )
    yield "p12 large", Material(pkcs12=whole + b"\0" * 70_000, password=right), {"bundle_too_large"}
    yield "p12 trailing", Material(pkcs12=whole + b"\0", password=right), {"pkcs12_malformed"}
    yield "p12 pem", Material(pkcs12=pki.chain(good).encode()), {"pkcs12_malformed"}
    yield "p12 empty", Material(pkcs12=b""), {"pkcs12_malformed"}
    yield "p12 noise", Material(pkcs12=bytes(range(256))), {"pkcs12_malformed"}
    for rounds in (80_000, 600_000):
        slow = packed(good, pki, b"right", rounds)
        yield f"p12 {rounds} rounds", Material(pkcs12=slow, password=right), {"pkcs12_slow"}
    codes = {"pkcs12_malformed", "password_wrong", "key_missing", "pkcs12_slow"}
    for part in range(12):
        cut = whole[: 1 + part * (len(whole) - 1) // 12]
        yield f"p12 cut in part {part}", Material(pkcs12=cut, password=right), codes


def packed(party: Party, pki: Pki, password: bytes, rounds: int = 2048) -> bytes:
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds)
    builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
    sealing = builder.hmac_hash(hashes.SHA256()).build(password)
    return _p12(party.key, party.certificate, [pki.intermediate.certificate], sealing)


def hiding(party: Party, pki: Pki, password: bytes, rounds: int) -> bytes:
    """Return a file with a second key in its encrypted part, which asks for so many rounds."""
    certificates, key = container._parts(packed(party, pki, password))
    slow = base64.b64decode(
        "".join(_slow(key_pem(party.key, password), rounds).reveal().splitlines()[1:-1])
    )
    tagged = container._tagged
    shrouded = bytes.fromhex("060b2a864886f70d010c0a0102") + tagged(0xA0, slow)
    hidden = tagged(0x30, tagged(0x30, shrouded))
    at = certificates.index(bytes.fromhex("06092a864886f70d01050d")) - 2
    algorithm = certificates[at : at + 2 + certificates[at + 1]]
    salt, vector = (found[1] for found in re.finditer(rb"\x04\x10(.{16})", algorithm, re.DOTALL))
    derived = PBKDF2HMAC(hashes.SHA256(), 32, salt, 2048).derive(password)
    filled = hidden + bytes([16 - len(hidden) % 16]) * (16 - len(hidden) % 16)
    cipher = Cipher(algorithms.AES(derived), modes.CBC(vector)).encryptor()
    content = tagged(0x80, cipher.update(filled) + cipher.finalize())
    info = tagged(0x30, bytes.fromhex("06092a864886f70d010701") + algorithm + content)
    data = tagged(0x30, b"\x02\x01\x00" + info)
    part = tagged(0x30, bytes.fromhex("06092a864886f70d010706") + tagged(0xA0, data))
    return _whole([part, certificates, key])


def _whole(parts: list[bytes]) -> bytes:
    tagged, data = container._tagged, bytes.fromhex("06092a864886f70d010701")
    safe = tagged(0x30, data + tagged(0xA0, tagged(0x04, tagged(0x30, b"".join(parts)))))
    return tagged(0x30, b"\x02\x01\x03" + safe)


def close_primes() -> rsa.RSAPrivateKey:
    """Return a key whose primes Fermat's method finds at once."""
    p = _next_prime(3 << 1022)
    q = _next_prime(p + 2)
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def loop() -> tuple[Party, Party]:
    """Return two authorities that signed each other."""
    first, second = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    one = authority("One", Party(authority("Two", None, key=second).certificate, second), key=first)
    two = authority("Two", Party(authority("One", None, key=first).certificate, first), key=second)
    return one, two


def _next_prime(number: int) -> int:
    number |= 1
    while any(pow(base, number - 1, number) != 1 for base in (2, 3, 5)):
        number += 2
    return number


def _block(label: str, der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def _p12(key: Any, certificate: Any, more: Any, sealing: Any) -> bytes:
    form = sealing or NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"n", key, certificate, more, form)


def _slow(sealed: str, rounds: int) -> Secret:
    """Return an encrypted key that asks for so many rounds of key derivation."""
    der = base64.b64decode("".join(sealed.splitlines()[1:-1]))
    found = re.search(rb"\x02\x02(..)\x30", der, re.DOTALL)
    assert found is not None
    width = (rounds.bit_length() + 8) // 8
    number = bytes([2, width]) + rounds.to_bytes(width, "big")
    added = len(number) - 4
    changed = bytearray(der[: found.start()] + number + der[found.end() - 1 :])
    for at in _sequences_around(der, found.start()):
        _lengthen(changed, at, added)
    return Secret(_block("ENCRYPTED PRIVATE KEY", bytes(changed)))


def _sequences_around(der: bytes, place: int) -> Iterator[int]:
    """Yield where the sequences begin that hold a place, outermost first."""
    at, end = 0, len(der)
    while at < end:
        size, head = der[at + 1], 2
        if size & 0x80:
            count = size & 0x7F
            size, head = int.from_bytes(der[at + 2 : at + 2 + count], "big"), 2 + count
        if at + head <= place < at + head + size and der[at] == 0x30:
            yield at
            at, end = at + head, at + head + size
        else:
            at += head + size


def _lengthen(der: bytearray, at: int, added: int) -> None:
    count = der[at + 1] & 0x7F if der[at + 1] & 0x80 else 0
    if count:
        size = int.from_bytes(der[at + 2 : at + 2 + count], "big") + added
        der[at + 2 : at + 2 + count] = size.to_bytes(count, "big")
    else:
        der[at + 1] += added


def _borrowed(good: Party) -> Secret:
    """Return another key that says it has the public part of this one."""
    own = ec.generate_private_key(ec.SECP256R1())
    form = Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    mine, theirs = (one.private_bytes(*form) for one in (own, good.key))
    return Secret(_block("EC PRIVATE KEY", mine[:-65] + theirs[-65:]))
