"""Many certificates that must be replaced: by their authority's word, or the operator's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.models import event_reader
from tests.models import world as rows
from tests.usecases.certificates.certificate_rig import Rig, made

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotFound
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.renewal import RenewalInfo
from nameplate.db import Sessions
from nameplate.models import Certificate, CertificateType
from nameplate.usecases.certificates import campaigns
from nameplate.usecases.certificates.campaigns import CampaignProgress, ReplacementOrder

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ISSUER = "CN=E7,O=Let's Encrypt,C=US"


def _certificates(sessions: Sessions, *counts: int, **columns: Any) -> list[Actor]:
    """Add an organization with so many certificates for each number."""
    actors = []
    with sessions.begin(PLATFORM) as session:
        for count in counts:
            owner = rows.organization(session)
            for number in range(count):
                domain = rows.domain(session, owner, f"n{number}-{owner.id}.com")
                given = {
                    "certificate": "PEM", "issuer": ISSUER, "generation": 1,
                    "status": CertificateStatus.ACTIVE, "issued_at": NOW - 20 * DAY,
                    "expires_at": NOW + 70 * DAY, "next_renewal_attempt_at": NOW + 40 * DAY,
                    **columns,
                }  # fmt: skip
                rows.certificate(session, domain, **given)
            actors.append(Actor(owner.id))
    return actors


def _start(sessions: Sessions, actor: Actor = PLATFORM, **asked: Any) -> CampaignProgress | None:
    with sessions.begin(actor) as session:
        return campaigns.start(session, actor, ReplacementOrder(**asked), NOW)


def _overview(sessions: Sessions, actor: Actor = PLATFORM) -> list[CampaignProgress]:
    with sessions.begin(actor, read_only=True) as session:
        return campaigns.overview(session, actor)


def _rows(sessions: Sessions) -> list[Certificate]:
    with sessions.begin(PLATFORM) as session:
        return list(session.scalars(Certificate.visible(PLATFORM).order_by(Certificate.id)))


def _change(sessions: Sessions, number: int, **columns: Any) -> None:
    with sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, number)
        for name, value in columns.items():
            setattr(row, name, value)


def test_certificates_of_an_issuer_are_replaced_fairly(sessions: Sessions) -> None:
    large, small = _certificates(sessions, 4, 1)
    _certificates(sessions, 1, issuer="CN=Other")
    _certificates(sessions, 1, certificate_type=CertificateType.CUSTOM)
    found = _start(sessions, issuer="let's encrypt", due_at=NOW + DAY, reason="Incident 42.")
    assert found is not None
    assert (found.total, found.done, found.failing, found.organizations) == (5, 0, 0, 2)
    assert (found.due_at, found.reason, found.issuers) == (NOW + DAY, "Incident 42.", (ISSUER,))
    moments = {
        actor.organization_id: sorted(
            row.next_renewal_attempt_at - NOW
            for row in _rows(sessions)
            if row.organization_id == actor.organization_id and row.next_renewal_attempt_at
        )
        for actor in (large, small)
    }
    assert moments[small.organization_id] == [timedelta(0)]
    assert moments[large.organization_id] == [campaigns.PACE * place for place in range(4)]


def test_many_are_done_in_half_of_the_time(sessions: Sessions) -> None:
    _certificates(sessions, 5)
    _start(sessions, issued_before=NOW, due_at=NOW + timedelta(seconds=20))
    moments = [row.next_renewal_attempt_at for row in _rows(sessions)]
    assert all(one is not None and one < NOW + timedelta(seconds=10) for one in moments)


def test_progress_and_its_end(sessions: Sessions) -> None:
    first, second = _certificates(sessions, 2, 1)
    started = _start(sessions, issuer="Encrypt")
    assert started is not None
    one, two, three = (row.id for row in _rows(sessions))
    _change(sessions, one, generation=2, last_renewed_at=NOW)
    _change(sessions, two, renewal_error_code="caa_excludes")
    (found,) = _overview(sessions)
    assert (found.total, found.done, found.failing, found.remaining) == (3, 1, 1, 2)
    assert (found.reasons, found.ended_at) == ({"caa_excludes": 1}, None)
    (own,) = _overview(sessions, second)
    assert (own.id, own.total, own.organizations) == (started.id, 1, 1)
    _change(sessions, two, generation=2, last_renewed_at=NOW + DAY, renewal_error_code=None)
    for _ in range(2):
        with sessions.begin(PLATFORM) as session:
            campaigns.settle(session, NOW + DAY)
    told = [one for one in event_reader.read(sessions) if one.type == "certificate.campaign_ended"]
    assert [(one.organization_id, one.after["replaced"]) for one in told] == [
        (first.organization_id, "2")
    ]
    _change(sessions, three, generation=2, last_renewed_at=NOW + 2 * DAY)
    with sessions.begin(PLATFORM) as session:
        campaigns.settle(session, NOW + 2 * DAY)
    (found,) = _overview(sessions)
    assert (found.done, found.ended_at) == (3, NOW + 2 * DAY)
    with sessions.begin(PLATFORM) as session:
        campaigns.settle(session, NOW + 40 * DAY)
    assert _overview(sessions) == []


def test_an_organization_replaces_its_own_only(sessions: Sessions) -> None:
    mine, _ = _certificates(sessions, 1, 1)
    with sessions.begin(PLATFORM) as session:
        other = rows.organization(session).slug
    found = _start(sessions, mine, issuer="Encrypt")
    assert found is not None
    assert found.total == 1
    with pytest.raises(NotFound):
        _start(sessions, mine, issuer="Encrypt", organization=other)


def test_what_is_refused(sessions: Sessions) -> None:
    with pytest.raises(Invalid) as refused:
        _start(sessions)
    assert refused.value.code == "campaign_selection_missing"
    with pytest.raises(Invalid) as refused:
        _start(sessions, issuer="E7", due_at=NOW)
    assert refused.value.code == "campaign_due_invalid"
    _certificates(sessions, 1, issuer="100% sure")
    assert _start(sessions, issuer="1%0") is None, "no pattern"


class Advising:
    """What an authority suggests of the rig's certificate."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.info: RenewalInfo | None = None
        authority = rig.authority
        authority.renewal_info = lambda _bundle: self.info
        rig.authority_is(authority)

    def says(self, begins: timedelta, ends: timedelta, url: str | None = None) -> None:
        issued = self.rig.row().issued_at
        assert issued is not None
        self.info = RenewalInfo((issued + begins, issued + ends), url)


