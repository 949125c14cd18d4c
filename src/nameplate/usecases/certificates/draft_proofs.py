"""Challenges that are still drafts, where the operator lets them be used.

dns-account-01   where all names' DNS is written here; elsewhere dns-01, which owners delegate
dns-persist-01   written here and kept, or published by the owner, once for all renewals
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import draft_challenges, names
from nameplate.core.orders import Challenge
from nameplate.models import Certificate, ChallengeType, Domain, LedgerPurpose
from nameplate.ports.resolver import Resolver
from nameplate.usecases.certificates.reachability import Unreached
from nameplate.usecases.dns import zones
from nameplate.usecases.tools import Tools


def is_usable(tools: Tools | None, challenge: str) -> bool:
    """Tell whether a challenge is none of the drafts, or the operator lets it be used."""
    if challenge not in draft_challenges.DRAFTS:
        return True
    return tools is not None and challenge in tools.draft_challenges


def kind(
    session: Session, tools: Tools, row: Certificate, hosts: Sequence[str], homes: Mapping[str, int]
) -> ChallengeType:
    """Return how the names are proved now: by dns-01 where a draft cannot be used."""
    known = row.acme_challenge_type or ChallengeType.HTTP_01
    if not is_usable(tools, known):
        return ChallengeType.DNS_01
    if known is ChallengeType.DNS_ACCOUNT_01 and unwritten(session, row, hosts, homes):
        return ChallengeType.DNS_01
    return known


def unwritten(
    session: Session, row: Certificate, hosts: Sequence[str], homes: Mapping[str, int]
) -> frozenset[str]:
    """Return the names, without `*.`, whose zone is not written here."""
    return frozenset(
        names.without_wildcard(host)
        for host in hosts
        if session.get_one(Domain, homes.get(host, row.organization_domain_id)).dns_account_id
        is None
    )


def explain(resolver: Resolver, challenges: Sequence[Challenge], now: datetime) -> Unreached | None:
    """Look at the records that owners publish; return the first that does not prove its name."""
    for challenge in challenges:
        proof = challenge.persistent
        if proof is None:
            continue
        answers = resolver.authoritative(challenge.record_name, "TXT").answers
        if not answers:
            message = f"No name server answers for {challenge.record_name}."
            return Unreached("persist_record_missing", message, name=challenge.name)
        for answer in answers:
            found = draft_challenges.explain(proof, answer.values, now)
            if found is not None:
                record = f'{challenge.record_name} TXT "{proof.text}"'
                return Unreached(
                    found.code,
                    found.message,
                    tuple(f"{challenge.record_name} TXT {one!a}" for one in answer.values[:3]),
                    (record,),
                    name=challenge.name,
                )
    return None


def take_back(session: Session, row: Certificate, now: datetime) -> None:
    """Have the records that stay taken away: nothing is proved with them any more."""
    zones.forget(session, row.id, now, LedgerPurpose.PERSIST)


def settle(session: Session, tools: Tools, row: Certificate, now: datetime) -> None:
    """Take the records away of a certificate that still says dns-persist-01, which is switched off."""
    is_persistent = row.acme_challenge_type is ChallengeType.DNS_PERSIST_01
    if is_persistent and not is_usable(tools, ChallengeType.DNS_PERSIST_01):
        take_back(session, row, now)
