"""Challenges (RFC 8555 section 8): what is published to prove names, and the answers to http-01."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import draft_challenges
from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import Place
from nameplate.core.orders import Challenge
from nameplate.core.rdata.text import quoted
from nameplate.db import upsert
from nameplate.models import (
    Certificate,
    Domain,
    HttpChallenge,
    LedgerEntry,
    LedgerPurpose,
    LedgerState,
    RecordType,
)
from nameplate.models.records import digest
from nameplate.ports.resolver import Resolver
from nameplate.usecases.propagation import observations

TTL = 60
"""Of TXT records that prove a name."""
PERSIST_TTL = 3600
"""Of those that stay."""
_STRING = 255
"""Bytes in one string of a TXT record."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,255}")

TextRecord = tuple[str, str]
"""Owner name and value, as a zone file writes it."""


def answer(session: Session, host: str, token: str) -> str | None:
    """Return the key authorization of `token` when it was presented for `host`, else None."""
    if not _TOKEN.fullmatch(token):
        return None
    return session.scalar(_ANSWER, {"token": token, "host": host})


_ANSWER = (
    HttpChallenge.visible(PLATFORM)
    .where(
        HttpChallenge.token == sa.bindparam("token"),
        HttpChallenge.hostname == sa.bindparam("host"),
    )
    .with_only_columns(HttpChallenge.key_authorization)
)
"""Made once: an authority asks several times for each certificate."""


def publish_tokens(session: Session, challenges: Mapping[Place, Sequence[Challenge]]) -> None:
    """Answer these challenges from now on, by the places of the keys of their certificates."""
    rows = [
        {
            "token": challenge.token,
            "hostname": challenge.name,
            "challenge_type": challenge.type,
            "key_authorization": challenge.key_authorization,
            "ssl_certificate_id": place.row_id,
            "organization_id": place.organization_id,
        }
        for place, of_one in challenges.items()
        for challenge in of_one
    ]
    if rows:
        upsert(session, HttpChallenge, rows)


def text_records(
    challenges: Sequence[Challenge], targets: Mapping[str, str] = MappingProxyType({})
) -> frozenset[TextRecord]:
    """Return the TXT records that answer these challenges.

    `targets` are the names that they are delegated to, by the names that the authority asks for. A
    record that stays and proves a wildcard proves the name itself, too.
    """
    wild = {one.name for one in challenges if one.persistent is not None and one.wildcard}
    return frozenset(
        (targets.get(one.record_name, one.record_name), _text(one.record_value.encode()))
        for one in challenges
        if one.wildcard or one.name not in wild
    )


def _text(value: bytes) -> str:
    return quoted([value[at : at + _STRING] for at in range(0, len(value), _STRING)])


def _stays(name: str) -> bool:
    return name.startswith(f"{draft_challenges.PERSIST_LABEL}.")


def want_records(
    session: Session,
    row: Certificate,
    records: Collection[TextRecord],
    now: datetime,
    *,
    zones: Mapping[str, int] = MappingProxyType({}),
) -> frozenset[TextRecord]:
    """Have these TXT records written; return those of the certificate that the provider has.

    `zones` are the domains in whose zone each is written, by its owner name; others in that of the
    certificate's own.
    """
    known = [*session.scalars(
        LedgerEntry.visible(PLATFORM).where(LedgerEntry.ssl_certificate_id == row.id)
    )]  # fmt: skip
    known += _shared(session, row, [one for one in records if _stays(one[0])])
    leaving = {
        (entry.name, entry.value): entry
        for entry in known
        if entry.state is LedgerState.LEAVING and _stays(entry.name)
    }
    missing = set(records) - {(entry.name, entry.value) for entry in known} | (
        leaving.keys() & set(records)
    )
    places = {record: zones.get(record[0], row.organization_domain_id) for record in missing}
    outdated = _outdated(known, records)
    for place in sorted({*places.values(), *(one.organization_domain_id for one in outdated)}):
        # Before the entries share the domain's row: two that do both would wait for each other.
        session.execute(
            Domain.waking(now).where(Domain.id == place),
            execution_options={"synchronize_session": "evaluate"},
        )
        domain = session.get_one(Domain, place)
        for record in sorted(record for record in missing if places[record] == place):
            if record in leaving:  # it was to go, and is wanted again
                leaving[record].state = LedgerState.INTENDED
            else:
                session.add(_intended(domain, row, record))
    for entry in outdated:
        entry.state = LedgerState.LEAVING
    return frozenset((e.name, e.value) for e in known if e.state is LedgerState.PRESENT)


def _outdated(
    known: Sequence[LedgerEntry], records: Collection[TextRecord]
) -> Sequence[LedgerEntry]:
    """Return records that stay although their authority knows us by another account now."""
    wanted = {(name, _account(value)) for name, value in records if _stays(name)}
    issuers = {(name, account.partition(";")[0]) for name, account in wanted}
    return [
        one
        for one in known
        if one.purpose is LedgerPurpose.PERSIST
        and (one.name, _account(one.value)) not in wanted
        and (one.name, _account(one.value).partition(";")[0]) in issuers
    ]


def _account(value: str) -> str:
    """Return a record that stays without what it says of wildcards."""
    return value.rstrip('"').removesuffix("; policy=wildcard")


def _shared(
    session: Session, row: Certificate, records: Collection[TextRecord]
) -> Sequence[LedgerEntry]:
    """Return those records that stay and were written for another certificate; it has them now.

    They say the same for each certificate that an account orders for a name.
    """
    if not records:
        return ()
    query = LedgerEntry.visible(PLATFORM).where(
        LedgerEntry.organization_id == row.organization_id,
        LedgerEntry.purpose == LedgerPurpose.PERSIST,
        LedgerEntry.value_digest.in_({digest(value) for _, value in records}),
        LedgerEntry.ssl_certificate_id != row.id,
    )
    found = [one for one in session.scalars(query) if (one.name, one.value) in set(records)]
    for entry in found:
        entry.ssl_certificate_id = row.id
    return found


def _intended(domain: Domain, row: Certificate, record: TextRecord) -> LedgerEntry:
    """Return the intent to write a record in the zone of `domain` for a certificate."""
    name, value = record
    return LedgerEntry(
        organization_id=domain.organization_id,
        account_id=domain.dns_account_id,
        organization_domain_id=domain.id,
        zone=domain.dns.zone or domain.domain_name,
        name=name,
        record_type=RecordType.TXT,
        value=value,
        value_digest=digest(value),
        ttl=PERSIST_TTL if _stays(name) else TTL,
        purpose=LedgerPurpose.PERSIST if _stays(name) else LedgerPurpose.CHALLENGE,
        state=LedgerState.INTENDED,
        ssl_certificate_id=row.id,
    )


def are_seen(resolver: Resolver, records: Collection[TextRecord]) -> bool:
    """Tell whether every authoritative server shows these TXT records."""
    for name in {name for name, _ in records}:
        finding = resolver.authoritative(name, "TXT")
        texts = [text for owner, text in records if owner == name]
        if not all(observations.seen_by_all(finding, "TXT", text) for text in texts):
            return False
    return True
