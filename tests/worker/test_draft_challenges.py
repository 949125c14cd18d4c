"""dns-persist-01 at a real authority: one record for all renewals, taken away at the end."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.servers.process import free_port
from tests.usecases.certificates.certificate_rig import NAME
from tests.worker.test_issuance_matrix import Authority, Installation, _installed

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.records import RRset
from nameplate.models import Certificate, Domain, LedgerEntry, LedgerPurpose
from nameplate.ports.dns import Zone
from nameplate.usecases.certificates import requests
from nameplate.usecases.claims import domains, instructions
from nameplate.usecases.dns import zones

OWNER = f"_validation-persist.{NAME}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    folder: Path = tmp_path_factory.mktemp("drafts")
    with ExitStack() as stack:
        world = stack.enter_context(ChallTestSrv(folder / "world"))
        ports = free_port(), free_port()
        server = Pebble(
            folder / "newer", dns_server=world.dns_server, http_port=ports[0],
            tls_port=ports[1], newer=True, authz_reuse=0,
        )  # fmt: skip
        yield Authority(stack.enter_context(server), world, *ports)


@pytest.fixture
def at(migrated_sqlite_url: str, authority: Authority) -> Iterator[Installation]:
    with ExitStack() as stack:
        yield _installed(stack, migrated_sqlite_url, authority)


def _entries(at: Installation) -> list[tuple[str, LedgerPurpose]]:
    with at.rig.offline.sessions.begin(PLATFORM) as session:
        found = session.scalars(sa.select(LedgerEntry)).all()
        return sorted((one.name, one.purpose) for one in found)


def _settle(at: Installation) -> None:
    """Have the zone's worker carry out what is intended."""
    offline = at.rig.offline
    zones.reconcile(offline.sessions, offline.tools, offline.leased(Domain, at.rig.domain_id))


def _texts(at: Installation) -> dict[str, tuple[str, ...]]:
    live = at.provider.memory.records(Zone("example.com"))
    return {one.name: one.values for one in live if one.type == "TXT"}


def _renewed(at: Installation, looks: int = 40) -> Certificate:
    """Renew without a look at the zone: nothing may have to be written."""
    before = at.rig.row().generation
    at.rig.renew()
    for _ in range(looks):
        row = at.rig.work()
        if row.generation > before and row.status is CertificateStatus.ACTIVE:
            return row
    raise AssertionError((row.trouble_code, row.renewal_error_message))


def test_a_renewal_writes_nothing_and_the_record_goes_with_the_certificate(
    at: Installation,
) -> None:
    at.rig.want(hosts=[NAME, f"*.{NAME}"], challenge="dns-persist-01")
    at.issued()
    assert _entries(at) == [(OWNER, LedgerPurpose.PERSIST)]
    before = _texts(at)
    assert [one for one in before if one.startswith("_")] == [OWNER]
    assert before[OWNER][0].endswith('; policy=wildcard"'), "one record for name and wildcard"
    assert _renewed(at).generation == 2
    assert (_texts(at), len(_entries(at))) == (before, 1)
    with at.rig.offline.sessions.begin(at.rig.actor) as session:
        requests.remove(session, at.rig.actor, at.rig.reference, datetime.now(UTC))
    at.rig.work()
    _settle(at)
    assert (OWNER in _texts(at), _entries(at)) == (False, [])


def test_an_account_that_its_authority_has_forgotten_gets_a_record_instead(
    at: Installation, authority: Authority
) -> None:
    at.rig.want(hosts=[NAME, f"*.{NAME}"], challenge="dns-persist-01")
    at.issued()
    (before,) = _texts(at)[OWNER]
    authority.server.forget()
    at.rig.renew()
    at.rig.change(Certificate, at.rig.certificate_id, status=CertificateStatus.RENEWING)
    assert at.issued().generation == 2
    _settle(at)
    (after,) = _texts(at)[OWNER]
    assert after != before
    assert after.endswith('; policy=wildcard"')


