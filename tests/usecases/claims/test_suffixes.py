"""A name below which a company gives names to customers: DNS proof, approval, and held alone."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from tests.models import world as rows
from tests.usecases.offline import Offline

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotPermitted
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.db import Sessions
from nameplate.models import (
    Domain,
    HoldingScope,
    NameHolding,
    Organization,
    SuffixApproval,
    Verification,
)
from nameplate.usecases import holders
from nameplate.usecases.certificates import requests
from nameplate.usecases.claims import conditions, domains, proving, suffixes
from nameplate.usecases.serving import bindings

SUFFIX = "github.io"


def now() -> datetime:
    return datetime.now(UTC)


class Desk:
    """The company whose suffix it is, and the operator."""

    def __init__(self, sessions: Sessions) -> None:
        self.world = Offline(sessions)
        self.sessions = sessions
        self.actor = self.world.organization("github")
        self.id = self.claim(SUFFIX)

    def claim(self, name: str, actor: Actor | None = None) -> int:
        who = actor or self.actor
        with self.sessions.begin(who) as session:
            return domains.add(session, self.world.tools, who, name=name).id

    def domain(self) -> Domain:
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(Domain, self.id)

    def proofs(self) -> list[Verification]:
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(Verification).where(Verification.organization_domain_id == self.id)
            return list(session.scalars(query.order_by(Verification.id)))

    def look(self, after: timedelta = timedelta(0)) -> VerificationStatus:
        """Publish the newest token, and have a worker look."""
        row = self.proofs()[-1]
        self.world.method.published[SUFFIX] = row.verification_token
        lease = self.world.leased(Verification, row.id, after=after)
        proving.reconcile(self.sessions, self.world.tools, lease)
        return next(one for one in self.proofs() if one.id == row.id).status

    def approve(self, actor: Actor = PLATFORM) -> None:
        with self.sessions.begin(actor) as session:
            suffixes.approve(session, self.world.tools, actor, ids.show("dom", self.id), now())

    def deny(self, actor: Actor = PLATFORM) -> None:
        reference = ids.show("dom", self.id)
        with self.sessions.begin(actor) as session:
            suffixes.deny(
                session, self.world.tools, actor, reference, now(), reason="Not the registry."
            )

    def holding(self) -> NameHolding | None:
        with self.sessions.begin(PLATFORM) as session:
            return session.get(NameHolding, SUFFIX)

    def told(self) -> dict[str, str]:
        with self.sessions.begin(PLATFORM) as session:
            found = conditions.of(session, self.world.tools, session.get_one(Domain, self.id))
            return {one.type: one.reason for one in found}


@pytest.fixture
def desk(sessions: Sessions) -> Desk:
    return Desk(sessions)


def test_a_proof_alone_gives_nothing(desk: Desk) -> None:
    assert desk.domain().suffix_approval is SuffixApproval.WAITING
    assert desk.told()["approval"] == "approval_waiting"
    assert desk.look() is VerificationStatus.VERIFYING
    assert desk.look(timedelta(days=100)) is VerificationStatus.VERIFYING, (
        "it waits for the operator"
    )
    assert desk.holding() is None
    assert "operator must approve" in str(desk.proofs()[-1].error_message)


def test_proved_and_approved_it_is_held_alone(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    desk.look()
    desk.approve()
    assert "domain_approved" in {one.message for one in caplog.records}
    assert desk.look() is VerificationStatus.VERIFIED
    held = desk.holding()
    assert held is not None
    assert held.scope is HoldingScope.EXACT
    assert "approval" not in desk.told()
    other = desk.world.organization("customer")
    desk.claim("customer.github.io", other)
    with desk.sessions.begin(PLATFORM) as session:
        assert holders.holder(session, SUFFIX) == desk.actor.organization_id
        assert holders.holder(session, "customer.github.io") is None
        owner = session.get_one(Organization, desk.actor.organization_id)
        app = rows.application(session, owner, upstream_host="10.0.0.1", upstream_port=80)
        rows.server(session, None, proxy={"type": "caddy"})
        reference = ids.show("app", app.id)
    with desk.sessions.begin(desk.actor) as session:
        bound = bindings.add(
            session, desk.world.tools, desk.actor, application=reference, domain=SUFFIX, now=now()
        )
        assert bound.hostname == SUFFIX
        wanted = requests.issue(session, desk.world.tools, desk.actor, SUFFIX, now=now())
        assert wanted.common_name == SUFFIX


def test_only_the_operator_decides(desk: Desk) -> None:
    for act in (desk.approve, desk.deny):
        with pytest.raises(NotPermitted):
            act(desk.actor)
    plain = ids.show("dom", desk.claim("shop.com"))
    with pytest.raises(Conflict) as caught, desk.sessions.begin(PLATFORM) as session:
        suffixes.approve(session, desk.world.tools, PLATFORM, plain, now())
    assert caught.value.code == "approval_not_needed"


def test_what_was_approved_can_be_denied_and_approved_again(desk: Desk) -> None:
    desk.approve()
    desk.look()
    assert desk.domain().status is DomainStatus.VERIFIED
    desk.deny()
    assert desk.holding() is None
    assert desk.domain().status is DomainStatus.PENDING_VERIFICATION
    assert desk.domain().error_message == "Not the registry."
    assert desk.told()["ownership"] == "approval_denied"
    assert desk.look() is VerificationStatus.EXPIRED
    desk.approve()
    assert desk.look() is VerificationStatus.VERIFIED
    assert desk.holding() is not None


@pytest.mark.parametrize(
    ("name", "method", "code"),
    [
        ("herokuapp.com", "file_upload", "suffix_needs_dns"),
        ("*.github.io", "dns_txt", "name_wildcard_suffix"),
        ("co.uk", "dns_txt", "name_public_suffix"),
        ("com", "dns_txt", "name_single_label"),
    ],
)
def test_what_nobody_gets(desk: Desk, name: str, method: str, code: str) -> None:
    with pytest.raises(Invalid) as caught, desk.sessions.begin(desk.actor) as session:
        domains.add(session, desk.world.tools, desk.actor, name=name, verification_method=method)
    assert caught.value.code == code
