"""The DNS of a domain has a bad day."""

from nameplate.core.error_catalogue.entry import Turn
from nameplate.core.records import Change, RRset
from nameplate.ports.dns import Result
from tests.badday.fault import Act, Fault, condition
from tests.badday.faults.acts import want_host, want_record
from tests.badday.surroundings import ALPHA
from tests.badday.town import Town


def check(town: Town) -> None:
    """Have everything of the domain looked at now, as its owner can."""
    town.nameplate.call("POST", f"/v1/domains/{town.alpha.ids['domain']}:check")


def owner_sets(rdtype: str, *values: str) -> Act:
    """Have the owner of Alpha's zone change a record set of the domain, past Nameplate."""

    def act(town: Town) -> None:
        provider, name = town.alpha.owner, town.alpha.name
        zone = provider.zones()[0]
        before = next((r for r in provider.records(zone) if r.key == (name, rdtype)), None)
        after = RRset(name, rdtype, 60, values) if values else None
        outcome = provider.apply(zone, [Change(before, after)])
        assert outcome[0].result is Result.APPLIED, outcome

    return act


FAULTS = (
    Fault(
        "The host's address record leads elsewhere; somebody checks",
        breaks=owner_sets("A", "192.0.2.66"),
        wants=check,
        says=condition("drift", "changed_at_provider"),
        turn=Turn.YOU,
        repairs=owner_sets("A", ALPHA),
    ),
    Fault(
        "The host's address record is removed; somebody checks",
        breaks=owner_sets("A"),
        wants=check,
        says=condition("drift", "changed_at_provider"),
        turn=Turn.YOU,
        repairs=owner_sets("A", ALPHA),
    ),
    Fault(
        "The name servers refuse connections; a record is added",
        breaks=lambda t: t.alpha.names.refuse(),
        wants=want_record,
        says=condition("dns", "record_active"),
        turn=Turn.PROVIDER,
        repairs=lambda t: t.alpha.names.open(),
    ),
    Fault(
        "The name servers are silent; a host is added",
        breaks=lambda t: t.alpha.names.hang(),
        wants=want_host,
        says=condition("certificate", "host_not_resolved"),
        turn=Turn.PROVIDER,
        repairs=lambda t: t.alpha.names.open(),
    ),
)
