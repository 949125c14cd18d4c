"""Which account at a registrar an organization uses, and what that registrar can do."""

from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import configuration, names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, Problem, Refused
from nameplate.core.ids import Prefix
from nameplate.models import Account, AccountKind
from nameplate.ports.registrar import Registrar, RegistrarPlugin
from nameplate.usecases import lookup
from nameplate.usecases.tenants import accounts
from nameplate.usecases.tools import Tools

Ability = TypeVar("Ability")
MAX_NAMES = 50
_CHOSEN = (sa.case((Account.provider == "manual", 1), else_=0), Account.priority, Account.id)
"""One without an API comes last: nothing can be bought there."""


@dataclass(frozen=True, slots=True)
class Connected:
    """An account with what it leads to."""

    account: Account
    registrar: Registrar
    plugin: RegistrarPlugin

    @property
    def proves(self) -> bool:
        """Whether what the registrar shows gives a right to the name."""
        return _proves(self.plugin, self.account)


def shows_names(tools: Tools, account: Account | None) -> bool:
    """Tell whether what an account shows gives a right to names, without a connection to it."""
    if account is None or account.deleted_at is not None:
        return False
    return _proves(tools.registrars.get(account.provider), account)


def _proves(plugin: RegistrarPlugin, account: Account) -> bool:
    config = configuration.load(plugin.configuration, account.config)
    return not plugin.is_manual and plugin.proves(config)


def choose(session: Session, actor: Actor, owner_id: int, reference: str | None) -> Account:
    """Return the account at a registrar that an organization uses, its own before the platform's.

    Runs in a platform transaction. Raises NotFound for a wrong reference, Conflict
    `registrar_account_missing` when there is none.
    """
    if reference is not None:
        found = accounts.usable(session, actor, owner_id, reference)
        if found.kind is not AccountKind.REGISTRAR:
            raise lookup.missing(Prefix.ACCOUNT)
        return found
    query = Account.visible(PLATFORM).where(Account.kind == AccountKind.REGISTRAR)
    for owned in (Account.organization_id == owner_id, Account.organization_id.is_(None)):
        own = query.where(owned).order_by(*_CHOSEN).limit(1)
        row: Account | None = session.scalars(own).first()
        if row is not None:
            return row
    raise Conflict(
        "registrar_account_missing",
        "There is no account at a registrar. Add one of the kind `registrar`.",
    )


def connect(tools: Tools, account: Account | None) -> Connected:
    """Connect an account. Raises Refused `account_missing`, and as its registrar does."""
    if account is None or account.deleted_at is not None or tools.registrar is None:
        raise Refused(
            "account_missing",
            "The account at the registrar was removed. Restore it or add another.",
        )
    return Connected(account, tools.registrar(account), tools.registrars.get(account.provider))


def able(connected: Connected, ability: type[Ability], act: str) -> Ability:
    """Return the registrar as one that can do more. Raises Refused `act_unsupported`."""
    if not isinstance(connected.registrar, ability):
        raise Refused("act_unsupported", f"{connected.plugin.title} cannot {act} by its API.")
    return connected.registrar


def registrable(tools: Tools, name: str, pointer: str = "/name") -> str:
    """Return the canonical form of a name that can be registered.

    Raises Invalid as `names.parse`, and `name_not_registrable` for what is above or below one.
    """
    try:
        host = names.parse(name, special_use=tools.special_use)
        _check_registrable(host)
    except Invalid as error:
        problem = Problem(pointer, error.code, error.detail)
        raise Invalid(error.code, error.detail, [problem]) from None
    return host.name


def _check_registrable(host: names.Hostname) -> None:
    if host.name != host.registrable:
        raise Invalid(
            "name_not_registrable",
            f"{host.name} cannot be registered by itself. Use {host.registrable}.",
        )
