"""Whether the Internet sees our records: every authoritative server is asked, set by set."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT
from sqlalchemy.orm import Session

from nameplate.core.lifecycle import RecordStatus
from nameplate.db import Lease, Sessions
from nameplate.models import Domain, Record
from nameplate.ports.resolver import AnswerKind, Finding
from nameplate.usecases import records, work
from nameplate.usecases.tools import Tools

PARALLEL = 16
LONGEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Question:
    lease: Lease
    name: str
    type: str
    value: str


def sweep(sessions: Sessions, tools: Tools, leases: Sequence[Lease]) -> None:
    """Ask once for each record set of the leased records, and record what was seen."""
    questions: list[_Question] = []
    for lease in leases:
        try:
            found = work.read(sessions, Record, lease, partial(_question, lease=lease))
            if found is None:
                work.record(sessions, Record, lease, _rest, release=True)
            else:
                questions.append(found)
        except work.Superseded:
            continue
    keys = sorted({(question.name, question.type) for question in questions})
    with ThreadPoolExecutor(PARALLEL) as pool:
        found_by_key = dict(
            zip(keys, pool.map(lambda key: tools.resolver.authoritative(*key), keys), strict=True)
        )
    for question in questions:
        finding = found_by_key[question.name, question.type]
        try:
            _conclude(sessions, tools, question, finding)
        except work.Superseded:
            continue


def _question(session: Session, row: Record, *, lease: Lease) -> _Question | None:
    if row.deleted_at is not None or row.status is not RecordStatus.ACTIVE:
        return None
    domain = session.get_one(Domain, row.organization_domain_id)
    return _Question(lease, records.owner(row, domain), row.record_type.value, records.text(row))


def _rest(_session: Session, row: Record) -> None:
    row.next_action_at = None


def _conclude(sessions: Sessions, tools: Tools, question: _Question, finding: Finding) -> None:
    everywhere = seen_by_all(finding, question.type, question.value)

    def change(_session: Session, row: Record) -> None:
        now = question.lease.now()
        row.see(everywhere=everywhere, now=now)
        row.attempts = 0 if everywhere else row.attempts + 1
        row.error_message = None if everywhere else describe(finding)
        wait = timedelta(seconds=min(5 * 1.5 ** min(row.attempts, 40), LONGEST.total_seconds()))
        row.next_action_at = None if everywhere else work.soon(tools, now + wait, now)

    work.record(sessions, Record, question.lease, change, release=True)


def seen_by_all(finding: Finding, rdtype: str, value: str) -> bool:
    """Whether every authoritative server answered, and answered with `value` among others."""
    wanted = as_answered(rdtype, value)
    return bool(finding.answers) and all(
        answer.kind is AnswerKind.DATA and wanted in answer.values for answer in finding.answers
    )


def describe(finding: Finding) -> str:
    """Return who answered what, in one sentence for a person."""
    if not finding.answers:
        return "No authoritative server of the name could be found."
    seen = sum(answer.kind is AnswerKind.DATA for answer in finding.answers)
    told = "; ".join(_told(answer.server, answer.kind, answer.values) for answer in finding.answers)
    return f"Answered by {seen} of {len(finding.answers)} authoritative servers: {told}."


def _told(server: str, kind: AnswerKind, values: Iterable[str]) -> str:
    return f"{server} says {', '.join(values)[:200] or kind.value}"


def as_answered(rdtype: str, value: str) -> str:
    """Return rdata in the form in which a resolver reports it: TXT strings joined, unquoted."""
    if rdtype != "TXT":
        return value
    parsed = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, value)
    if not isinstance(parsed, TXT):
        raise TypeError("TXT rdata expected")
    return b"".join(parsed.strings).decode("utf-8", "backslashreplace")
