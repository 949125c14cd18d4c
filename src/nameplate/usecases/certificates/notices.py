"""What events of certificates say, so that a message made of one needs nothing else."""

from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.errors import NotFound
from nameplate.core.ids import Prefix
from nameplate.core.turns import Turn
from nameplate.models import Certificate, telling


def tell(session: Session, type_: str, row: Certificate, **said: str | None) -> None:
    """Add an event about a certificate: its names, issuer and end, where to find it, and what is `said`."""
    ends = row.expires_at
    telling.tell(
        session,
        type_,
        row,
        **{
            "names": ", ".join(row.subject_alternative_names or [row.common_name]),
            "issuer": row.issuer,
            "serial_number": row.serial_number,
            "expires_at": None if ends is None else ends.isoformat(),
            "link": f"/v1/certificates/{ids.show(Prefix.CERTIFICATE, row.id)}",
            **said,
        },
    )


def tell_failure(session: Session, type_: str, row: Certificate) -> None:
    """Add an event about a certificate that cannot be obtained: also why, what to do, and whose turn it is."""
    code = row.trouble_code or row.renewal_error_code
    fix, turn = ("", None) if code is None else explained(code)
    reason = row.trouble_message or row.renewal_error_message
    tell(session, type_, row, code=code, reason=reason, fix=fix or None, whose_turn=turn)


def explained(code: str) -> tuple[str, Turn]:
    """Return what to do about an error and whose turn it is, as the catalogue says it.

    A code of somebody else's adapter, which it does not know, is explained as `certificate_error`.
    """
    from nameplate.core import error_catalogue  # noqa: PLC0415 - read when something goes wrong

    try:
        entry = error_catalogue.explain(code)
    except NotFound:
        entry = error_catalogue.explain("certificate_error")
    return entry.fix, entry.turn
