"""tls-alpn-01 (RFC 8737): which servers can pass it on, and the answers to it."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import challenge_certificates, names
from nameplate.core.actor import PLATFORM
from nameplate.core.client_hello import ClientHello
from nameplate.core.errors import Conflict
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Binding, ChallengeType, Domain, HttpChallenge, Server
from nameplate.usecases import placements
from nameplate.usecases.certificates import reachability
from nameplate.usecases.tools import Tools

_INSTEAD = "Use http-01 or dns-01 instead."


def check(session: Session, tools: Tools, domain: Domain, hosts: Sequence[str]) -> None:
    """Raise Conflict `tls_alpn_unavailable` when the handshakes for one of these hosts do not get here."""
    if not tools.answers_tls_alpn:
        raise Conflict(
            "tls_alpn_unavailable",
            "The challenge tls-alpn-01 is not answered here: the operator must set `tls_alpn_port`. "
            f"{_INSTEAD}",
        )
    bound = (
        Binding.visible(PLATFORM)
        .join(Server, placements.is_at(Binding, Server))
        .where(
            Binding.organization_id == domain.organization_id,
            Binding.hostname.in_(hosts),
        )
        .with_only_columns(Binding.hostname, Server.name, Server.proxy)
        .order_by(Binding.id)
    )
    for host, server, proxy in session.execute(bound):
        _check_proxy(tools, host, server, proxy)


def is_answered(session: Session, tools: Tools, domain: Domain, hosts: Sequence[str]) -> bool:
    """Tell whether the challenge can be answered for all hosts."""
    try:
        check(session, tools, domain, hosts)
    except Conflict:
        return False
    return True


def _check_proxy(tools: Tools, host: str, server: str, proxy: dict[str, object] | None) -> None:
    if proxy is None or proxy.get("tls_alpn") is True:
        return
    plugin = tools.proxies.get(str(proxy.get("type")))
    why = (
        f"runs {plugin.title}, which answers such handshakes for its own orders only"
        if "tls_alpn" not in {one.name for one in fields(plugin.configuration)}
        else f"does not pass such handshakes on: `tls_alpn` of its {plugin.title} is not set"
    )
    raise Conflict(
        "tls_alpn_unavailable",
        f"The challenge tls-alpn-01 cannot prove {host}: its server {server} {why}. {_INSTEAD}",
    )


def answer(sessions: Sessions, tools: Tools, key: Secret, hello: ClientHello) -> bytes | None:
    """Return key and certificate (PEM) that answer a handshake, None where no proof is pending.

    Our own look beforehand asks for one more protocol, whose name is used once.
    """
    name = names.canonical(hello.name)
    others = (one for one in hello.protocols if one != challenge_certificates.PROTOCOL)
    looked = (reachability.answer(tools.keyring, name, one) for one in others)
    found = next((one for one in looked if one is not None), None)
    if found is None:
        with sessions.look() as session:
            found = _pending(session, name)
    return None if found is None else _pem(name, found, key, tools.clock())


def _pending(session: Session, name: str) -> str | None:
    """Return the newest key authorization that is to be shown for a name."""
    query = (
        HttpChallenge.visible(PLATFORM)
        .where(
            HttpChallenge.hostname == name,
            HttpChallenge.challenge_type == ChallengeType.TLS_ALPN_01,
        )
        .order_by(HttpChallenge.ssl_certificate_id.desc(), HttpChallenge.token)
        .limit(1)
    )
    row: HttpChallenge | None = session.scalars(query).first()
    return None if row is None else row.key_authorization


def _pem(name: str, key_authorization: str, key: Secret, now: datetime) -> bytes:
    made = challenge_certificates.make(name, key_authorization, key, now)
    return key.reveal().encode() + made
