"""Each situation, on real name servers, is diagnosed with its own cause first."""

import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.models import world as rows
from tests.servers.troubled import POLICY, SERVER, TroubledInternet
from tests.usecases.claims import situations
from tests.usecases.claims.situations import OLD, TOKEN, Situation
from tests.usecases.offline import DNS_TXT, Offline

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.adapters.verification.file_upload import FileUpload
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.diagnosis.finding import DiagnosisFinding, Weight
from nameplate.core.errors import Invalid, NotFound
from nameplate.core.ids import Prefix, show
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import Sessions
from nameplate.models import (
    AccountKind,
    Domain,
    Organization,
    Verification,
    VerificationMethodName,
)
from nameplate.ports.resolver import Delegation
from nameplate.usecases.claims import diagnosis
from nameplate.usecases.claims.diagnosis import Diagnosis
from nameplate.usecases.tools import Tools

GOLDEN = Path(__file__).with_name("findings.txt")
FILE = VerificationMethodName.FILE_UPLOAD
_PORT = re.compile(r"127\.0\.0\.1:\d+")
WEB = "127.0.73.6"


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TroubledInternet]:
    zones = [zone for one in situations.ALL for zone in one.zones()]
    with TroubledInternet(tmp_path_factory.mktemp("troubled"), zones) as found:
        yield found


@pytest.fixture
def world(migrated_sqlite_url: str) -> Offline:
    return installation(sessions_over(migrated_sqlite_url))


def installation(sessions: Sessions) -> Offline:
    """Return an installation with one server and Let's Encrypt as its authority."""
    found = Offline(sessions)
    with found.sessions.begin(PLATFORM) as session:
        rows.server(session, None, address=SERVER, proxy={"type": "caddy"})
        rows.account(
            session, None, kind=AccountKind.CA, provider="acme", name="CA",
            config={"directory_url": "https://acme-v02.api.letsencrypt.org/directory"},
        )  # fmt: skip
    return found


def seeing(world: Offline, internet: TroubledInternet, zone: str, http_port: int = 9) -> Tools:
    """Return tools that see this Internet."""
    resolver = internet.resolver(zone)
    ports = {"http": http_port, "https": 9}
    fetcher = SafeFetcher(POLICY, resolver.addresses, ports=ports, deadline=timedelta(seconds=3))
    return replace(
        world.tools,
        resolver=resolver,
        signatures=internet.signatures(),
        methods={DNS_TXT: DnsTxt(resolver), FILE: FileUpload(fetcher)},
        fetcher=fetcher,
        special_use=True,
    )


def claim(world: Offline, actor: Actor, one: Situation) -> int:
    """Claim the name of a situation, for the second time, and return the domain's id."""
    method = DNS_TXT if one.page is None else FILE
    with world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, actor.organization_id)
        domain = rows.domain(
            session, owner, one.zone, subdomain=one.host or None, verification_token=TOKEN
        )
        more = {"verification_method": method}
        rows.verification(
            session, domain, verification_token=OLD, status=VerificationStatus.EXPIRED, **more
        )
        rows.verification(session, domain, verification_token=TOKEN, **more)
        return domain.id


def diagnose(world: Offline, internet: TroubledInternet, one: Situation) -> Diagnosis:
    """Set the situation up, look at it, and take it away again."""
    actor = world.organization(one.label)
    with web(one.page) as port:
        tools = seeing(world, internet, one.zone, port)
        if not one.claimed:
            return diagnosis.diagnose(world.sessions, tools, actor, one.name)
        domain_id = claim(world, actor, one)
        reference = show(Prefix.DOMAIN, domain_id)
        found = diagnosis.diagnose(world.sessions, tools, actor, reference)
    with world.sessions.begin(PLATFORM) as session:  # tokens are unique
        for kind in (Verification, Domain):
            session.execute(sa.delete(kind))
    return found


