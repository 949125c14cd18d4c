"""Zones of other projects (`../shared/data/zones`), and what each is the zone of."""

from pathlib import Path

DATA = Path(__file__).parents[3] / "../shared/data/zones"

ZONES = {
    "bind-masterfile/example.db": "example",
    "bind-masterfile/ttl1.db": "ttl1",
    "bind-masterfile/ttl2.db": "ttl2",
    "bind-masterfile/include.db": "include",
    "bind-masterfile/sub.db": "sub.test",
    "dnscontrol/apex.com.zone": "apex.com",
    "dnscontrol/apex.com.zone.zone": "apex.com",
    "dnscontrol/ds.com.zone": "ds.com",
    "dnscontrol/ds.com.zone.zone": "ds.com",
    "dnscontrol/example.org.zone": "example.org",
    "dnscontrol/example.org.zone.zone": "example.org",
    "dnscontrol/simple.com.zone": "simple.com",
    "dnscontrol/simple.com.zone.zone": "simple.com",
    **{f"dnspython/example{part}": "example" for part in ("", *(f"{n}.good" for n in range(1, 5)))},
    "dnspython/svcb_test_vectors.generic": "example",
    "dnspython/svcb_test_vectors.text": "example",
    **{
        f"{folder}/{name}": zone
        for folder in ("octodns", "octodns-bind")
        for name, zone in (
            ("2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa"),
            ("ext.unit.tests.extension", "ext.unit.tests"),
            ("invalid.records.tst", "invalid.records"),
            ("invalid.zone.tst", "invalid.zone"),
            ("unit.tests.tst", "unit.tests"),
        )
    },
    "octodns-bind/unit.tests.": "unit.tests",
}
