"""Certificates that organizations bring: whose names and keys they are, and who may do what with them."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from tests.core.pki import key_pem
from tests.usecases.certificates.certificate_rig import NAME
from tests.usecases.certificates.upload_rig import DAY, PKI, Uploads, code, uploading

from nameplate.core import ids, keys
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Binding, Certificate, Domain, SslProvider
from nameplate.usecases.certificates import coverage, exports, requests, revocations
from nameplate.usecases.claims import domains
from nameplate.usecases.serving import routes
from nameplate.usecases.tenants import accounts


@pytest.fixture
def rig(sessions: Sessions) -> Uploads:
    return uploading(sessions)


def test_an_upload_is_active_at_once_and_its_key_sealed(rig: Uploads) -> None:
    party = PKI.leaf(NAME, f"*.{NAME}")
    row = rig.take(party)
    assert (row.status, row.certificate_type.value) == (CertificateStatus.ACTIVE, "custom")
    assert row.subject_alternative_names == [f"*.{NAME}", NAME]
    assert (row.generation, row.is_automatic, row.acme_challenge_type) == (1, False, None)
    sealed = row.private_key or ""
    assert "PRIVATE" not in sealed
    opened = rig.rig.offline.tools.keyring.open(sealed, requests.key_place(row))
    assert keys.public_bytes(opened) == keys.public_bytes(party.secret)
    assert rig.read(Domain, rig.rig.domain_id).ssl_provider is SslProvider.CUSTOM


def test_no_secret_is_in_any_event_or_row(rig: Uploads) -> None:
    party = PKI.leaf(NAME)
    row = rig.take(party)
    rig.replace(row, PKI.leaf(NAME))
    lines = [line for line in party.secret.reveal().splitlines() if "-----" not in line]
    with rig.sessions.begin(PLATFORM) as session:
        connection = session.connection()
        for table in sa.inspect(connection).get_table_names():
            held = str(connection.execute(sa.text(f"SELECT * FROM {table}")).all())
            assert not any(line in held for line in lines), table


def test_a_dry_run_changes_nothing(rig: Uploads) -> None:
    shown = rig.upload(dry_run=True)
    assert shown.status is CertificateStatus.ACTIVE
    assert shown.expires_at is not None
    assert rig.all() == []


@pytest.mark.parametrize(
    "names", [("example.com",), (NAME, "other.example.net"), ("*.example.com",), ("example.org",)]
)
def test_every_name_must_be_held(rig: Uploads, names: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as caught:
        rig.upload(*names)
    assert caught.value.code == "names_not_held"
    lacking = next(one for one in names if one != NAME)
    assert lacking in caught.value.detail


def test_a_child_that_another_holds_is_not_held(rig: Uploads) -> None:
    """The owner's session does not see the holding of the child: it is asked as the platform."""
    rig.domain("example.com")
    globex = rig.rig.offline.organization("globex")
    rig.domain(f"eu.{NAME}", globex)
    assert code(rig.upload, NAME, f"eu.{NAME}") == "names_not_held"
    assert code(rig.upload, NAME, actor=globex) == "names_not_held"
    assert rig.upload(f"eu.{NAME}", actor=globex).organization_id == globex.organization_id


def test_the_platform_names_no_organization(rig: Uploads) -> None:
    row = rig.upload(actor=PLATFORM)
    assert row.organization_id == rig.rig.actor.organization_id


def test_a_claim_of_another_is_not_there(rig: Uploads) -> None:
    globex = rig.rig.offline.organization("globex")
    domain = ids.show("dom", rig.rig.domain_id)
    assert code(rig.upload, NAME, actor=globex, domain=domain) == "domain_not_found"


def test_a_key_of_another_organization_is_refused(rig: Uploads) -> None:
    globex = rig.rig.offline.organization("globex")
    rig.domain("example.net", globex)
    party = PKI.leaf("example.net")
    theirs = rig.take(party, actor=globex)
    ours = PKI.leaf(NAME, key=party.key)
    assert code(rig.take, ours) == "key_reused"
    rig.rig.change(Certificate, theirs.id, deleted_at=datetime.now(UTC))
    assert code(rig.take, ours) == "key_reused", "a removed one is no reason to share a key"
    assert code(rig.take, PKI.leaf("www.example.net", key=party.key), actor=globex) == ""


def test_a_key_that_was_given_up_is_refused(rig: Uploads) -> None:
    party = PKI.leaf(NAME)
    row = rig.take(party)
    with rig.sessions.begin(PLATFORM) as session:
        session.get_one(Certificate, row.id).revoke(datetime.now(UTC))
    assert code(rig.take, PKI.leaf(NAME, key=party.key)) == "key_reused"


def test_the_account_key_is_refused(rig: Uploads) -> None:
    party = PKI.leaf(NAME)
    with rig.sessions.begin(PLATFORM) as session:
        accounts.add(
            session, PLATFORM, rig.rig.offline.tools, kind="ca", provider="acme", name="second",
            config={"directory_url": "https://ca.example/directory"},
            credentials={"account_key": key_pem(party.key)},
        )  # fmt: skip
    assert code(rig.take, party) == "key_reused"


