"""Hosts that redirect to another host of their organization, in one hop and never elsewhere.

    to_primary   to the primary host of the application        www    shop.com → www.shop.com
                                                               apex   www.shop.com → shop.com

A redirect leads to a binding, which is looked for whenever something is written, and again by every query
of what is served: a host that nobody binds, or whose proof has ended, is redirected to no more.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid, Problem
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.names import is_within
from nameplate.core.redirection import STATUSES, RedirectKind
from nameplate.models import Binding, Domain
from nameplate.usecases import holders

_WWW = "www."


def status(value: int) -> int:
    """Return the status of a redirect. Raises Invalid `redirect_invalid`."""
    if value not in STATUSES:
        raise _invalid("Expected 301 or 308 as the status of a redirect.", "/redirect_status")
    return value


def settle(session: Session, row: Binding) -> None:
    """Write where a binding redirects to, by its `redirect`.

    Raises Invalid `redirect_invalid`, Conflict `redirect_unserved` and `redirect_chained`.
    """
    row.redirect = RedirectKind(row.redirect or RedirectKind.NONE)
    if row.redirect is RedirectKind.NONE:
        row.redirect_to = None
        return
    target = _target(session, row)
    _refuse_unserved(session, row, target)
    if leading_to(session, row):
        raise Conflict("redirect_chained", f"Other hosts redirect to {row.hostname}.")
    row.redirect_to = target


def leading_to(session: Session, row: Binding) -> Sequence[Binding]:
    """Return the bindings that redirect to the host and path of a binding."""
    query = Binding.visible(PLATFORM).where(
        Binding.redirect_to == row.hostname,
        Binding.path == row.path,
        Binding.organization_id == row.organization_id,
    )
    with session.no_autoflush:
        return [one for one in session.scalars(query.order_by(Binding.id)) if one is not row]


def wake(session: Session, row: Binding, now: datetime) -> None:
    """Have the bindings that redirect to a binding looked at: it came, went, or changed."""
    for one in leading_to(session, row):
        one.wake(now)


def leads() -> sa.ColumnElement[bool]:
    """Return whether a binding serves itself, or redirects to a host that its organization still serves."""
    target, domain = aliased(Binding), aliased(Domain)
    served = (
        sa.select(target.id)
        .join(domain, domain.id == target.organization_domain_id)
        .where(
            target.hostname == Binding.redirect_to,
            target.path == Binding.path,
            target.organization_id == Binding.organization_id,
            target.deleted_at.is_(None),
            target.redirect == RedirectKind.NONE,
            target.status != BindingStatus.DISABLED,
            domain.permits(target.hostname),
        )
        .correlate(Binding)
    )
    return sa.or_(Binding.redirect == RedirectKind.NONE, served.exists())


def astray(session: Session, rows: Collection[Binding]) -> set[int]:
    """Return the ids of those bindings that redirect to what is not served any more."""
    asked = [row.id for row in rows if row.redirect is not RedirectKind.NONE]
    if not asked:
        return set()
    query = Binding.visible(PLATFORM).with_only_columns(Binding.id)
    return set(asked) - set(session.scalars(query.where(Binding.id.in_(asked), leads())))


def partner(session: Session, claim: Domain, row: Binding) -> tuple[str | None, RedirectKind]:
    """Return the label of the host with or without `www.`, and how it redirects to the binding.

    Raises Invalid `redirect_invalid` for a wildcard, Conflict `partner_not_covered`.
    """
    if row.hostname.startswith("*."):
        raise _invalid("A wildcard has no partner with `www.`.", "/with_partner")
    kind = RedirectKind.WWW if row.hostname.startswith(_WWW) else RedirectKind.APEX
    other = row.hostname.removeprefix(_WWW) if kind is RedirectKind.WWW else _WWW + row.hostname
    above = holders.held_name(claim)
    covered = is_within(other, above)
    if covered and claim.is_live:
        covered = holders.holds(session, claim.organization_id, other)
    if not covered:
        raise Conflict(
            "partner_not_covered", f"The claim of {claim.full_domain} does not cover {other}."
        )
    return other.removesuffix(above).removesuffix(".") or None, kind


def _target(session: Session, row: Binding) -> str:
    if row.hostname.startswith("*."):
        raise _invalid("A wildcard cannot redirect: it stands for many hosts.")
    if row.redirect is RedirectKind.TO_PRIMARY:
        return _primary(session, row)
    is_www = row.hostname.startswith(_WWW)
    if row.redirect is RedirectKind.WWW:
        if is_www:
            raise _invalid(f"{row.hostname} is the name with `www.` already.")
        return _WWW + row.hostname
    if not is_www:
        raise _invalid(f"{row.hostname} does not begin with `www.`.")
    return row.hostname.removeprefix(_WWW)


def _primary(session: Session, row: Binding) -> str:
    query = Binding.visible(PLATFORM).where(
        Binding.application_id == row.application_id, Binding.is_primary.is_(True)
    )
    with session.no_autoflush:
        primary: Binding | None = session.scalars(query).first()
    if primary is None or primary is row or primary.hostname == row.hostname:
        raise _invalid(f"{row.hostname} is the primary host itself.")
    if primary.hostname.startswith("*."):
        raise _invalid(f"The primary host {primary.hostname} is a wildcard.")
    return primary.hostname


def _refuse_unserved(session: Session, row: Binding, target: str) -> None:
    query = Binding.visible(PLATFORM).where(
        Binding.hostname == target,
        Binding.path == row.path,
        Binding.organization_id == row.organization_id,
        Binding.status != BindingStatus.DISABLED,
    )
    with session.no_autoflush:
        found = session.scalars(query).all()
    if not any(one.ssl_enabled for one in found):
        raise Conflict("redirect_unserved", f"No binding serves {target}{row.path} with HTTPS.")
    if any(one.redirect is not RedirectKind.NONE for one in found):
        raise Conflict("redirect_chained", f"{target}{row.path} redirects to another host itself.")


def _invalid(detail: str, pointer: str = "/redirect") -> Invalid:
    return Invalid("redirect_invalid", detail, [Problem(pointer, "redirect_invalid", detail)])
