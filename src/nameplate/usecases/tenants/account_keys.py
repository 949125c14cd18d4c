"""Changing the key of an account at its authority (RFC 8555 section 7.3.5), safely at every moment.

    another key is made and stored ─▶ the authority hears of it ─▶ the old one is forgotten

Between the first and the last step nobody knows which key the authority knows, after a crash or an
answer that was lost: whoever connects asks with both. Doing it again goes on where it stopped.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from nameplate.core import keys
from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, Invalid, Refused
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Account, AccountKind
from nameplate.ports.ca import KeyChanger, next_key
from nameplate.usecases.tenants import accounts
from nameplate.usecases.tools import Tools

CRASH_POINTS = ("account:key_stored", "account:key_changed")


def rotate(sessions: Sessions, tools: Tools, actor: Actor, reference: str) -> Account:
    """Give an account another key of the same kind. No transaction is open while its authority is asked.

    Raises Conflict `key_change_unavailable` or `account_changed`, Invalid `credential_missing`, and what
    the authority answers.
    """
    account, key = sessions.run(actor, lambda s: _begin(s, tools, actor, reference))
    tools.checkpoint("account:key_stored")
    try:
        authority = tools.authority(account)
        if not isinstance(authority, KeyChanger):
            raise _unavailable(account)
        authority.change_key(key)
    except (Refused, Conflict):
        sessions.run(actor, lambda s: _abandon(s, tools, actor, reference, key))
        raise
    tools.checkpoint("account:key_changed")
    return sessions.run(actor, lambda s: _finish(s, tools, actor, reference, key))


def _begin(session: Session, tools: Tools, actor: Actor, reference: str) -> tuple[Account, Secret]:
    """Store the key that is to come, unless one is there that the authority may know."""
    row, current = _opened(session, tools, actor, reference)
    name = _credential(tools, row)
    following = current.get(next_key(name))
    if following is None:
        kind = keys.kind(Secret(current[name])) if current.get(name) else ""
        if not kind:
            raise Invalid(
                "credential_missing",
                f"The account has no `{name}`. Give it with `nameplate account update`.",
            )
        following = keys.new_key(kind if kind in keys.KINDS else "ec256").reveal()
        accounts.keep(row, tools.keyring, {**current, next_key(name): following})
        row.key_change_began_at = tools.clock()
        session.flush()
        session.refresh(row)
    session.expunge(row)
    return row, Secret(following)


def _abandon(session: Session, tools: Tools, actor: Actor, reference: str, key: Secret) -> None:
    """Forget the key that was to come: the authority has said that it will not know it."""
    row, current = _opened(session, tools, actor, reference)
    name = _credential(tools, row)
    if current.get(next_key(name)) == key.reveal():
        del current[next_key(name)]
        accounts.keep(row, tools.keyring, current)
        row.key_change_began_at = None


def _finish(session: Session, tools: Tools, actor: Actor, reference: str, key: Secret) -> Account:
    """Forget the old key, and have whatever stopped in between go on."""
    row, current = _opened(session, tools, actor, reference)
    name = _credential(tools, row)
    if current.get(next_key(name)) == key.reveal():
        current[name] = current.pop(next_key(name))
        accounts.keep(row, tools.keyring, current)
        row.key_changed_at, row.key_change_began_at = tools.clock(), None
        accounts.resume(session, row)
    elif current.get(name) != key.reveal():
        raise Conflict(
            "account_changed",
            "The credentials of the account were changed at the same time. Test the account, and "
            "change its key again.",
        )
    return row


def _opened(
    session: Session, tools: Tools, actor: Actor, reference: str
) -> tuple[Account, dict[str, str]]:
    """Return the account, locked, with its credentials as they are now."""
    row = accounts.get(session, actor, reference)
    session.refresh(row, with_for_update=True)
    found: Mapping[str, Secret] = accounts.credentials(row, tools.keyring)
    return row, {name: secret.reveal() for name, secret in found.items()}


def _credential(tools: Tools, account: Account) -> str:
    """Return the name of the credential that holds the account's key."""
    name = None
    if account.kind is AccountKind.CA:
        name = tools.authorities.get(account.provider).account_key
    if name is None:
        raise _unavailable(account)
    return name


def _unavailable(account: Account) -> Conflict:
    return Conflict(
        "key_change_unavailable",
        f"An account at `{account.provider}` has no key that can be changed with the provider. "
        "Replace its credentials with `nameplate account update`.",
    )
