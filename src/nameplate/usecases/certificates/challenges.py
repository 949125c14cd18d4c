"""Answers to http-01 challenges (RFC 8555 section 8.3), each for its exact host only."""

import re

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.models import HttpChallenge

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,255}")


def answer(session: Session, host: str, token: str) -> str | None:
    """Return the key authorization of `token` when it was presented for `host`, else None."""
    if not _TOKEN.fullmatch(token):
        return None
    query = HttpChallenge.visible(PLATFORM).where(
        HttpChallenge.token == token, HttpChallenge.hostname == host
    )
    row: HttpChallenge | None = session.scalars(query).one_or_none()
    return None if row is None else row.key_authorization
