"""What a certificate's row says of its order: the one under way, or what is to be ordered."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from nameplate.core import draft_challenges
from nameplate.models import Account, Certificate, ChallengeProgress
from nameplate.usecases.certificates import (
    coverage,
    delegations,
    draft_proofs,
    reachability,
    renewal_info,
    requests,
)
from nameplate.usecases.certificates.coverage import Coverage
from nameplate.usecases.certificates.order import CertificateRequest, OpenOrder
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools

AccountsOf = Callable[[Session, int, str | None], Sequence[Account]]


def read(
    session: Session,
    tools: Tools,
    row: Certificate,
    there: Coverage,
    accounts_of: AccountsOf = ca_accounts.authority_accounts,
) -> CertificateRequest | OpenOrder:
    """Return the order of a row, or what is to be ordered of its names when there is none.

    `accounts_of` returns with which accounts an organization orders. Raises `Refused` with code
    `ca_account_missing`.
    """
    known = row.acme_challenge_data or ChallengeProgress()
    key = requests.pending_key(tools, row)
    account = session.get(Account, known.account_id) if key and known.account_id else None
    choice: Sequence[Account] = ()
    if account is None or account.deleted_at is not None:
        choice = accounts_of(session, row.organization_id, row.authorities)
        account = choice[0]
    hosts = there.hosts if key is None else tuple(coverage.ordered_names(row))
    kind = draft_proofs.kind(session, tools, row, hosts, there.homes)
    is_kept = kind == draft_challenges.PERSIST
    request = CertificateRequest(
        hosts=hosts,
        place=requests.pending_key_place(row),
        served_place=requests.key_place(row),
        kind=kind,
        account=account,
        accounts=choice,
        reason=known.reason,
        key_type=row.key_type or "ec256",
        profile=row.profile,
        preferred_chain=row.preferred_chain,
        is_renewal=row.certificate is not None,
        was_profile_gone=row.is_profile_gone,
        replaces=renewal_info.replaced(row, account),
        ports=reachability.ports(session, row, hosts) if tools.special_use else {},
        delegation=delegations.read(
            session, tools.challenge_zone, row, hosts, there.homes, kind=kind
        ),
        homes=there.homes,
        preferred_by=_preferred_by(row),
        is_other_set=set(hosts) != set(row.subject_alternative_names or ()),
        by_owner=draft_proofs.unwritten(session, row, hosts, there.homes)
        if is_kept
        else frozenset(),
    )
    if key is None:
        return request
    return OpenOrder(
        request,
        key=key,
        url=row.acme_order_url or "",
        presented=set(known.presented),
        responded=set(known.responded),
        thumbprint=known.thumbprint,
        waiting_since=known.waiting_since,
    )


def _preferred_by(row: Certificate) -> str:
    said = row.authorities is not None and row.chosen_by is not None
    return row.chosen_by.of("authorities") if said and row.chosen_by is not None else ""
