"""Whether a CAA record set lets one account at an authority issue (RFC 8659, parameters of RFC 8657)."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.CAA import CAA

_KNOWN = frozenset({
    "issue", "issuewild", "issuemail", "issuevmc", "iodef", "contactemail", "contactphone",
})  # fmt: skip
_CRITICAL = 128
_PARAMETER = re.compile(r"\s*([A-Za-z0-9-]+)\s*=\s*([\x21-\x3a\x3c-\x7e]*)\s*")


class CaaVerdict(StrEnum):
    """What a record set says of one account at one authority."""

    PERMITTED = "permitted"
    EXCLUDED = "excluded"
    """Other authorities may issue, or none."""
    ACCOUNT = "account"
    """The authority may issue, for another account (`accounturi`)."""
    METHOD = "method"
    """The authority may issue when the names are proved in another way (`validationmethods`)."""
    CRITICAL = "critical"
    """A critical tag is unknown: no authority may issue."""


@dataclass(frozen=True, slots=True)
class CaaProperty:
    """One record of a set."""

    tag: str
    """In lower case."""
    is_critical: bool
    issuer: str
    """Issuer domain name, empty for none; of other tags without meaning."""
    parameters: Mapping[str, str] | None
    """By names in lower case; None when they cannot be read or repeat each other."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who wants to issue."""

    issuers: Collection[str]
    """Issuer domain names of the authority."""
    method: str
    """How names are proved, as in `http-01`."""
    account_url: Callable[[], str]
    """Returns the URL of the account, empty when there is none; only asked where it matters."""


def properties(values: Iterable[str]) -> list[CaaProperty]:
    """Return what the values of a record set say; what cannot be read names no issuer."""
    return [one for value in values if (one := _property(value)) is not None]


def verdict(values: Collection[str], applicant: Applicant, *, wildcard: bool) -> CaaVerdict:
    """Return whether the applicant may issue for a name, or a wildcard, that this set is relevant for.

    An empty set lets everybody issue. Of a wildcard `issuewild` decides where it occurs (section 4.3).
    """
    found = properties(values)
    if any(one.is_critical and one.tag not in _KNOWN for one in found):
        return CaaVerdict.CRITICAL
    deciding = [one for one in found if one.tag == deciding_tag(found, wildcard=wildcard)]
    if not deciding:
        return CaaVerdict.PERMITTED
    said = {_of_one(one, applicant) for one in deciding}
    best = (CaaVerdict.PERMITTED, CaaVerdict.ACCOUNT, CaaVerdict.METHOD)
    return next((one for one in best if one in said), CaaVerdict.EXCLUDED)


def deciding_tag(found: Iterable[CaaProperty], *, wildcard: bool) -> str:
    """Return the tag whose records decide."""
    is_wild = wildcard and any(one.tag == "issuewild" for one in found)
    return "issuewild" if is_wild else "issue"


def _of_one(one: CaaProperty, applicant: Applicant) -> CaaVerdict:
    if one.issuer not in applicant.issuers or one.parameters is None:
        return CaaVerdict.EXCLUDED
    uri = one.parameters.get("accounturi")
    if uri is not None and uri != applicant.account_url():
        return CaaVerdict.ACCOUNT
    methods = one.parameters.get("validationmethods")
    if methods is not None and applicant.method not in methods.split(","):
        return CaaVerdict.METHOD
    return CaaVerdict.PERMITTED


def _property(value: str) -> CaaProperty | None:
    try:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.CAA, value)
    except (dns.exception.DNSException, ValueError):
        return CaaProperty("issue", is_critical=False, issuer="", parameters=None)
    if not isinstance(rdata, CAA):
        return None
    issuer, _, rest = rdata.value.decode("ascii", "replace").partition(";")
    return CaaProperty(
        rdata.tag.decode("ascii", "replace").lower(),
        is_critical=bool(rdata.flags & _CRITICAL),
        issuer=issuer.strip().rstrip(".").lower(),
        parameters=_parameters(rest),
    )


def _parameters(text: str) -> Mapping[str, str] | None:
    found: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        read = _PARAMETER.fullmatch(part)
        if read is None or read[1].lower() in found:
            return None
        found[read[1].lower()] = read[2]
    return found
