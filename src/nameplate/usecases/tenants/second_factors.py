"""Second factors of users: an authenticator (TOTP), and codes that replace it."""

from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import one_time_codes, tokens
from nameplate.core.encryption import KeyRing, Place
from nameplate.core.errors import Conflict, NotPermitted
from nameplate.core.secret import Secret
from nameplate.models import RecoveryCode, User
from nameplate.usecases.tenants import users

ISSUER = "Nameplate"


def begin(
    session: Session, keyring: KeyRing, user_id: int, random: Callable[[int], bytes]
) -> tuple[Secret, str]:
    """Make the secret of an authenticator; it counts once a code of it was confirmed.

    Return it as it is typed, and as the address in a QR code. Raises Conflict `totp_confirmed`.
    """
    row = session.get_one(User, user_id, with_for_update=True)
    if row.totp_confirmed_at is not None:
        raise Conflict("totp_confirmed", "There is an authenticator. Remove it first.")
    secret = random(one_time_codes.SECRET_BYTES)
    row.totp_secret = keyring.seal(Secret(one_time_codes.shown(secret)), _place(row))
    session.flush()
    shown = Secret(one_time_codes.shown(secret))
    return shown, one_time_codes.address(secret, row.email, ISSUER)


def confirm(
    session: Session,
    keyring: KeyRing,
    user_id: int,
    code: str,
    *,
    now: datetime,
    random: Callable[[int], bytes],
    session_id: int,
) -> Sequence[Secret]:
    """Have codes asked for from now on; end all other sessions, and return the recovery codes.

    Raises NotPermitted `second_factor_wrong`, Conflict `totp_confirmed`, `totp_missing`.
    """
    row = session.get_one(User, user_id, with_for_update=True)
    if row.totp_confirmed_at is not None:
        raise Conflict("totp_confirmed", "There is an authenticator. Remove it first.")
    if row.totp_secret is None:
        raise Conflict("totp_missing", "Set up an authenticator first.")
    _use(keyring, row, code, now)
    row.totp_confirmed_at = now
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = [
        one_time_codes.recovery_code(random(one_time_codes.RECOVERY_BYTES))
        for _ in range(one_time_codes.RECOVERY_CODES)
    ]
    session.add_all(
        RecoveryCode(user_id=user_id, code_hash=tokens.code_digest(one)) for one in codes
    )
    users.end_sessions(session, user_id, now, but=session_id)
    session.flush()
    return codes


def remove(session: Session, keyring: KeyRing, user_id: int, code: str, now: datetime) -> None:
    """Ask for no codes any more. Raises NotPermitted `second_factor_wrong`, Conflict `totp_missing`."""
    row = session.get_one(User, user_id, with_for_update=True)
    if row.totp_confirmed_at is None:
        raise Conflict("totp_missing", "There is no authenticator.")
    require(session, keyring, row, code, now)
    row.totp_secret = row.totp_confirmed_at = None
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    session.flush()


def require(
    session: Session, keyring: KeyRing, user: User, code: str | None, now: datetime
) -> None:
    """See that a code is right where the user has an authenticator; no code counts twice.

    Raises NotPermitted `second_factor_required`, `second_factor_wrong`. The row must be locked.
    """
    if user.totp_confirmed_at is None:
        return
    if not code:
        raise required()
    query = sa.select(RecoveryCode).where(
        RecoveryCode.user_id == user.id,
        RecoveryCode.code_hash == tokens.code_digest(Secret(code)),
        RecoveryCode.used_at.is_(None),
    )
    spare = session.scalars(query).one_or_none()
    if spare is not None:
        spare.used_at = now
        return
    _use(keyring, user, code, now)


def required() -> NotPermitted:
    """Return what tells a person to enter a code."""
    return NotPermitted("second_factor_required", "Enter the code that your authenticator shows.")


def _use(keyring: KeyRing, user: User, code: str, now: datetime) -> None:
    kept = keyring.open(user.totp_secret or "", _place(user))
    step = one_time_codes.step_of(
        code, one_time_codes.read(kept.reveal()), now, user.totp_step or 0
    )
    if step is None:
        raise NotPermitted(
            "second_factor_wrong",
            "The code is wrong or was used. Wait for the next one, and check the clock of your device.",
        )
    user.totp_step = step


def _place(user: User) -> Place:
    return Place(User.__tablename__, "totp_secret", None, user.id)
