"""OPENPGPKEY: a public key for the mail of one address (RFC 7929)."""

import base64
import binascii

from nameplate.core.rdata.value import Fields, Given, Rdata, wrong

_MAX_KEY = 65_535


def parse_openpgpkey(given: Given) -> Rdata:
    """Read OPENPGPKEY: the key's octets in base64, in one piece or several."""
    text = "".join(given.value.split())
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key or base64.b64encode(key).decode() != text:
        raise wrong(
            "/value",
            "key_invalid",
            "Expected the key of OPENPGPKEY in base64, without the lines around it and without its "
            "checksum, such as `gpg --export alice@example.com | base64 -w0` writes it.",
        )
    if len(key) > _MAX_KEY:
        raise wrong(
            "/value",
            "text_too_long",
            f"The key has {len(key)} octets. DNS allows at most {_MAX_KEY}.",
        )
    return Rdata("OPENPGPKEY", text, Fields(text), len(key))
