"""Accounts: credentials at DNS providers, registrars and certificate authorities."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import Actor
from nameplate.core.encryption import KeyRing, Place
from nameplate.core.errors import Conflict, Invalid, NameplateError, NotFound
from nameplate.core.ids import Prefix
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now
from nameplate.models import Account, AccountKind, Certificate
from nameplate.models.accounts import PRIORITY
from nameplate.models.deletion import restore as restore_tree
from nameplate.models.deletion import soft_delete
from nameplate.ports.dns import DnsProvider, RightsTester
from nameplate.usecases import lookup, work
from nameplate.usecases.tenants import organizations, providers
from nameplate.usecases.tools import Tools

CHANGES = frozenset({"name", "config", "metadata", "priority"})

_NAMED = 5  # certificates in a message
_MAX_TRIED = 10
"""Zones whose rights are tried: those of one credential are mostly the same."""


def add(
    session: Session,
    actor: Actor,
    tools: Tools,
    *,
    kind: str,
    provider: str,
    name: str,
    config: Mapping[str, Any] | None = None,
    credentials: Mapping[str, str] | None = None,
    organization: str | None = None,
    metadata: dict[str, Any] | None = None,
    priority: int = PRIORITY,
) -> Account:
    """Add an account with its credentials sealed; without organization it is the platform's.

    Raises Invalid with a problem for each wrong place, NotPermitted `platform_only` when a tenant
    says what only the platform may. A credential that can be made is made when none is given.
    """
    if kind not in set(AccountKind):
        raise Invalid(
            "kind_unknown", f"Expected one of these kinds of account: {', '.join(AccountKind)}."
        )
    config = dict(config or {})
    providers.check_no_secrets(config)
    plugin = providers.plugin(tools, AccountKind(kind), provider)
    providers.check_config(actor, plugin, config)
    given = providers.completed(actor, plugin, config, credentials or {})
    for_platform = actor.is_platform and organization is None
    owner = None if for_platform else organizations.acting(session, actor, organization).id
    row = Account(
        organization_id=owner,
        kind=AccountKind(kind),
        provider=provider,
        name=name,
        config=config,
        metadata_=metadata,
        priority=priority,
    )
    session.add(row)
    session.flush()
    row.credentials = _sealed(row, tools.keyring, given)
    session.flush()
    resume(session, row)
    return row


def get(session: Session, actor: Actor, reference: str) -> Account:
    """Return the account with that id or name. Raises NotFound, Conflict `reference_ambiguous`."""
    row: Account = lookup.find(
        session, Account.visible(actor), Account, Prefix.ACCOUNT, reference, Account.name
    )
    return row


def usable(session: Session, actor: Actor, organization_id: int, reference: str) -> Account:
    """Return the account that `actor` may have an organization's domain use.

    That is one of the organization's own; the platform may name one of its own as well, and so allows
    its use for this domain. Raises NotFound, Conflict `reference_ambiguous`, and `account_of_another`
    for what the platform sees but cannot be used here.
    """
    try:
        return get(session, Actor(organization_id), reference)
    except NotFound:
        if not actor.is_platform:
            raise
    shared = Account.visible(actor).where(Account.organization_id.is_(None))
    row: Account
    try:
        row = lookup.find(session, shared, Account, Prefix.ACCOUNT, reference, Account.name)
    except NotFound:
        get(session, actor, reference)
        raise Conflict(
            "account_of_another",
            "This account belongs to another organization than the domain. Use an account of the same "
            "organization or of the platform.",
        ) from None
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    kind: str | None = None,
    provider: str | None = None,
    name: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Sequence[Account]:
    """Return up to `limit` + 1 accounts in order of their ids."""
    return lookup.page(
        session,
        Account.visible(actor),
        Account,
        limit=limit,
        after=after,
        metadata=metadata,
        kind=kind,
        provider=provider,
        name=name,
    )


def update(
    session: Session,
    actor: Actor,
    tools: Tools,
    reference: str,
    *,
    credentials: Mapping[str, str] | None = None,
    **changes: Any,  # noqa: ANN401 - columns
) -> Account:
    """Change an account; given `credentials` replace all that it had."""
    row = get(session, actor, reference)
    if credentials is not None or "config" in changes:
        config = changes.get("config", row.config)
        providers.check_no_secrets(config)
        plugin = providers.plugin(tools, row.kind, row.provider)
        if "config" in changes:
            providers.check_config(actor, plugin, config)
        if credentials is not None:
            credentials = providers.completed(actor, plugin, config, credentials)
    lookup.changed(row, changes, CHANGES)
    if credentials is not None:
        row.credentials = _sealed(row, tools.keyring, credentials)
        row.key_change_began_at = None
    if credentials is not None or "config" in changes:
        row.tested_at = row.error_message = None
    session.flush()
    resume(session, row)
    return row


def remove(
    session: Session, actor: Actor, reference: str, now: datetime, *, force: bool = False
) -> Account:
    """Soft-delete an account and forget its credentials for good.

    Raises Conflict `in_use` when it is the only one at an authority and certificates are renewed with
    it; with `force` those keep what they have, and are not renewed before there is another.
    """
    row = get(session, actor, reference)
    if not force and row.kind is AccountKind.CA:
        _refuse_used(session, actor, row)
    row.credentials = row.key_change_began_at = None
    soft_delete(session, row, now)
    session.flush()
    resume(session, row)
    return row


def restore(session: Session, actor: Actor, reference: str, now: datetime) -> Account:
    """Bring a removed account back; its credentials are gone for good and must be given again.

    Raises NotFound, Conflict `reference_ambiguous`.
    """
    row: Account = lookup.find(
        session, Account.removed(actor), Account, Prefix.ACCOUNT, reference, Account.name
    )
    restore_tree(session, row, now)
    session.flush()
    resume(session, row)
    return row


def _refuse_used(session: Session, actor: Actor, row: Account) -> None:
    """Refuse to remove the only account at an authority while certificates live by it."""
    owner = row.organization_id
    others = Account.visible(actor).where(Account.kind == AccountKind.CA, Account.id != row.id)
    others = others.where((Account.organization_id == owner) | Account.organization_id.is_(None))
    if session.scalars(others.limit(1)).first() is not None:
        return
    using = Certificate.visible(actor).where(
        Certificate.auto_renew.is_(True), Certificate.is_wanted()
    )
    if owner is not None:
        using = using.where(Certificate.organization_id == owner)
    count = session.scalar(using.with_only_columns(sa.func.count(Certificate.id))) or 0
    if count:
        names = using.with_only_columns(Certificate.common_name).order_by(Certificate.id)
        forced = (
            "It is the only account at a certificate authority. Add another one first. If it is removed "
            "by force, they are not renewed until there is another one."
        )
        found = session.scalars(names.limit(_NAMED)).all()
        raise lookup.in_use("account", "certificates", found, count, forced)


def resume(session: Session, account: Account) -> None:
    """Have everything that waits for an account tried again: it was changed, or answers again."""
    now = database_now(session)
    work.wake_waiting(session, f"account:{account.id}", now)
    if account.kind is not AccountKind.CA:
        return
    stopped = Certificate.waits_for.startswith("account:")  # of one that is gone, perhaps
    failed: list[sa.ColumnElement[bool]] = [
        sa.or_(Certificate.renewal_error_code.is_not(None), stopped),
        Certificate.deleted_at.is_(None),
    ]
    if account.organization_id is not None:
        failed.append(Certificate.organization_id == account.organization_id)
    session.execute(
        Certificate.retrying(now).where(*failed),
        execution_options={"synchronize_session": False},
    )


def credentials(account: Account, keyring: KeyRing) -> dict[str, Secret]:
    """Return the opened credentials by name. Raises as `KeyRing.open` does."""
    if account.credentials is None:
        return {}
    opened = keyring.open(account.credentials, _place(account))
    return {name: Secret(text) for name, text in json.loads(opened.reveal()).items()}


def test(sessions: Sessions, tools: Tools, actor: Actor, reference: str) -> dict[str, Any]:
    """Try the account's rights at its provider, and record and return what came of it.

    At a DNS provider that is reading and changing its zones, where this can be tried without effect.
    No transaction is open while the provider is asked. A provider that says no is an answer.
    """
    with sessions.begin(actor, read_only=True) as session:
        account = get(session, actor, reference)
    found: dict[str, Any] = {"ok": True, "zones": [], "code": None, "message": None}
    try:
        if account.kind is AccountKind.DNS:
            found["zones"] = _tried(tools.dns_provider(account))
        elif account.kind is AccountKind.CA:
            tools.authority(account)
        elif tools.registrar is not None:
            tools.registrar(account).registrations()
    except NameplateError as error:
        found |= {"ok": False, "code": error.code, "message": error.detail}
    found["tested_at"] = now = tools.clock()

    def record(session: Session) -> None:
        row = get(session, actor, reference)
        row.tested_at, row.error_message = now, found["message"]
        if found["ok"]:
            resume(session, row)

    sessions.run(actor, record)
    return found


def _tried(provider: DnsProvider) -> list[str]:
    """Return the names of the zones, having tried the rights on the first of them."""
    zones = sorted(provider.zones(), key=lambda zone: zone.name)
    if isinstance(provider, RightsTester):
        for zone in zones[:_MAX_TRIED]:
            provider.test_rights(zone)
    elif zones:
        provider.records(zones[0])
    return [zone.name for zone in zones]


def keep(account: Account, keyring: KeyRing, credentials: Mapping[str, str]) -> None:
    """Store these credentials, and no others, sealed."""
    account.credentials = _sealed(account, keyring, credentials)


def _sealed(
    account: Account, keyring: KeyRing, credentials: Mapping[str, str] | None
) -> str | None:
    if not credentials:
        return None
    return keyring.seal(Secret(json.dumps(dict(credentials))), _place(account))


def _place(account: Account) -> Place:
    return Place("accounts", "credentials", account.organization_id or 0, account.id)
