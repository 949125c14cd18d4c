"""Certificates stay with the domains of their other names when one domain comes or goes."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from tests.usecases.certificates.certificate_rig import NAME
from tests.usecases.certificates.upload_rig import Uploads, uploading

from nameplate.core import certificates as x509
from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from nameplate.models import Certificate, CertificateName
from nameplate.usecases.certificates import requests
from nameplate.usecases.claims import domains

SECOND = "example.net"
BELOW = f"shop.{SECOND}"


@pytest.fixture
def rig(sessions: Sessions) -> Uploads:
    return uploading(sessions)


def _issued(rig: Uploads, *hosts: str) -> int:
    tools, actor = rig.rig.offline.tools, rig.rig.actor
    with rig.sessions.begin(actor) as session:
        now = datetime.now(UTC)
        number = requests.issue(session, tools, actor, NAME, hosts=hosts, now=now).id
    rig.work(number)
    return number


def _remove(rig: Uploads, domain: int) -> None:
    with rig.sessions.begin(PLATFORM) as session:
        reference = ids.show("dom", domain)
        domains.remove(session, rig.rig.offline.tools, PLATFORM, reference, datetime.now(UTC))


def _home(rig: Uploads, number: int, host: str) -> int | None:
    with rig.sessions.begin(PLATFORM) as session:
        query = CertificateName.visible(PLATFORM).where(
            CertificateName.ssl_certificate_id == number, CertificateName.hostname == host
        )
        found: int | None = session.scalar(
            query.with_only_columns(CertificateName.organization_domain_id)
        )
        return found


def test_without_its_own_domain_it_goes_on_under_another(rig: Uploads) -> None:
    second = rig.domain(SECOND)
    number = _issued(rig, NAME, f"www.{SECOND}")
    _remove(rig, rig.rig.domain_id)
    row = rig.work(number)
    assert row.deleted_at is None
    assert row.organization_domain_id == second
    assert set(x509.facts((row.certificate or "").encode()).names) == {f"www.{SECOND}"}
    assert row.lost == (NAME,)


def test_one_of_a_single_domain_goes_with_it(rig: Uploads) -> None:
    number = _issued(rig, NAME, f"www.{NAME}")
    _remove(rig, rig.rig.domain_id)
    with rig.sessions.begin(PLATFORM) as session:
        query = sa.select(Certificate.deleted_at).where(Certificate.id == number)
        assert session.scalar(query) is not None


def test_a_domain_above_takes_over_the_names(rig: Uploads) -> None:
    above, below = rig.domain(SECOND, subtree=True), rig.domain(BELOW)
    number = _issued(rig, NAME, f"www.{BELOW}")
    assert _home(rig, number, f"www.{BELOW}") == below
    _remove(rig, below)
    assert _home(rig, number, f"www.{BELOW}") == above
    row = rig.work(number)
    assert (row.lost, row.generation) == ((), 1), "nothing is lost"


def test_a_domain_that_is_claimed_again_takes_its_names_back(rig: Uploads) -> None:
    below = rig.domain(BELOW)
    number = _issued(rig, NAME, f"www.{BELOW}")
    _remove(rig, below)
    assert _home(rig, number, f"www.{BELOW}") == below, "nobody else stands for it"
    assert rig.work(number).lost == (f"www.{BELOW}",)
