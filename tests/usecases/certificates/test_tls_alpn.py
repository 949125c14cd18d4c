"""tls-alpn-01: refused at the door where it cannot work, looked at beforehand, answered while it is pending."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.servers.process import free_port
from tests.usecases.certificates.certificate_rig import NAME, Rig, made
from tests.usecases.certificates.upload_rig import Uploads

from nameplate import listener
from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core import challenge_certificates, keys
from nameplate.core.client_hello import ClientHello
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.listener.alpn import ChallengeServer
from nameplate.models import Binding, Certificate, HttpChallenge
from nameplate.ports.fetcher import Fetched, HttpOutcome
from nameplate.usecases.certificates import tls_alpn

KIND = "tls-alpn-01"
KEY = keys.new_key()


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions) -> Rig:
    """Return an installation that answers."""
    rig = made(migrated_sqlite_sessions)
    present = partial(_presented, rig)
    rig.offline.tools = replace(rig.offline.tools, answers_tls_alpn=True, present=present)
    return rig


def _presented(
    rig: Rig, address: str, host: str, protocols: Sequence[str], _port: int | None
) -> Fetched:
    """Do what a server does that passes handshakes on, unless a stranger is at the address."""
    if address in rig.internet.strangers:
        return rig.internet.strangers[address]
    found = _answer(rig, host, *protocols)
    return Fetched(
        HttpOutcome.TLS_FAILED if found is None else HttpOutcome.ANSWERED, body=found or b""
    )


def _answer(rig: Rig, host: str, *protocols: str) -> bytes | None:
    pem = tls_alpn.answer(
        rig.offline.sessions, rig.offline.tools, KEY, ClientHello(host, protocols)
    )
    return None if pem is None else x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def _refused(rig: Rig, **fields: Any) -> str:
    with pytest.raises((Conflict, Invalid)) as caught:
        rig.want(challenge=KIND, **fields)
    return f"{caught.value.code}: {caught.value.detail}"


def test_an_installation_without_the_listener_refuses(rig: Rig) -> None:
    rig.offline.tools = replace(rig.offline.tools, answers_tls_alpn=False)
    said = _refused(rig)
    assert said.startswith("tls_alpn_unavailable")
    assert "tls_alpn_port" in said
    assert "http-01" in said


@pytest.mark.parametrize(
    ("proxy", "part"),
    [
        ({"type": "caddy"}, "runs Caddy"),
        ({"type": "traefik"}, "runs Traefik"),
        ({"type": "nginx"}, "`tls_alpn` of its nginx is not set"),
        ({"type": "nginx", "tls_alpn": False}, "`tls_alpn` of its nginx is not set"),
        ({"type": "nginx", "reach": "agent"}, "`tls_alpn` of its nginx is not set"),
        ({"type": "caddy", "reach": "agent"}, "runs Caddy"),
    ],
)
def test_a_server_that_cannot_is_named(rig: Rig, proxy: dict[str, Any], part: str) -> None:
    rig.bind(name="edge-7", proxy=proxy)
    said = _refused(rig)
    assert said.startswith("tls_alpn_unavailable")
    assert "edge-7" in said
    assert part in said
    assert "Use http-01 or dns-01 instead." in said


def test_a_server_of_another_domain_that_cannot_is_named(rig: Rig) -> None:
    second = Uploads(rig).domain("example.net")
    bound = rig.bind(name="edge-8", proxy={"type": "caddy"})
    host = "www.example.net"
    rig.change(Binding, bound, organization_domain_id=second, hostname=host)
    said = _refused(rig, hosts=[NAME, host])
    assert said.startswith("tls_alpn_unavailable")
    assert f"cannot prove {host}: its server edge-8" in said


@pytest.mark.parametrize("reach", ["direct", "agent"])
def test_a_server_that_passes_it_on_is_taken(rig: Rig, reach: str) -> None:
    """Who configures nginx is of no account: its own stream leads to the API's listener."""
    rig.bind(proxy={"type": "nginx", "tls_alpn": True, "reach": reach})
    rig.want(challenge=KIND)
    assert rig.row().acme_challenge_type == KIND


