"""Handing a private key out: to who may, and never without an event."""

from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, NotPermitted
from nameplate.core.secret import Secret
from nameplate.models import Certificate
from nameplate.usecases.certificates import requests
from nameplate.usecases.tools import Tools


def private_key(
    session: Session, tools: Tools, actor: Actor, reference: str, now: datetime
) -> tuple[Certificate, Secret]:
    """Return a certificate and the key of what is served; the row notes when, which is the event.

    Raises NotFound, NotPermitted `export_not_permitted`, Conflict `certificate_missing`.
    """
    row = requests.get(session, actor, reference)
    if not actor.may_export_keys:
        raise NotPermitted(
            "export_not_permitted",
            "This token may not export private keys. Use one that was added with `--may-export-keys`.",
        )
    if row.private_key is None:
        raise Conflict("certificate_missing", "There is no certificate yet, and so no key.")
    row.key_exported_at = now
    session.flush()
    return row, tools.keyring.open(row.private_key, requests.key_place(row))
