"""What the small world publishes and proves: a verification by every method, a record of every type."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core import rdata, tokens
from nameplate.core.names import without_wildcard
from nameplate.models import (
    Application,
    Binding,
    Certificate,
    Domain,
    HoldingScope,
    Record,
    RecordableType,
    RecordType,
    Server,
    Verification,
    VerificationMethodName,
)

Subject = Application | Server | Certificate | Verification | Binding
"""What a record can be made for."""

_M = VerificationMethodName
_TOKEN_LIFETIME = timedelta(days=7)
_AUTHORITY = "192.0.2.53"


def _succeed(row: Verification, now: datetime) -> None:
    row.start()
    row.look({"at": now.isoformat(), "verdict": "proved", "server": _AUTHORITY}, now)
    by_dns = row.verification_method is VerificationMethodName.DNS_TXT
    row.succeed(HoldingScope.SUBTREE if by_dns else HoldingScope.EXACT, now)
    row.next_action_at = None


def _looking(row: Verification, now: datetime) -> None:
    row.start()
    row.look({"at": now.isoformat(), "verdict": "absent", "server": _AUTHORITY}, now)


def _fail(row: Verification, now: datetime) -> None:
    row.look({"at": now.isoformat(), "verdict": "mismatch", "server": _AUTHORITY}, now)
    row.fail("The file holds another token: the newest one counts.")
    row.next_action_at = None


def _expire(row: Verification, now: datetime) -> None:
    row.expires_at = now - timedelta(days=1)
    row.expire("The token ran out before it was seen: ask for a new one.")
    row.next_action_at = None


def _wait(row: Verification, _now: datetime) -> None:
    row.error_message = "Nothing is published yet."


_PROOFS: Sequence[tuple[str, VerificationMethodName, Callable[[Verification, datetime], None]]] = (
    ("northwind.example", _M.DNS_TXT, _succeed),
    ("shop.northwind.example", _M.ACME_DNS, _succeed),
    ("*.stores.northwind.example", _M.DNS_TXT, _succeed),
    ("harbor.example", _M.DNS_CNAME, _succeed),
    ("press.harbor.example", _M.ACME_HTTP, _succeed),
    ("harbour.example", _M.FILE_UPLOAD, _fail),
    ("labs-northwind.example", _M.DNS_TXT, _looking),
    ("labs-northwind.example", _M.META_TAG, _wait),
    ("northwind-mail.example", _M.EMAIL, _expire),
)


def verifications(
    session: Session, domains: Mapping[str, Domain], now: datetime
) -> Sequence[Verification]:
    """Make one proof for each method, in every status."""
    made = []
    for name, method, reach in _PROOFS:
        domain = domains[name]
        token = tokens.verification_token(os.urandom(tokens.RANDOM_BYTES))
        row = Verification(
            organization_id=domain.organization_id,
            organization_domain_id=domain.id,
            verification_method=method,
            verification_token=token,
            expires_at=now + _TOKEN_LIFETIME,
            next_action_at=now + timedelta(minutes=5),
        )
        _instruct(row, without_wildcard(name))
        session.add(row)
        session.flush()
        reach(row, now)
        domain.verification_method, domain.verification_token = method.value, token
        made.append(row)
    session.flush()
    return made


def _instruct(row: Verification, name: str) -> None:
    """Fill in what the owner must publish."""
    token = row.verification_token
    if row.verification_method in {_M.DNS_TXT, _M.DNS_CNAME, _M.ACME_DNS}:
        acme = row.verification_method is _M.ACME_DNS
        row.verification_record_name = (
            f"_acme-challenge.{name}" if acme else f"_nameplate-challenge.{name}"
        )
        target = row.verification_method is _M.DNS_CNAME
        row.verification_record_value = (
            f"{token}.proof.platform.example" if target else f"nameplate-verification={token}"
        )
    elif row.verification_method in {_M.FILE_UPLOAD, _M.ACME_HTTP}:
        row.verification_file_path = "/.well-known/nameplate-challenge.txt"
        row.verification_file_content = token
    elif row.verification_method is _M.META_TAG:
        row.verification_meta_tag = f'<meta name="nameplate-verification" content="{token}">'


_RECORDS: Sequence[tuple[str, str, RecordType, str, str, str]] = (
    ("northwind.example", "@", RecordType.A, "192.0.2.10", "active", "server"),
    ("northwind.example", "@", RecordType.AAAA, "2001:db8::10", "active", "server"),
    ("northwind.example", "www", RecordType.CNAME, "northwind.example.", "active", "binding"),
    ("northwind.example", "@", RecordType.MX, "10 mail.northwind.example.", "active", ""),
    ("northwind.example", "@", RecordType.TXT, "v=spf1 mx -all", "active", ""),
    ("northwind.example", "_imaps._tcp", RecordType.SRV, "0 1 993 mail.northwind.example.", "syncing", ""),
    ("northwind.example", "@", RecordType.CAA, '0 issue "letsencrypt.org"', "active", "certificate"),
    ("northwind.example", "_nameplate-challenge", RecordType.TXT, "", "active", "verification"),
    ("shop.northwind.example", "@", RecordType.CNAME, "edge.platform.example.", "active", "application"),
    ("harbor.example", "lab", RecordType.NS, "ns1.harbor.example.", "pending", ""),
    (
        "harbor.example", "@", RecordType.SOA,
        "ns1.harbor.example. hostmaster.harbor.example. 2026112301 7200 3600 1209600 3600",
        "active", "",
    ),
    ("harbor.example", "printer", RecordType.PTR, "office.harbor.example.", "disabled", ""),
    ("harbour.example", "@", RecordType.A, "192.0.2.99", "error", ""),
    ("northwind.example", "@", RecordType.HTTPS, "1 . alpn=h2,h3", "active", ""),
    ("northwind.example", "_dns", RecordType.SVCB, "1 dns.northwind.example. alpn=dot", "pending", ""),
    ("northwind.example", "_443._tcp", RecordType.TLSA, f"3 1 1 {'ab' * 32}", "active", ""),
    ("harbor.example", "lab", RecordType.DS, f"60485 13 2 {'cd' * 32}", "pending", ""),
    ("harbor.example", "gate", RecordType.SSHFP, f"4 2 {'ef' * 32}", "active", ""),
    ("harbor.example", "docs", RecordType.ALIAS, "edge.platform.example.", "active", ""),
    ("harbor.example", "wiki", RecordType.ANAME, "edge.platform.example.", "pending", ""),
    (
        "harbor.example", "@", RecordType.NAPTR,
        '100 10 "s" "SIP+D2U" "" _sip._udp.harbor.example.', "active", "",
    ),
    ("harbor.example", "pier", RecordType.LOC, "53 32 36.000 N 9 58 0.000 E 6.00m", "active", ""),
    ("harbor.example", "old", RecordType.DNAME, "harbour.example.", "pending", ""),
    ("harbor.example", "_http._tcp", RecordType.URI, '10 1 "https://harbor.example/"', "active", ""),
    ("harbor.example", f"{'0a' * 28}._openpgpkey", RecordType.OPENPGPKEY, "mDMEZQ==", "active", ""),
    ("harbor.example", f"{'0b' * 28}._smimecert", RecordType.SMIMEA, f"3 0 1 {'ab' * 32}", "active", ""),
    ("harbor.example", "gate", RecordType.RP, "keeper.harbor.example. .", "active", ""),
)  # fmt: skip


def records(
    session: Session, domains: Mapping[str, Domain], subjects: Sequence[Subject], now: datetime
) -> None:
    """Make one record of each type, in every status, for each kind of subject and for none."""
    by_kind = {type(subject).__name__.lower(): subject for subject in subjects}
    for name, owner, kind, value, status, subject in _RECORDS:
        domain = domains[name]
        made_for = by_kind.get(subject)
        if isinstance(made_for, Verification) and not value:
            value = made_for.verification_record_value or ""  # noqa: PLW2901 - the token is random
        parsed = rdata.parse(kind.value, value, origin=name)
        row = Record(
            organization_id=domain.organization_id,
            organization_domain_id=domain.id,
            recordable_type=RecordableType(_KINDS[type(made_for)]) if made_for else None,
            recordable_id=made_for.id if made_for else None,
            record_type=kind,
            name=owner,
            value=parsed.fields.value,
            priority=parsed.fields.priority,
            weight=parsed.fields.weight,
            port=parsed.fields.port,
        )
        session.add(row)
        session.flush()
        _reach(row, status, now)


_KINDS: Mapping[type[Subject], str] = {
    Application: "application",
    Server: "server",
    Certificate: "ssl_certificate",
    Verification: "domain_verification",
    Binding: "application_domain_binding",
}


def _reach(row: Record, status: str, now: datetime) -> None:
    """Take a new record the usual way to its status."""
    if status == "disabled":
        row.disable()
    if status in {"active", "syncing", "error"}:
        row.sync()
    if status == "active":
        row.confirm(now, None)
        row.see(None, everywhere=True, now=now)
    elif status == "error":
        row.fail("The provider refused the change: the API token may read only.")
    elif status != "disabled":
        row.wake(now + timedelta(minutes=1))
