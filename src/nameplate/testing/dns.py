"""What every DNS provider adapter must do: a guided tour of wanted states, on a real zone."""

import secrets
from collections.abc import Mapping, Sequence
from typing import ClassVar

from nameplate.core.errors import Refused
from nameplate.core.plan import Owned, plan
from nameplate.core.rdata import parse
from nameplate.core.records import Change, RRset, merge
from nameplate.ports.dns import DnsProvider, NameServers, Outcome, Result, Zone

_DIGEST = "c0ffee00" * 8
_EXAMPLES: dict[str, tuple[str, ...]] = {
    "A": ("192.0.2.1", "192.0.2.2"),
    "AAAA": ("2001:db8::1", "2001:db8:0:1::2"),
    "ALIAS": ("target.example.org",),
    "CAA": ('0 issue "ca.example; validationmethods=dns-01"', "0 iodef mailto:a@example.org"),
    "CNAME": ("Target.Example.ORG",),
    "DNAME": ("Elsewhere.Example.ORG",),
    "DS": (f"60485 13 2 {_DIGEST}",),
    "HTTPS": ("1 . alpn=h2,h3 ipv4hint=192.0.2.1 port=8443",),
    "LOC": (
        "52 22 23.123 N 4 53 32 E -2.15m 10m 100m 5m",
        "0 S 179 59 59.999 W 1.15m",
        "90 S 0 0 1 E -100000m 0m 40000000m 0.01m",
    ),
    "MX": ("10 mail.example.org", "20 mail2.example.org"),
    "NAPTR": (
        '100 50 "s" "SIP+D2U" "" _sip._udp.example.org',
        r'100 60 "u" "E2U+sip" "!^(.*)$!sip:\\1;x=y@example.org!i" .',
        '65535 0 "" "" "" .',
    ),
    "NS": ("ns1.example.org", "ns2.example.org"),
    "OPENPGPKEY": ("mDMEZQ==", "c0ffee" * 200),
    "PTR": ("host.example.org",),
    "RP": ("alice.example.org .", r"first\.last.example.org info.example.org"),
    "SMIMEA": (f"3 1 1 {_DIGEST}", f"0 0 0 {_DIGEST * 9}"),
    "SRV": ("10 20 443 sip.example.org", "0 0 5060 sip2.example.org"),
    "SSHFP": (f"4 2 {_DIGEST}",),
    "SVCB": ("0 svc.example.org", "2 svc.example.org alpn=h2 ipv6hint=2001:db8::1"),
    "TLSA": (f"3 1 1 {_DIGEST}",),
    "TXT": ("v=spf1 include:_spf.example.org -all", 'a;b "c" \\ d', "grüße", '"two" "strings"'),
    "URI": ('10 1 "https://example.org/a;b?c=%20(d)"', f"0 65535 https://example.org/{'x' * 300}"),
}


