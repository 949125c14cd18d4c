"""Purges of what a network in front keeps: of one's own hosts behind it, bounded, and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.models import world as rows
from tests.usecases.dns.cdn_rig import APEX, WWW, CdnRig, cdn_rig

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid, NameplateError, NotFound, RateLimited
from nameplate.models import Domain
from nameplate.usecases.claims import domains
from nameplate.usecases.dns import purges
from nameplate.usecases.dns.purges import CachePurge


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Iterator[CdnRig]:
    with cdn_rig(migrated_sqlite_url) as made:
        made.record()
        made.zone.work()
        yield made


def purge(rig: CdnRig, *paths: str, host: str | None = WWW, **more: Any) -> CachePurge:
    offline = rig.zone.offline
    actor = more.pop("actor", rig.zone.actor)
    return purges.purge(offline.sessions, offline.tools, actor, rig.zone.name, host, paths, **more)


def code(rig: CdnRig, *paths: str, **more: Any) -> str:
    with pytest.raises(NameplateError) as caught:
        purge(rig, *paths, **more)
    assert isinstance(caught.value, Invalid | Conflict | NotFound | RateLimited)
    return caught.value.code


def test_a_host_or_some_paths_are_forgotten(rig: CdnRig) -> None:
    assert purge(rig, dry_run=True).what.hosts == (WWW,)
    assert purge(rig, "/a", dry_run=True).what.urls == (f"https://{WWW}/a", f"http://{WWW}/a")
    assert rig.fake.purged == []
    purge(rig)
    purge(rig, "/a?b=c", "/a?b=c")
    assert rig.fake.purged == [WWW, f"https://{WWW}/a?b=c", f"http://{WWW}/a?b=c"]


def test_what_nobody_may_have_purged(rig: CdnRig) -> None:
    rig.record("plain", proxied=False, last=2)
    rig.zone.work()
    for host in (f"plain.{APEX}", APEX, None):
        assert code(rig, host=host) == "cdn_missing"
    for host in ("www.example.com", "example.com", f"www.{APEX}.example.com"):
        assert code(rig, host=host) == "host_not_in_domain"
    stranger = rig.zone.offline.organization("stranger")
    assert code(rig, actor=stranger) == "domain_not_found"
    with rig.zone.offline.sessions.begin(PLATFORM) as session:
        domains.suspend(session, PLATFORM, rig.zone.name, rig.zone.offline.tools.clock(), "abuse")
    assert code(rig) == "domain_not_proved"
    assert rig.fake.purged == []


@pytest.mark.parametrize(
    "path", ["", "a", "/a b", "/a\n", "/a#b", "/ü", "/<x>", "/" + "a" * 2000, "//x@evil\\", "/{a}"]
)
def test_what_is_no_path(rig: CdnRig, path: str) -> None:
    assert code(rig, path) == "path_invalid"
    assert rig.fake.purged == []


def test_purges_are_bounded(rig: CdnRig) -> None:
    many = [f"/{number}" for number in range(purges.MAX_PATHS)]
    purge(rig, *many)
    assert len(rig.fake.purged) == 2 * purges.MAX_PATHS
    assert code(rig, *many, "/more") == "path_invalid"
    for _ in range(4):
        purge(rig)
    for _ in range(3):
        purge(rig, dry_run=True)
    assert code(rig) == "purges_spent"
    assert sum(one.path.endswith("purge_cache") for one in rig.fake.asked) == 5


def test_a_host_that_is_lent_is_its_borrowers(rig: CdnRig) -> None:
    with rig.zone.offline.sessions.begin(PLATFORM) as session:
        other = rows.organization(session).id
        domain = session.get_one(Domain, rig.zone.domain_id)
        rows.grant(session, domain, name=WWW, grantee_organization_id=other)
    assert code(rig) == "domain_not_proved"