@contextmanager
def web(page: tuple[int, str] | None) -> Iterator[int]:
    """Run a web server that answers every path with a status and a page; yield its port."""
    status, body = page or (404, "")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the library calls
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    if page is None:
        yield 9
        return
    with ThreadingHTTPServer((WEB, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_every_situation_is_known_by_its_cause(world: Offline, internet: TroubledInternet) -> None:
    found = {one.label: diagnose(world, internet, one) for one in situations.ALL}
    firsts = {label: first(one.findings) for label, one in found.items()}
    wrong = [
        f"  {one.label}: {firsts[one.label] or 'nothing'} instead of {one.first or 'nothing'}, of "
        f"{[finding.check for finding in found[one.label].findings]}"
        for one in situations.ALL
        if firsts[one.label] != one.first
    ]
    assert not wrong, "\n".join(["", *wrong, "", *confusion(firsts)])
    for one in situations.ALL:
        needs = any(finding.weight is not Weight.NOTE for finding in found[one.label].findings)
        assert found[one.label].must_act is needs, one.label
    golden = "\n".join(line for one in situations.ALL for line in told(one, found[one.label]))
    if "NAMEPLATE_ACCEPT" in os.environ:
        GOLDEN.write_text(golden)
    assert GOLDEN.read_text() == golden, "NAMEPLATE_ACCEPT=1 writes findings.txt; read what changed"


def first(findings: tuple[DiagnosisFinding, ...]) -> str:
    return findings[0].check if findings else ""


def confusion(firsts: dict[str, str]) -> Iterator[str]:
    """Yield how often each cause was taken for which finding."""
    counted = Counter(
        (one.first or "nothing", firsts[one.label] or "nothing") for one in situations.ALL
    )
    yield f"  {'cause':<24}{'first finding':<24}times"
    for (cause, finding), times in sorted(counted.items()):
        yield f"{'  ' if cause == finding else '! '}{cause:<24}{finding:<24}{times}"


def told(one: Situation, found: Diagnosis) -> Iterator[str]:
    """Yield what an owner reads, without what servers said and at which port."""
    yield f"## {one.label}: {one.name}" + ("" if one.claimed else ", not claimed")
    for finding in found.findings:
        turn = finding.turn.value if finding.turn else "nobody"
        yield f"{finding.check} ({finding.weight}, {finding.confidence}, {turn})"
        yield f"  {_PORT.sub('127.0.0.1', finding.message)}"
        if finding.fix:
            yield f"  fix: {finding.fix}"
        for record in finding.records:
            yield f"  {record.action}: {record.name} {record.type} {record.value}"
    yield ""


def situation(label: str) -> Situation:
    return next(one for one in situations.ALL if one.label == label)


def test_of_others_nothing_is_read(sessions: Sessions, internet: TroubledInternet) -> None:
    world = installation(sessions)
    one = situation("old-token")
    owner, stranger = world.organization("owner"), world.organization("stranger")
    domain_id = claim(world, owner, one)
    tools = seeing(world, internet, one.zone)
    theirs = diagnosis.diagnose(world.sessions, tools, stranger, one.name)
    assert (theirs.domain_id, theirs.next_check_at) == (None, None)
    assert not any(OLD in f"{finding}" or TOKEN in f"{finding}" for finding in theirs.findings)
    with pytest.raises(NotFound):
        diagnosis.diagnose(world.sessions, tools, stranger, show(Prefix.DOMAIN, domain_id))
    own = diagnosis.diagnose(world.sessions, tools, owner, one.name)
    assert (own.domain_id, first(own.findings)) == (domain_id, "value_old")
    platform = diagnosis.diagnose(world.sessions, tools, PLATFORM, one.name)
    assert platform.findings == own.findings


def test_what_is_no_name_is_refused(world: Offline, internet: TroubledInternet) -> None:
    tools = seeing(world, internet, "")
    actor = world.organization("acme")
    for name in ("10.0.0.1", "com", "a b.example.com", "localhost"):
        with pytest.raises(Invalid):
            diagnosis.diagnose(world.sessions, tools, actor, name)


def test_private_zones_show_their_hosts_to_the_platform_and_to_who_proved_them(
    world: Offline, internet: TroubledInternet
) -> None:
    one = situation("private")
    inside = internet.resolver("", private={one.zone: [("ns", "127.0.73.1", internet.port)]})
    assert inside.delegation(one.zone) == Delegation(
        one.zone, (), inside.delegation(one.zone).answers
    )
    tools = replace(seeing(world, internet, one.zone), resolver=inside)
    stranger = world.organization("stranger")
    for actor, seen in ((stranger, False), (PLATFORM, True)):
        found = diagnosis.diagnose(world.sessions, tools, actor, one.name)
        assert ("10.1.2.3" in f"{found.findings}") is seen
    domain_id = claim(world, stranger, one)
    found = diagnosis.diagnose(world.sessions, tools, stranger, one.name)
    assert found.domain_id == domain_id
    assert "10.1.2.3" not in f"{found.findings}"


def test_it_says_when_it_can_look_different(world: Offline, internet: TroubledInternet) -> None:
    actor = world.organization("acme")
    one = situation("not-yet-cached")
    claim(world, actor, one)
    tools = seeing(world, internet, one.zone)
    found = diagnosis.diagnose(world.sessions, tools, actor, one.name)
    (cached,) = found.findings
    assert found.looks_again(cached) == found.at + timedelta(seconds=42)
    assert not found.must_act


def test_a_wildcard_has_no_host_of_its_own(world: Offline, internet: TroubledInternet) -> None:
    one = situation("elsewhere")
    actor = world.organization("acme")
    with world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, actor.organization_id)
        domain = rows.domain(session, owner, one.zone, subdomain="*", verification_token=TOKEN)
        rows.verification(session, domain, verification_token=TOKEN)
    tools = seeing(world, internet, one.zone)
    assert diagnosis.diagnose(world.sessions, tools, actor, f"*.{one.zone}").findings == ()