def test_the_record_goes_with_the_domain(at: Installation) -> None:
    at.rig.want(challenge="dns-persist-01")
    at.issued()
    offline = at.rig.offline
    with offline.sessions.begin(at.rig.actor) as session:
        domains.remove(session, offline.tools, at.rig.actor, NAME, datetime.now(UTC))
    assert at.rig.is_due()
    at.rig.work()
    _settle(at)
    assert (OWNER in _texts(at), _entries(at)) == (False, [])


def test_two_certificates_share_the_record_and_one_that_was_taken_away_is_written_again(
    at: Installation,
) -> None:
    at.rig.want(challenge="dns-persist-01")
    first = at.issued().id
    at.rig.want(challenge="dns-persist-01")
    at.issued()
    assert len(_entries(at)) == 1
    with at.rig.offline.sessions.begin(at.rig.actor) as session:
        requests.remove(session, at.rig.actor, at.rig.reference, datetime.now(UTC))
    at.rig.work()
    at.rig.certificate_id = first
    at.rig.renew()
    at.rig.change(Certificate, first, status=CertificateStatus.RENEWING)
    assert at.issued().generation == 2
    assert _entries(at) == [(OWNER, LedgerPurpose.PERSIST)]


def test_switched_off_the_record_goes_and_renewals_are_proved_by_dns_01(at: Installation) -> None:
    at.rig.want(challenge="dns-persist-01")
    at.issued()
    at.rig.offline.tools = replace(at.rig.offline.tools, draft_challenges=())
    at.rig.work()
    _settle(at)
    assert (OWNER in _texts(at), _entries(at)) == (False, [])
    at.rig.renew()
    at.rig.change(Certificate, at.rig.certificate_id, status=CertificateStatus.RENEWING)
    assert at.issued().generation == 2
    for challenge in ("dns-persist-01", "dns-account-01"):
        with pytest.raises(Invalid) as refused:
            at.rig.want(challenge=challenge)
        assert refused.value.code == "challenge_unavailable"


def test_an_owner_publishes_the_record_once_and_is_told_what_is_wrong(
    at: Installation, authority: Authority
) -> None:
    at.rig.change(Domain, at.rig.domain_id, dns_account_id=None)
    with pytest.raises(Conflict) as refused:
        at.rig.want(challenge="dns-account-01")
    assert refused.value.code == "dns_account_missing"
    at.rig.want(challenge="dns-persist-01")
    row = at.rig.work()
    assert row.trouble_code == "persist_record_missing"
    assert row.acme_challenge_data is not None
    (told,) = row.acme_challenge_data.records
    text = told.partition(" TXT ")[2].strip('"')
    assert (OWNER, text) in _instructions(at)
    assert text in (row.trouble_message or "")
    _publish(at, text.replace("my-account/", "my-account/x"))
    assert at.rig.work().trouble_code == "persist_record_elsewhere"
    orders = authority.server.orders()[0]
    _publish(at, text)
    for _ in range(40):
        row = at.rig.work()
        if row.status is CertificateStatus.ACTIVE:
            break
    assert (row.status, row.trouble_code) == (CertificateStatus.ACTIVE, None)
    assert authority.server.orders()[0] == orders, "the same order waited for it"
    assert _entries(at) == []
    assert (OWNER, text) not in _instructions(at)
    assert _renewed(at).generation == 2


def _instructions(at: Installation) -> list[tuple[str | None, str | None]]:
    """Return names and values of the records that the domain's owner is told to publish."""
    with at.rig.offline.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, at.rig.domain_id)
        told = instructions.of(session, at.rig.offline.tools, domain)
        return [(one.instruction.get("name"), one.instruction.get("value")) for one in told]


def _publish(at: Installation, text: str) -> None:
    """Have the owner's DNS say this, and nothing else."""
    soa = RRset("example.com", "SOA", 3600, ("ns. host. 1 2 3 4 5",))
    record = RRset(OWNER, "TXT", 60, (f'"{text}"',))
    at.provider.memory = MemoryDns({"example.com": [soa, record]})
    at.provider.show()
