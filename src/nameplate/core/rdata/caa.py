"""CAA: who may issue certificates (RFC 8659)."""

import re

from nameplate.core.rdata.text import quoted, unescaped
from nameplate.core.rdata.value import Fields, Given, Rdata, wrong

_SHAPE = re.compile(r"\s*(\S+)\s+(\S+)\s+(.+?)\s*", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\["\\]|\\\d{3})*"')
_ISSUER = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)?", re.IGNORECASE)
_PARAMETERS = re.compile(r"(?:\s*[A-Za-z0-9-]+\s*=\s*[\x21-\x3a\x3c-\x7e]*\s*(?:;|$))*\s*")
_ISSUE = frozenset({"issue", "issuewild", "issuemail", "issuevmc"})
_KNOWN = _ISSUE | {"iodef", "contactemail", "contactphone"}
_CRITICAL = 128
_MAX_TAG = 15


def parse_caa(given: Given) -> Rdata:
    """Read CAA: flags, tag and value, e.g. `0 issue "letsencrypt.org"`."""
    shape = _SHAPE.fullmatch(given.value)
    if not shape:
        raise wrong(
            "/value", "caa_shape", 'Expected flags, tag and value, such as `0 issue "ca.example"`.'
        )
    flags = _flags(shape[1])
    tag = _tag(shape[2], critical=bool(flags & _CRITICAL))
    value = _unquoted(shape[3], is_known=tag in _KNOWN)
    if tag in _ISSUE:
        _check_issuer(value)
    if tag == "iodef" and not re.match(r"(?:mailto:|https?://)\S", value):
        raise wrong("/value", "caa_iodef", "Expected a mailto:, http: or https: URL for `iodef`.")
    octets = value.encode("latin-1")
    text = f"{flags} {tag} {quoted([octets])}"
    return Rdata("CAA", text, Fields(text), 2 + len(tag) + len(octets))


def _flags(word: str) -> int:
    if word not in {"0", str(_CRITICAL)}:
        raise wrong(
            "/value", "caa_flags", f"Expected the CAA flags 0 or 128 (critical), not `{word}`."
        )
    return int(word)


def _tag(word: str, *, critical: bool) -> str:
    tag = word.lower()
    if not re.fullmatch(rf"[a-z0-9]{{1,{_MAX_TAG}}}", tag):
        raise wrong(
            "/value",
            "caa_tag",
            f"`{word}` is not a CAA tag. Expected letters and digits without quotes.",
        )
    if critical and tag not in _KNOWN:
        raise wrong(
            "/value",
            "caa_critical_unknown",
            f"`{tag}` is an unknown tag marked critical, so no authority could issue. Use "
            "flags 0 or a known tag.",
        )
    return tag


def _unquoted(text: str, *, is_known: bool) -> str:
    """Return the value, one character for each octet; tags of the future may have any octets."""
    found = _QUOTED.fullmatch(text)
    if not found and (re.search(r'["\s]', text)):
        raise wrong("/value", "caa_value", "Put the value into one pair of double quotes.")
    if not (text.isascii() and text.isprintable()):
        raise wrong("/value", "caa_value", "The value of a CAA record must be printable ASCII.")
    value = unescaped(text).decode("latin-1") if found else text
    if is_known and not (value.isascii() and value.isprintable()):
        raise wrong("/value", "caa_value", "The value of a CAA record must be printable ASCII.")
    return value


def _check_issuer(value: str) -> None:
    issuer, _, parameters = value.partition(";")
    if not _ISSUER.fullmatch(issuer.strip()) or ".." in issuer:
        raise wrong(
            "/value",
            "caa_issuer",
            f"`{issuer.strip()}` is not an authority's domain. Expected a domain such as "
            "letsencrypt.org, or `;`.",
        )
    if not _PARAMETERS.fullmatch(parameters):
        raise wrong(
            "/value",
            "caa_parameters",
            f"`{parameters.strip()}` cannot be read. Expected `name=value; name=value`.",
        )