class DnsProviderConformance:
    """Subclass it with fixtures `provider` (a `DnsProvider`) and `zone` (a `Zone` it may write).

    Every test works under a name of its own, expects nothing of the zone but its apex records, and
    leaves its records behind: give a zone that nobody needs.
    """

    types: ClassVar[frozenset[str]] = frozenset(_EXAMPLES) - {"ALIAS"}
    """The record types that this provider has."""
    examples: ClassVar[Mapping[str, tuple[str, ...]]] = _EXAMPLES
    """Values to write, by type; a provider that does not take some of them says its own."""
    text_length: ClassVar[int] = 4000
    """The longest TXT, in characters, that this provider must take."""
    many: ClassVar[int] = 200
    """How many record sets to write in one call; fewer where each takes several requests."""
    ttls: ClassVar[tuple[int, int]] = (300, 600)
    """Two TTLs in seconds that this provider takes as they are."""

    def test_lists_its_zone(self, provider: DnsProvider, zone: Zone) -> None:
        """The zone is among those that the credential reaches."""
        assert zone in provider.zones()

    def test_reads_the_apex(self, provider: DnsProvider, zone: Zone) -> None:
        """The zone has name servers at its apex, each record set appears once, in canonical form."""
        found = provider.records(zone)
        keys = [rrset.key for rrset in found]
        assert len(keys) == len(set(keys))
        assert (zone.name, "NS") in keys
        if isinstance(provider, NameServers):
            apex = next(rrset for rrset in found if rrset.key == (zone.name, "NS"))
            assert [f"{name}." for name in provider.name_servers(zone)] == list(apex.values)
        assert all(rrset.values == tuple(sorted(set(rrset.values))) for rrset in found)

    def test_foreign_zone_is_refused(self, provider: DnsProvider) -> None:
        """A zone that is not there is `Refused`, to reading and to writing alike."""
        elsewhere = Zone("not-here.example.org")
        wanted = Change(None, RRset("a.not-here.example.org", "A", self.ttls[0], ("192.0.2.1",)))
        for attempt in (
            lambda: provider.records(elsewhere),
            lambda: provider.apply(elsewhere, [wanted]),
        ):
            try:
                attempt()
            except Refused:
                continue
            raise AssertionError("a zone that is not there did not raise Refused")

    def test_nothing_to_apply(self, provider: DnsProvider, zone: Zone) -> None:
        """No changes give no outcomes."""
        assert list(provider.apply(zone, [])) == []

    def test_every_type(self, provider: DnsProvider, zone: Zone) -> None:
        """Each record type comes back exactly as it was written, and can be removed."""
        label = _label(zone)
        wanted = [
            self._rrset(f"{_place(rdtype)}.{label}", rdtype, *self.examples[rdtype], zone=zone)
            for rdtype in sorted(self.types & self.examples.keys())
        ]
        owned = self._arrive(provider, zone, wanted)
        self._arrive(provider, zone, [], owned)

    def test_values_come_and_go(self, provider: DnsProvider, zone: Zone) -> None:
        """A record set grows, is replaced, shrinks and changes its TTL."""
        name = _label(zone)
        owned = self._arrive(provider, zone, [self._rrset(name, "A", "192.0.2.1", zone=zone)])
        for values in (
            ("192.0.2.1", "192.0.2.2", "192.0.2.3"),
            ("192.0.2.3", "192.0.2.4"),
            ("192.0.2.4",),
            ("192.0.2.5",),
        ):
            wanted = self._rrset(name, "A", *values, zone=zone)
            owned = self._arrive(provider, zone, [wanted], owned)
        slower = RRset(name, "A", self.ttls[1], ("192.0.2.5",))
        self._arrive(provider, zone, [slower], owned)

    def test_cname_switch(self, provider: DnsProvider, zone: Zone) -> None:
        """A name goes from A and TXT to CNAME and back."""
        name = _label(zone)
        addresses = self._rrset(name, "A", "192.0.2.1", "192.0.2.2", zone=zone)
        text = self._rrset(name, "TXT", "hello", zone=zone)
        alias = self._rrset(name, "CNAME", "target.example.org", zone=zone)
        owned = self._arrive(provider, zone, [addresses, text])
        owned = self._arrive(provider, zone, [alias], owned)
        self._arrive(provider, zone, [addresses, text], owned)

    def test_wildcard(self, provider: DnsProvider, zone: Zone) -> None:
        """A wildcard is a record set like any other; names below it are not answered from it."""
        name = _label(zone)
        wanted = [self._rrset(f"*.{name}", "A", "192.0.2.1", zone=zone)]
        owned = self._arrive(provider, zone, wanted)
        wanted.append(self._rrset(f"www.{name}", "A", "192.0.2.1", zone=zone))
        owned = self._arrive(provider, zone, wanted, owned)
        self._arrive(provider, zone, wanted[:1], owned)

    def test_two_challenges(self, provider: DnsProvider, zone: Zone) -> None:
        """Two TXT at one `_acme-challenge` stand side by side (RFC 8555 section 8.4)."""
        name = f"_acme-challenge.{_label(zone)}"
        one = self._rrset(name, "TXT", secrets.token_urlsafe(32), zone=zone)
        both = self._rrset(name, "TXT", one.values[0], secrets.token_urlsafe(32), zone=zone)
        owned = self._arrive(provider, zone, [one])
        self._arrive(provider, zone, [both], owned)

    def test_long_text(self, provider: DnsProvider, zone: Zone) -> None:
        """Texts of several strings survive, and can be replaced by others as long."""
        name = _label(zone)
        owned: Owned = frozenset()
        for length, letter in (
            (255, "x"),
            (256, "x"),
            (self.text_length, "x"),
            (self.text_length, "y"),
        ):
            wanted = self._rrset(name, "TXT", letter * length, zone=zone)
            owned = self._arrive(provider, zone, [wanted], owned)

    def test_many_at_once(self, provider: DnsProvider, zone: Zone) -> None:
        """Many record sets in one call are created, half of them changed, and removed."""
        label = _label(zone)
        names = [f"n{number}.{label}" for number in range(self.many)]
        first = [self._rrset(name, "A", "192.0.2.1", zone=zone) for name in names]
        owned = self._arrive(provider, zone, first)
        half = self.many // 2
        second = [self._rrset(name, "A", "192.0.2.2", zone=zone) for name in names[:half]]
        owned = self._arrive(provider, zone, [*second, *first[half:]], owned)
        self._arrive(provider, zone, [], owned)

    def test_twice_is_harmless(self, provider: DnsProvider, zone: Zone) -> None:
        """Creating, updating and deleting again what is already so answers APPLIED."""
        name = _label(zone)
        one = self._rrset(name, "A", "192.0.2.1", zone=zone)
        two = self._rrset(name, "A", "192.0.2.2", zone=zone)
        for change in (Change(None, one), Change(one, two), Change(two, None)):
            for _ in range(2):
                (outcome,) = provider.apply(zone, [change])
                assert outcome.result is Result.APPLIED, outcome
            assert _at(provider, zone, name) == ([change.after] if change.after else [])

    def test_moved(self, provider: DnsProvider, zone: Zone) -> None:
        """What is no longer as it was seen stays as it is, and its neighbours are changed."""
        label = _label(zone)
        seen = self._rrset(f"moved.{label}", "A", "192.0.2.1", zone=zone)
        theirs = self._rrset(f"moved.{label}", "A", "192.0.2.9", zone=zone)
        wanted = self._rrset(f"moved.{label}", "A", "192.0.2.2", zone=zone)
        new = self._rrset(f"new.{label}", "A", "192.0.2.1", zone=zone)
        other = self._rrset(f"other.{label}", "A", "192.0.2.1", zone=zone)
        self._arrive(provider, zone, [theirs])
        changes = [
            Change(None, other),
            Change(seen, wanted),
            Change(self._rrset(new.name, "A", "192.0.2.8", zone=zone), new),
        ]
        results = [outcome.result for outcome in provider.apply(zone, changes)]
        assert results == [Result.APPLIED, Result.MOVED, Result.MOVED]
        for change in (Change(None, wanted), Change(seen, None)):
            assert [o.result for o in provider.apply(zone, [change])] == [Result.MOVED]
        assert _at(provider, zone, f"moved.{label}") == [theirs]
        assert _at(provider, zone, other.name) == [other]
        assert _at(provider, zone, new.name) == []

    def test_foreign_untouched(self, provider: DnsProvider, zone: Zone) -> None:
        """Values of others survive our creation, change and removal in the same record set."""
        name = _label(zone)
        theirs = self._rrset(name, "TXT", "theirs", zone=zone)
        self._arrive(provider, zone, [theirs])
        before = [r for r in provider.records(zone) if r.name != name and r.type != "SOA"]
        owned: Owned = frozenset()
        for text in ("ours", "ours, changed"):
            wanted = self._rrset(name, "TXT", text, zone=zone)
            self._apply(provider, zone, [wanted], owned)
            owned = _owned([wanted])
            assert _at(provider, zone, name) == merge([theirs, wanted])
        self._apply(provider, zone, [], owned)
        assert _at(provider, zone, name) == [theirs]
        after = [r for r in provider.records(zone) if r.name != name and r.type != "SOA"]
        assert after == before

    def test_refused_blocks_nothing(self, provider: DnsProvider, zone: Zone) -> None:
        """A CNAME beside an address is refused with a reason; the other changes of the call happen."""
        label = _label(zone)
        taken = self._rrset(f"taken.{label}", "A", "192.0.2.1", zone=zone)
        self._arrive(provider, zone, [taken])
        good = [self._rrset(f"good{n}.{label}", "A", "192.0.2.1", zone=zone) for n in range(5)]
        bad = self._rrset(taken.name, "CNAME", "target.example.org", zone=zone)
        wanted = [*good[:3], bad, *good[3:]]
        outcomes = provider.apply(zone, [Change(None, rrset) for rrset in wanted])
        for rrset, outcome in zip(wanted, outcomes, strict=True):
            expected = Result.REFUSED if rrset is bad else Result.APPLIED
            assert outcome.result is expected, outcome
            assert outcome.detail or outcome.result is Result.APPLIED
        assert _at(provider, zone, taken.name) == [taken]
        for rrset in good:
            assert _at(provider, zone, rrset.name) == [rrset]

    def _rrset(self, name: str, rdtype: str, *values: str, zone: Zone) -> RRset:
        texts = {
            parse(rdtype, value, origin=zone.name).text for value in values if value[:1] != '"'
        }
        texts |= {value for value in values if value[:1] == '"'}
        return RRset(name, rdtype, self.ttls[0], tuple(sorted(texts)))

    def _arrive(
        self,
        provider: DnsProvider,
        zone: Zone,
        desired: Sequence[RRset],
        owned: Owned = frozenset(),
    ) -> Owned:
        """Go from what we own to `desired`, check that it is there, and that nothing is left to do."""
        self._apply(provider, zone, desired, owned)
        live = {rrset.key: rrset for rrset in provider.records(zone)}
        for rrset in desired:
            assert live.get(rrset.key) == rrset, f"{live.get(rrset.key)} is not {rrset}"
        now_owned = _owned(desired)
        for name, rdtype, value in owned - now_owned:
            left = live.get((name, rdtype))
            assert left is None or value not in left.values, f"{name} {rdtype} {value} is left over"
        again = plan(live.values(), desired, now_owned)
        assert again.is_empty, f"a second plan is not empty: {again.changes}"
        return now_owned

    def _apply(
        self, provider: DnsProvider, zone: Zone, desired: Sequence[RRset], owned: Owned
    ) -> Sequence[Outcome]:
        planned = plan(provider.records(zone), desired, owned)
        assert not planned.blocked, planned.blocked
        outcomes = provider.apply(zone, planned.changes)
        assert [outcome.change for outcome in outcomes] == list(planned.changes)
        for outcome in outcomes:
            assert outcome.result is Result.APPLIED, outcome
        return outcomes


def _label(zone: Zone) -> str:
    return f"t{secrets.token_hex(4)}.{zone.name}"


def _place(rdtype: str) -> str:
    """Return the label for a type; DS stands only where NS delegate (RFC 4035 section 2.4)."""
    return "delegated" if rdtype in {"DS", "NS"} else rdtype.lower()


def _owned(rrsets: Sequence[RRset]) -> Owned:
    return frozenset((r.name, r.type, value) for r in rrsets for value in r.values)


def _at(provider: DnsProvider, zone: Zone, name: str) -> list[RRset]:
    return [rrset for rrset in provider.records(zone) if rrset.name == name]
