"""Proxied records: columns and origin mode follow, what goes wrong is said, edges are trusted."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.usecases.dns.cdn_rig import APEX, EDGE, WWW, CdnRig, cdn_rig

from nameplate.core.actor import PLATFORM
from nameplate.core.cdn import CdnNetworks
from nameplate.core.ids import show
from nameplate.core.turns import Turn
from nameplate.models import Binding, Certificate, CertificateType, ProxyType, Server
from nameplate.usecases.dns import records
from nameplate.usecases.serving import rendering, routes
from nameplate.usecases.serving.routes import Difference


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Iterator[CdnRig]:
    with cdn_rig(migrated_sqlite_url) as made:
        yield made


def seen(rig: CdnRig) -> tuple[bool, str | None, Any]:
    domain = rig.zone.domain()
    return domain.cdn_enabled, domain.cdn_provider, domain.dns.cdn


def test_the_columns_follow_the_records(rig: CdnRig) -> None:
    plain = rig.record("plain", proxied=False)
    rig.zone.work()
    assert seen(rig) == (False, None, None)
    assert not any("settings" in one.path for one in rig.fake.asked), "nothing is proxied"
    row = rig.record()
    rig.zone.work()
    enabled, provider, found = seen(rig)
    assert (enabled, provider) == (True, "cloudflare")
    assert (found.hosts, found.mode, found.networks) == ((WWW,), "full", EDGE.networks)
    assert rig.told() is not None
    for one in (row, plain):
        with rig.zone.offline.sessions.begin(rig.zone.actor) as session:
            records.remove(
                session, rig.zone.actor, show("rec", one.id), rig.zone.offline.tools.clock()
            )
        rig.zone.work()
        assert seen(rig) == (False, None, None)
    assert rig.told() is None


def test_flexible_with_force_https_is_a_loop_until_one_of_both_changes(rig: CdnRig) -> None:
    rig.record()
    binding, _ = rig.bind()
    rig.fake.set_mode(APEX, "flexible")
    rig.zone.work()
    told = rig.told()
    assert told is not None
    assert (told.status, told.reason, told.turn) == (False, "cdn_redirect_loop", Turn.YOU)
    assert WWW in told.message
    assert "Full (strict)" in told.fix
    rig.change(Binding, binding, force_https=False)
    told = rig.told()
    assert told is not None
    assert (told.status, told.reason) == (True, "cdn_plain_origin")
    rig.change(Binding, binding, force_https=True)
    rig.fake.set_mode(APEX, "strict")
    rig.zone.work()
    told = rig.told()
    assert told is not None
    assert (told.status, told.reason, told.turn) == (True, "proxied", None)


def test_what_the_origin_presents_must_be_what_the_mode_accepts(rig: CdnRig) -> None:
    rig.record()
    binding, _ = rig.bind()
    bare, _ = rig.bind(f"plain.{APEX}", certificate=False)
    rig.fake.set_mode(APEX, "strict")
    rig.zone.work()
    assert reason(rig) == "proxied", "the other host is not proxied"
    with rig.zone.offline.sessions.begin(PLATFORM) as session:
        certificate = session.query(Certificate).one()
        certificate.certificate_type = CertificateType.SELF_SIGNED
    assert reason(rig) == "cdn_origin_untrusted"
    rig.fake.set_mode(APEX, "full")
    rig.zone.work()
    assert reason(rig) == "proxied", "this mode takes any certificate"
    rig.record("*", last=2)
    rig.zone.work()
    assert reason(rig) == "cdn_origin_uncertified"
    rig.change(Binding, bare, hostname="plain.elsewhere.test")
    rig.change(Binding, binding, proxy_config={"allow_ips": ["192.0.2.0/24"]})
    assert reason(rig) == "proxied", "nginx judges the address that the network names"
    rig.change(Binding, binding, proxy_type=ProxyType.TRAEFIK)
    assert reason(rig) == "cdn_blocks_visitors"


def reason(rig: CdnRig) -> str:
    found = rig.told()
    assert found is not None
    return found.reason


def test_a_token_without_the_right_writes_records_all_the_same(rig: CdnRig) -> None:
    rig.fake.may_read_settings = False
    row = rig.record()
    rig.zone.work()
    assert rig.zone.rows()["www", "192.0.2.1"].id == row.id
    assert rig.fake.rows(APEX), "written"
    assert reason(rig) == "cdn_mode_unknown"
    rig.fake.may_read_settings = True
    rig.fake.set_mode(APEX, "strict")
    rig.zone.work()
    assert reason(rig) == "proxied"
    rig.fake.play("status", status=503, times=9, when=lambda one: "settings" in one.path)
    rig.zone.work()
    assert reason(rig) == "proxied", "what was known stays while Cloudflare does not answer"


def test_edges_are_trusted_for_hosts_behind_them_alone(rig: CdnRig) -> None:
    rig.record()
    own = {"trusted_proxies": ["192.0.2.7"]}
    _, server = rig.bind(proxy_config=own)
    _, other = rig.bind(f"plain.{APEX}")
    before = fingerprint(rig, server), fingerprint(rig, other)
    rig.zone.work()
    assert trusted(rig, server) == ("192.0.2.7", *EDGE.networks)
    assert trusted(rig, other) == ()
    assert fingerprint(rig, server) != before[0], "the proxy is told"
    assert fingerprint(rig, other) == before[1]
    rig.change(Server, server, proxy={"type": "traefik"})
    assert trusted(rig, server) == ("192.0.2.7",), "it trusts by entry points alone"


def test_of_two_lists_of_edges_the_newer_counts_whoever_has_it(rig: CdnRig) -> None:
    rig.record()
    rig.zone.work()
    older = CdnNetworks(("203.0.113.0/24",), EDGE.at - timedelta(days=1))
    newer = CdnNetworks(("203.0.113.0/24",), EDGE.at + timedelta(days=1))
    for known, wanted in ((older, EDGE.networks), (newer, newer.networks), (EDGE, newer.networks)):
        use(rig, known)
        rig.zone.work()
        assert seen(rig)[2].networks == wanted


def use(rig: CdnRig, known: CdnNetworks) -> None:
    rig.zone.offline.tools = replace(rig.zone.offline.tools, cdn_networks=lambda _kind: known)


def fingerprint(rig: CdnRig, server: int) -> str:
    with rig.zone.offline.sessions.begin(PLATFORM) as session:
        return Difference("", routes.wanted(session, server), ()).fingerprint({})


def trusted(rig: CdnRig, server: int) -> tuple[str, ...]:
    with rig.zone.offline.sessions.begin(PLATFORM) as session:
        found = routes.wanted(session, server)
        ring, row = rig.zone.offline.tools.keyring, session.get_one(Server, server)
        (route,) = rendering.rendered(session, ring, found, row)
        return tuple(route.settings.trusted_proxies)
