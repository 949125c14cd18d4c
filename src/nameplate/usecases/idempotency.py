"""Answers kept for repeated requests, in the same transaction as the effect they report."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from nameplate.core.errors import Conflict, Invalid
from nameplate.models import IdempotencyKey

KEPT_FOR = timedelta(hours=24)
ABANDONED_AFTER = timedelta(minutes=10)
"""A request that has not answered for so long died with its process."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as far as repeating it matters."""

    principal: str
    route: str
    key: str
    body: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the body, hexadecimal; of one with a password something that takes long to guess."""
        if b"password" not in self.body:
            return hashlib.sha256(self.body).hexdigest()
        salt = f"{self.principal}\0{self.route}\0{self.key}".encode()
        return hashlib.scrypt(self.body, salt=salt, n=2**13, r=8, p=1, dklen=32).hex()


def claim(session: Session, request: Request, now: datetime) -> tuple[IdempotencyKey, bool]:
    """Return the row of `request`, and whether it is new; an old one holds the answer, if any.

    Raises Invalid `idempotency_key_reused` when the key came with another body.
    """
    row = _found(session, request)
    if row is not None and _is_void(row, now):
        session.delete(row)
        session.flush()
        row = None
    is_new = False
    if row is None:
        row, is_new = _added(session, request)
    if row.request_hash != request.digest:
        raise Invalid(
            "idempotency_key_reused",
            "This Idempotency-Key was already used for a different request. Use a new key "
            "for each new request.",
        )
    return row, is_new


def in_flight() -> Conflict:
    """Return the error for a request whose first copy has not answered yet."""
    return Conflict(
        "idempotency_in_flight",
        "The first request with this Idempotency-Key is still running. Try again in a few seconds.",
    )


def purge(session: Session, now: datetime) -> int:
    """Delete the answers older than a day, and return how many; the session is the platform's."""
    result = session.execute(
        sa.delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEPT_FOR)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]  # a DELETE has one


def _found(session: Session, request: Request) -> IdempotencyKey | None:
    query = sa.select(IdempotencyKey).where(
        IdempotencyKey.principal == request.principal,
        IdempotencyKey.route == request.route,
        IdempotencyKey.key == request.key,
    )
    return session.scalars(query).one_or_none()


def _is_void(row: IdempotencyKey, now: datetime) -> bool:
    age = now - row.created_at
    return age >= (ABANDONED_AFTER if row.response_status is None else KEPT_FOR)


def _added(session: Session, request: Request) -> tuple[IdempotencyKey, bool]:
    """Insert the row; where another transaction was faster, wait for it and take its row."""
    row = IdempotencyKey(
        principal=request.principal,
        route=request.route,
        key=request.key,
        request_hash=request.digest,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        faster = _found(session, request)
        if faster is None:
            raise in_flight() from None
        return faster, False
    return row, True
