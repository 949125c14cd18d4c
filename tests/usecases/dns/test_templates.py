"""Templates change the records of a domain, all or none."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session
from tests.databases import Templates, sessions_over
from tests.models import world
from tests.models.world import NOW

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, NotFound
from nameplate.core.lifecycle import DomainStatus, RecordStatus
from nameplate.core.templates import TemplateEffect
from nameplate.models import Domain, Record
from nameplate.usecases.dns import records, templates


@pytest.fixture
def session(templates: Templates) -> Iterator[Session]:
    made = sessions_over(templates.url("sqlite"))
    with made.begin(PLATFORM) as session:
        yield session
        session.rollback()
    made.dispose()


@pytest.fixture
def domain(session: Session) -> Domain:
    owner = world.organization(session)
    account = world.account(session, owner)
    return world.domain(session, owner, status=DomainStatus.VERIFIED, dns_account_id=account.id)


def there(session: Session) -> set[tuple[str, str, str]]:
    rows = session.scalars(Record.visible(PLATFORM)).all()
    return {(row.name, row.record_type.value, records.text(row)) for row in rows}


def use(
    session: Session, name: str, *, dry_run: bool = False, **values: str
) -> list[tuple[str, str]]:
    applied = templates.apply(session, PLATFORM, "acme.com", name, values, now=NOW, dry_run=dry_run)
    return [(one.action.value, one.name) for one in applied.effects]


def test_applied_twice_is_applied_once(session: Session, domain: Domain) -> None:
    domain.next_action_at = None
    assert use(session, "mail", mx="mx.example.net", dry_run=True) == [("add", "@"), ("add", "@")]
    assert not there(session)
    assert domain.next_action_at is None
    use(session, "mail", mx="mx.example.net")
    made = {("@", "MX", "10 mx.example.net."), ("@", "TXT", '"v=spf1 mx ~all"')}
    assert there(session) == made
    assert domain.next_action_at == NOW
    assert {action for action, _ in use(session, "mail", mx="mx.example.net")} == {"exists"}
    assert there(session) == made


def test_a_merge_changes_the_row_and_keeps_the_others(session: Session, domain: Domain) -> None:
    records.add(
        session, PLATFORM, "acme.com", type="TXT", name="@", value="v=spf1 a -all", ttl=600, now=NOW
    )
    row = session.scalars(Record.visible(PLATFORM)).one()
    row.confirm(NOW)
    use(session, "spf", include="_spf.example.net")
    assert there(session) == {("@", "TXT", '"v=spf1 a include:_spf.example.net -all"')}
    assert row.status is RecordStatus.PENDING
    use(session, "verification", value="abc", service="microsoft")  # shares the TTL of its set
    assert {one.ttl for one in session.scalars(Record.visible(PLATFORM))} == {600}
    assert ("@", "TXT", '"MS=abc"') in there(session)
    assert domain.is_live


def test_a_conflict_stops_everything(session: Session, domain: Domain) -> None:
    records.add(session, PLATFORM, "acme.com", type="MX", name="@", value="10 mx.old.net", now=NOW)
    before = there(session)
    found = templates.apply(session, PLATFORM, "acme.com", "proton", {}, now=NOW, dry_run=True)
    assert [one.action for one in found.effects] == [
        TemplateEffect.CONFLICT,
        TemplateEffect.CONFLICT,
        TemplateEffect.ADD,
    ]
    with pytest.raises(Conflict, match=r"mx\.old\.net") as raised:
        use(session, "proton")
    assert raised.value.code == "template_conflict"
    assert there(session) == before
    assert domain.is_live


def test_unknown_templates_and_domains_without_account(session: Session, domain: Domain) -> None:
    with pytest.raises(NotFound):
        use(session, "nothing")
    domain.dns_account_id = None
    with pytest.raises(Conflict) as raised:
        use(session, "no-mail")
    assert raised.value.code == "dns_account_missing"
