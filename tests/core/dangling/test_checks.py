"""Judging what was seen, without a network: above all that silence settles nothing."""

from itertools import product

from nameplate.core.dangling import checks
from nameplate.core.dangling.checks import Addresses, NameSeen, ZoneSeen
from nameplate.core.dangling.found import Severity, as_finding
from nameplate.core.diagnosis.finding import Weight
from nameplate.core.diagnosis.observed import DnsLook, Observed, Said

NAME = "blog.example.com"
SILENT = ("timeout", "servfail", "refused")


def look(rdtype: str, kind: str, *values: str, name: str = NAME) -> DnsLook:
    return DnsLook(name, rdtype, (Said("ns.example.net (192.0.2.53)", kind, values),))


def seen(kind: str, *, target: str = "acme.github.io", address: str = "192.0.2.1") -> NameSeen:
    """Return a name that leads to a target whose addresses were answered like that."""
    alias = look("CNAME", "data", f"{target}.")
    a = look("A", kind, *([address] if kind == "data" else []))
    aaaa = look("AAAA", "nodata" if kind == "data" else kind)
    return NameSeen(NAME, alias, (a, aaaa), (target,))


def test_silence_settles_nothing() -> None:
    for one, other in product(SILENT, SILENT):
        name = NameSeen(NAME, look("CNAME", one), (look("A", other), look("AAAA", other)))
        probed = NameSeen(NAME, look("CNAME", one), probes=(look("A", other),))
        judged = (
            checks.aliased(name, None)
            + checks.left_behind(name, Addresses(former=frozenset({"192.0.2.1"})))
            + checks.wild(probed)
        )
        assert not judged.found
        assert not judged.settled


def test_a_page_that_did_not_come_leaves_the_service_open() -> None:
    judged = checks.aliased(seen("data"), None)
    assert not judged.found
    assert judged.settled == {checks.MISSING}
    assert checks.aliased(seen("data"), "Our blog").settled == {checks.TAKEN, checks.MISSING}


def test_one_family_that_is_not_answered_ends_no_address() -> None:
    servers = Addresses(former=frozenset({"192.0.2.1"}))
    half = NameSeen(NAME, look("CNAME", "nodata"), (look("A", "nodata"), look("AAAA", "timeout")))
    assert not checks.left_behind(half, servers).settled
    gone = NameSeen(NAME, look("CNAME", "nodata"), (look("A", "nodata"), look("AAAA", "nodata")))
    assert checks.left_behind(gone, servers).settled == {checks.LEFT}


def test_a_current_address_is_never_left() -> None:
    both = frozenset({"192.0.2.1"})
    assert not checks.left_behind(seen("data"), Addresses(both, both)).found


def test_a_name_that_does_not_exist_itself_is_no_alias() -> None:
    gone = NameSeen(NAME, look("CNAME", "nxdomain"), (look("A", "nxdomain"),))
    assert not checks.aliased(gone, None).found


def test_the_domain_of_a_target_decides_how_bad_it_is() -> None:
    target = seen("nxdomain", target="x.free.example")
    (medium,) = checks.aliased(target, None).found
    assert medium.severity is Severity.MEDIUM
    for kind, severity in (("nxdomain", Severity.HIGH), ("timeout", Severity.MEDIUM)):
        base = look("SOA", kind, name="free.example")
        (found,) = checks.aliased(
            NameSeen(NAME, target.alias, target.hosts, target.chain, base), None
        ).found
        assert found.severity is severity


def test_name_servers_that_we_may_not_ask_say_nothing_of_the_zone() -> None:
    inside = Said("ns.example.net (10.0.0.1)", "refused", detail="is not asked: private")
    zone = Observed(NAME, "example.com", "example.com", listed=(inside,))
    assert checks.delegated(ZoneSeen(zone)).settled == frozenset()
    assert checks.delegated(ZoneSeen(Observed(NAME, "example.com", ""))).settled == frozenset()


def test_a_zone_that_nobody_serves_can_be_made_by_anybody() -> None:
    lame = Said("ns.example.net (192.0.2.53)", "refused")
    zone = Observed(NAME, "example.com", "example.com", listed=(lame,))
    (found,) = checks.delegated(ZoneSeen(zone)).found
    assert (found.problem, found.severity) == ("zone_not_served", Severity.HIGH)


def test_the_diagnosis_ranks_it_as_a_risk() -> None:
    (found,) = checks.aliased(seen("data"), "There isn't a GitHub Pages site here.").found
    finding = as_finding(found)
    assert (finding.check, finding.weight) == ("dangling_cname", Weight.RISK)
    assert finding.must_act