def test_an_authority_that_moves_its_window_makes_a_campaign(sessions: Sessions) -> None:
    rig = made(sessions)
    advising = Advising(rig)
    rig.work()
    rig.change(Certificate, rig.certificate_id, renewal_info_due_at=None)
    advising.says(59 * DAY, 61 * DAY)
    assert rig.work(after=DAY).campaign is None, "a usual window"
    rig.change(Certificate, rig.certificate_id, renewal_info_due_at=None)
    advising.says(2 * DAY, 4 * DAY, "https://ca.example/incident")
    row = rig.work(after=DAY)
    assert (row.campaign or "").startswith("ari-")
    assert row.campaign_due_at == row.renewal_window_ends_at
    (found,) = _overview(sessions, rig.actor)
    assert (found.total, found.done) == (1, 0)
    assert "https://ca.example/incident" in found.reason
    advising.info = None
    row = rig.work(after=4 * DAY)
    assert row.generation == 2
    (found,) = _overview(sessions, rig.actor)
    assert (found.done, found.remaining) == (1, 0)


def test_an_early_window_is_one_without_an_explanation(sessions: Sessions) -> None:
    rig = made(sessions)
    rig.work()
    row = rig.row()
    assert row.issued_at is not None
    early = RenewalInfo((row.issued_at, row.issued_at + DAY))
    assert campaigns.of_authority(row, early, row.issued_at)
    assert not campaigns.of_authority(row, early, row.issued_at), "it is in it already"
    usual = RenewalInfo((row.issued_at + 55 * DAY, row.issued_at + 60 * DAY))
    assert not campaigns.of_authority(row, replace(usual), row.issued_at)
