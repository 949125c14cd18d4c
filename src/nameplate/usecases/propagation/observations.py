"""What servers answered for one record, whether that shows it, and what a person should know of it."""

from collections.abc import Sequence
from datetime import datetime

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from nameplate.core import names
from nameplate.models import Observation, ObservedRecord, ServerAnswer
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult

_ADDRESSES = frozenset({"ALIAS", "ANAME"})


def target(owner: str, rdtype: str, *, proxied: bool, label: str) -> ObservedRecord:
    """Return what to ask for a record.

    A wildcard is asked for by `label` below it (RFC 4592: the name `*` itself proves nothing). What
    the provider's edge answers, and an alias that the provider resolves, is asked for as an address.
    """
    name = f"{label}.{names.parent(owner)}" if names.is_wildcard(owner) else owner
    edge = proxied and rdtype in {"A", "AAAA", "CNAME"}
    if edge or rdtype in _ADDRESSES:
        return ObservedRecord(name, rdtype if rdtype == "AAAA" else "A", any_address=True)
    return ObservedRecord(name, rdtype)


def judge(
    target: ObservedRecord,
    value: str,
    finding: LookupResult,
    public: Sequence[Answer],
    at: datetime,
) -> Observation:
    """Return what the answers say of a record with this rdata."""
    wanted = "" if target.any_address else as_answered(target.type, value)
    found = finding.answers if finding.zone else ()  # without a zone no server was asked

    def sees(answer: Answer) -> bool:
        there = bool(answer.values) if target.any_address else wanted in answer.values
        return answer.kind is AnswerKind.DATA and there

    return Observation(
        target,
        finding.zone,
        at,
        (
            *(ServerAnswer(one, public=False, seen=sees(one)) for one in found),
            *(ServerAnswer(one, public=True, seen=sees(one)) for one in public),
        ),
    )


def seen_by_all(finding: LookupResult, rdtype: str, value: str) -> bool:
    """Whether every authoritative server answered, and answered with `value` among others."""
    wanted = as_answered(rdtype, value)
    return bool(finding.answers) and all(
        answer.kind is AnswerKind.DATA and wanted in answer.values for answer in finding.answers
    )


def as_answered(rdtype: str, value: str) -> str:
    """Return rdata in the form in which a resolver reports it: TXT strings joined, unquoted."""
    if rdtype != "TXT":
        return value
    parsed = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, value)
    if not isinstance(parsed, TXT):
        raise TypeError("TXT rdata expected")
    return b"".join(parsed.strings).decode("utf-8", "backslashreplace")
