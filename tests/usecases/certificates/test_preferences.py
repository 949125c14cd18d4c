"""What certificates are made with: asked for, else preferred by domain, organization, platform; and why."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from tests.models import world as rows
from tests.usecases.certificates.certificate_rig import NAME, Rig, local_authority, made

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.certificate_preferences import (
    CertificatePreferences,
    PreferenceOrigin,
    choose,
)
from nameplate.core.draft_challenges import DRAFTS
from nameplate.core.errors import NotFound
from nameplate.db import Sessions, database_now
from nameplate.models import Account, Certificate, ChallengeType, Domain, Organization
from nameplate.usecases.certificates import requests
from nameplate.usecases.claims import domains
from nameplate.usecases.tenants import organizations

O = PreferenceOrigin  # noqa: E741 - short beside what it says


@pytest.fixture
def rig(sessions: Sessions) -> Rig:
    return made(sessions)


def _domain(rig: Rig, actor: Actor | None = None, **changes: Any) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        reference = session.get_one(Domain, rig.domain_id).full_domain
    with rig.offline.sessions.begin(actor or rig.actor) as session:
        now = database_now(session)
        domains.update(session, actor or rig.actor, reference, now=now, **changes)


def _organization(rig: Rig, actor: Actor | None = None, **changes: Any) -> None:
    with rig.offline.sessions.begin(actor or rig.actor) as session:
        slug = session.get_one(Organization, rig.actor.organization_id).slug
        organizations.update(session, actor or rig.actor, slug, **changes)


def _curve(row: Certificate) -> str:
    key = x509.load_pem_x509_certificate((row.certificate or "").encode()).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key.curve.name


def _origin(row: Certificate, name: str) -> PreferenceOrigin:
    assert row.chosen_by is not None
    return row.chosen_by.of(name)


def test_the_most_particular_wish_counts_and_a_challenge_that_cannot_prove_is_passed_over() -> None:
    levels = [
        (O.CERTIFICATE, CertificatePreferences(profile="mine")),
        (O.DOMAIN, CertificatePreferences(challenge="tls-alpn-01", profile="its")),
        (O.ORGANIZATION, CertificatePreferences(challenge="dns-01", key_type="rsa2048")),
        (O.PLATFORM, CertificatePreferences(key_type="ec384", authorities=("ca",))),
    ]
    found = choose(levels, lambda one: one == "tls-alpn-01")
    assert found.values == CertificatePreferences("rsa2048", "dns-01", "mine", None, ("ca",))
    assert found.origins == {
        "key_type": O.ORGANIZATION, "challenge": O.ORGANIZATION, "profile": O.CERTIFICATE,
        "preferred_chain": O.DEFAULT, "authorities": O.PLATFORM,
    }  # fmt: skip


def test_renewals_follow_what_is_preferred_by_then(rig: Rig) -> None:
    row = rig.work()
    assert (_curve(row), _origin(row, "key_type")) == ("secp256r1", O.DEFAULT)
    _organization(rig, key_type="ec384")
    rig.renew()
    row = rig.work()
    assert (_curve(row), _origin(row, "key_type")) == ("secp384r1", O.ORGANIZATION)
    _domain(rig, key_type="ec256")
    rig.renew()
    row = rig.work()
    assert (_curve(row), _origin(row, "key_type")) == ("secp256r1", O.DOMAIN)


def test_what_was_asked_for_with_the_certificate_stays(rig: Rig) -> None:
    rig.want(key_type="ec384")
    rig.work()
    _domain(rig, key_type="ec256")
    rig.renew()
    row = rig.work()
    assert (_curve(row), _origin(row, "key_type")) == ("secp384r1", O.CERTIFICATE)
    with rig.offline.sessions.begin(rig.actor) as session:
        requests.renew(session, rig.actor, rig.reference, row.created_at, key_type="ec256")
    row = rig.work()
    assert (_curve(row), row.generation) == ("secp256r1", 3)


def test_certificates_from_before_there_were_preferences_keep_theirs(rig: Rig) -> None:
    rig.work()
    rig.change(Certificate, rig.certificate_id, chosen_by=None, key_type="ec384")
    _domain(rig, key_type="ec256")
    rig.renew()
    assert _curve(rig.work()) == "secp384r1"


def test_the_challenge_is_chosen_again_and_an_impossible_one_is_passed_over(rig: Rig) -> None:
    _domain(rig, certificate_challenge="tls-alpn-01")
    rig.want()
    row = rig.row()
    assert (row.acme_challenge_type, _origin(row, "challenge")) == (
        ChallengeType.HTTP_01,
        O.DEFAULT,
    )
    rig.work()
    rig.offline.tools = replace(rig.offline.tools, answers_tls_alpn=True)
    rig.renew()
    row = rig.work()
    assert (row.acme_challenge_type, row.generation) == (ChallengeType.TLS_ALPN_01, 2)
    assert _origin(row, "challenge") is O.DOMAIN


def test_a_platform_can_prefer(rig: Rig) -> None:
    platform = CertificatePreferences(key_type="ec384", profile="tlsserver")
    rig.offline.tools = replace(rig.offline.tools, certificate_preferences=platform)
    rig.want()
    row = rig.row()
    assert (row.key_type, row.profile) == ("ec384", "tlsserver")
    assert _origin(row, "profile") is O.PLATFORM


def test_a_domain_says_with_which_authorities_in_which_order(rig: Rig) -> None:
    for priority, name in enumerate(("first", "second", "third")):
        rig.add_account(name=name, priority=priority)
    asked: list[str] = []

    def authority(account: Account) -> Any:
        asked.append(account.name)
        return local_authority()

    rig.offline.tools = replace(rig.offline.tools, authority=authority)
    _domain(rig, PLATFORM, certificate_authorities=["third", "second"])
    rig.want()
    row = rig.work()
    assert set(asked) == {"third"}
    assert row.authorities == "third\nsecond"
    assert (
        row.authority_reason == "ca.example is the first in the order of preference of the domain."
    )
    _domain(rig, certificate_authorities=None)
    _organization(rig, PLATFORM, certificate_authorities=["second"])
    rig.renew()
    row = rig.work()
    assert (
        row.authority_reason
        == "ca.example is the only authority in the preference of the organization."
    )
    assert asked[-1] == "second"


def test_only_accounts_that_may_issue_can_be_named(rig: Rig) -> None:
    """The platform's are none of a tenant's business: they answer as one that is not there."""
    rig.add_account(name="of the platform")
    for change in (_domain, _organization):
        with pytest.raises(NotFound) as refused:
            change(rig, certificate_authorities=["of the platform"])
        assert refused.value.code == "account_not_found"
    for change in (_domain, _organization):
        with pytest.raises(NotFound) as refused:
            change(rig, certificate_authorities=["unheard of"])
        assert refused.value.code == "account_not_found"
    assert rig.row().common_name == NAME


def test_a_draft_is_preferred_only_where_the_operator_lets_it_and_the_zone_is_written(
    rig: Rig,
) -> None:
    _domain(rig, certificate_challenge="dns-persist-01")
    found = []
    for allowed, account in (((), None), (DRAFTS, None), (DRAFTS, "dns"), ((), "dns")):
        rig.offline.tools = replace(rig.offline.tools, draft_challenges=allowed)
        with rig.offline.sessions.begin(PLATFORM) as session:
            made_now = rows.account(session, None) if account else None
            domain = session.get_one(Domain, rig.domain_id)
            domain.dns_account_id = made_now.id if made_now else None
        rig.want()
        found.append(rig.row().acme_challenge_type)
    usual = ChallengeType.HTTP_01
    assert found == [usual, usual, ChallengeType.DNS_PERSIST_01, usual]