def test_a_wildcard_is_refused(rig: Rig) -> None:
    assert _refused(rig, hosts=[f"*.{NAME}"]).startswith("wildcard_needs_dns")


def test_nothing_is_ordered_before_the_handshake_arrives(rig: Rig) -> None:
    rig.want(challenge=KIND)
    rig.internet.strangers["192.0.2.1"] = Fetched(HttpOutcome.TLS_FAILED)
    row = rig.work()
    assert row.trouble_code == "host_points_elsewhere"
    assert "refuses the TLS handshake for `acme-tls/1`" in (row.trouble_message or "")
    rig.internet.strangers["192.0.2.1"] = Fetched(HttpOutcome.ANSWERED, body=b"another")
    assert "presents another certificate" in (rig.work().trouble_message or "")
    assert rig.authority.orders == 0
    del rig.internet.strangers["192.0.2.1"]
    assert rig.work().status is CertificateStatus.ACTIVE
    assert not rig.internet.asked  # nobody asked for plain HTTP


@pytest.fixture(params=[False, True], ids=["older", "newer"])
def pebble(
    request: pytest.FixtureRequest, world: ChallTestSrv, tmp_path: Any
) -> Iterator[tuple[Pebble, int]]:
    """Return an authority that asks at a port of this machine."""
    port = free_port()
    with Pebble(
        tmp_path / "pebble", dns_server=world.dns_server, tls_port=port, newer=request.param
    ) as server:
        yield server, port


def test_a_real_authority_takes_the_answer_while_it_is_pending(
    rig: Rig, pebble: tuple[Pebble, int]
) -> None:
    server, port = pebble
    key, verify = keys.new_key(), str(server.ca_bundle)
    url = accounts.register(server.directory_url, key, verify=verify)
    rig.authority_is(AcmeAuthority(server.directory_url, key, url, verify=verify))
    answer = partial(tls_alpn.answer, rig.offline.sessions, rig.offline.tools, KEY)
    responder = ChallengeServer(answer, listener.listen("127.0.0.1", port))
    rig.want(challenge=KIND)
    assert _answer(rig, NAME, challenge_certificates.PROTOCOL) is None
    responder.start()
    try:
        _until_active(rig)
    finally:
        responder.stop()
    assert _answer(rig, NAME, challenge_certificates.PROTOCOL) is None  # it is over


def _until_active(rig: Rig) -> Certificate:
    for _ in range(30):
        row = rig.work()
        assert row.renewal_error_code is None, row.renewal_error_message
        if row.status is CertificateStatus.ACTIVE:
            return row
    raise AssertionError(row.status)


def test_a_token_of_http_is_no_answer_here(rig: Rig) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        session.add(
            HttpChallenge(
                organization_id=rig.actor.organization_id, ssl_certificate_id=rig.certificate_id,
                token="a" * 20, hostname=NAME, key_authorization="a.b",
            )
        )  # fmt: skip
    assert _answer(rig, NAME, challenge_certificates.PROTOCOL) is None


def test_a_look_for_another_host_proves_nothing(rig: Rig) -> None:
    """What was made for one host is worth nothing for the next one."""
    seen: list[tuple[str, ...]] = []

    def present(_a: str, host: str, protocols: Sequence[str], _p: int | None) -> Fetched:
        seen.append(tuple(protocols))
        found = _answer(rig, f"other.{host}", *protocols)
        return Fetched(HttpOutcome.ANSWERED, body=found or b"")

    rig.offline.tools = replace(rig.offline.tools, present=present)
    rig.want(challenge=KIND)
    assert rig.work().trouble_code == "host_points_elsewhere"
    rig.work()
    assert len(set(seen)) == 2  # each look asks for what nobody asked for before