def test_the_same_certificate_twice(rig: Uploads) -> None:
    party = PKI.leaf(NAME)
    rig.take(party)
    assert code(rig.take, party) == "certificate_exists"


def test_replacing_keeps_the_certificate_and_counts_on(rig: Uploads) -> None:
    row = rig.upload()
    new = PKI.leaf(NAME, f"www.{NAME}", lifetime=200 * DAY)
    changed = rig.replace(row, new)
    assert (changed.id, changed.generation, changed.status) == (row.id, 2, CertificateStatus.ACTIVE)
    assert changed.subject_alternative_names == [NAME, f"www.{NAME}"]
    assert changed.private_key != row.private_key
    assert code(rig.replace, row, PKI.leaf("example.net")) == "names_not_held"
    globex = rig.rig.offline.organization("globex")
    assert code(rig.replace, row, new, globex) == "certificate_not_found"


def test_a_replacement_must_name_what_is_served(rig: Uploads) -> None:
    row = rig.upload(NAME, f"www.{NAME}")
    rig.served(rig.bind())
    assert code(rig.replace, row, PKI.leaf(f"www.{NAME}")) == "hosts_uncovered"
    assert code(rig.replace, row, PKI.leaf(NAME)) == ""


def test_what_an_authority_issued_is_not_replaced_or_what_was_uploaded_revoked(
    rig: Uploads,
) -> None:
    rig.rig.want()
    issued = rig.rig.work()
    assert code(rig.replace, issued, PKI.leaf(NAME)) == "certificate_not_uploaded"
    tools, reference = rig.rig.offline.tools, ids.show("crt", rig.upload().id)
    refused = code(revocations.revoke, rig.sessions, tools, rig.rig.actor, reference)
    assert refused == "certificate_uploaded"


def _remove(rig: Uploads, row: Certificate) -> str:
    def act() -> None:
        with rig.sessions.begin(rig.rig.actor) as session:
            requests.remove(session, rig.rig.actor, ids.show("crt", row.id), datetime.now(UTC))

    return code(act)


def test_what_is_served_is_removed_only_when_another_is_there(rig: Uploads) -> None:
    row = rig.upload()
    binding = rig.bind()
    assert (rig.served(binding) or row).id == row.id
    assert _remove(rig, row) == "certificate_in_use"
    with rig.sessions.begin(rig.rig.actor) as session:
        requests.renew(session, rig.rig.actor, ids.show("crt", row.id), datetime.now(UTC))
    assert (rig.served(binding) or row).id == row.id, "it is served until then"
    follower = next(one for one in rig.all() if one.id != row.id)
    assert rig.work(follower.id).status is CertificateStatus.ACTIVE
    assert _remove(rig, row) == ""
    assert (rig.served(binding) or row).id == follower.id
    assert rig.read(Domain, rig.rig.domain_id).ssl_provider is SslProvider.LETSENCRYPT


def test_one_that_nothing_uses_is_removed_at_once(rig: Uploads) -> None:
    assert _remove(rig, rig.upload()) == ""


def test_it_covers_hosts_of_other_domains_of_its_organization(rig: Uploads) -> None:
    second = rig.domain("example.net")
    row = rig.upload(NAME, "example.net", "*.example.net")
    with rig.sessions.begin(PLATFORM) as session:
        assert set(coverage.domains(session, row)) == {rig.rig.domain_id, second}
    for host in ("example.net", "www.example.net"):
        found = rig.served(rig.bind(host, second))
        assert found is not None
        assert found.id == row.id


def test_a_lost_name_is_not_served_with_it_any_more(rig: Uploads) -> None:
    second = rig.domain("example.net")
    row = rig.upload(NAME, "example.net")
    lost, kept = rig.bind("example.net", second), rig.bind()
    rig.served(lost)
    with rig.sessions.begin(PLATFORM) as session:
        domains.remove(
            session, rig.rig.offline.tools, PLATFORM, ids.show("dom", second), datetime.now(UTC)
        )
    server = rig.read(Binding, lost).server_id
    with rig.sessions.begin(PLATFORM) as session:
        assert routes.wanted(session, server) == []
    assert (rig.served(kept) or row).id == row.id


def test_the_key_is_exported_to_who_may_and_never_silently(rig: Uploads) -> None:
    party = PKI.leaf(NAME)
    row = rig.take(party)
    reference, tools = ids.show("crt", row.id), rig.rig.offline.tools
    plain = rig.rig.actor
    allowed = Actor(plain.organization_id, may_export_keys=True)
    foreign = Actor(rig.rig.offline.organization("globex").organization_id, may_export_keys=True)

    def export(actor: Actor) -> Any:
        with rig.sessions.begin(actor) as session:
            return exports.private_key(session, tools, actor, reference, datetime.now(UTC))[1]

    assert code(export, plain) == "export_not_permitted"
    assert code(export, foreign) == "certificate_not_found"
    assert rig.events("certificate.key_exported") == []
    found: Secret = export(allowed)
    assert keys.public_bytes(found) == keys.public_bytes(party.secret)
    export(allowed)
    told = rig.events("certificate.key_exported")
    assert [(one.object_id, one.organization_id) for one in told] == [
        (row.id, plain.organization_id)
    ] * 2
