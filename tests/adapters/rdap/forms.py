"""How registries answer, restated; and what is to be read from each."""

from datetime import UTC, datetime
from typing import Any

from nameplate.core.registered import RegistryEntry, RegistryStatus


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def registrar(name: str | None = None, number: Any = None, **more: Any) -> dict[str, Any]:
    ids = (
        {}
        if number is None
        else {"publicIds": [{"type": "IANA Registrar ID", "identifier": number}]}
    )
    card = (
        {}
        if name is None
        else {"vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", name]]]}
    )
    return {"objectClassName": "entity", "roles": ["registrar"], **ids, **card, **more}


def events(**dates: str) -> dict[str, Any]:
    listed = [{"eventAction": key.replace("_", " "), "eventDate": at} for key, at in dates.items()]
    return {"events": listed}


FORMS: dict[str, tuple[dict[str, Any], RegistryEntry]] = {
    "verisign": (  # upper case, registrar as handle and card, transfer lock, auto-renew grace
        {
            "ldhName": "SHOP.TEST",
            "handle": "2138514_DOMAIN_COM-VRSN",
            "status": ["client transfer prohibited", "auto renew period"],
            "entities": [
                registrar("MarkMonitor Inc.", "292", handle="292", entities=[{"roles": ["abuse"]}])
            ],
            **events(
                registration="1997-09-15T04:00:00Z",
                expiration="2028-09-14T04:00:00Z",
                last_changed="2019-09-09T15:39:04Z",
                last_update_of_RDAP_database="2026-01-01T00:00:00Z",
            ),
            "secureDNS": {"delegationSigned": False},
            "nameservers": [
                {"objectClassName": "nameserver", "ldhName": "NS2.EXAMPLE.NET"},
                {"ldhName": "NS1.EXAMPLE.NET."},
            ],
        },
        RegistryEntry(
            "MarkMonitor Inc.",
            "292",
            day("1997-09-15T04:00"),
            day("2028-09-14T04:00"),
            frozenset(
                {RegistryStatus.CLIENT_TRANSFER_PROHIBITED, RegistryStatus.AUTO_RENEW_PERIOD}
            ),
            ("ns1.example.net", "ns2.example.net"),
            False,
        ),
    ),
    "pir": (  # number as a number, milliseconds
        {
            "ldhName": "shop.test",
            "status": ["server hold"],
            "entities": [{"roles": ["registrant"]}, registrar("Tucows Domains Inc.", 69)],
            **events(expiration="2027-01-31T17:05:06.123Z", registration="2003-01-31T17:05:06.5Z"),
            "secureDNS": {"delegationSigned": True, "dsData": [{"keyTag": 1}]},
        },
        RegistryEntry(
            "Tucows Domains Inc.",
            "69",
            day("2003-01-31T17:05:06.5"),
            day("2027-01-31T17:05:06.123"),
            frozenset({RegistryStatus.SERVER_HOLD}),
            (),
            True,
        ),
    ),
    "afnic": (  # EPP's words, offset, registrar by organization
        {
            "ldhName": "shop.test",
            "status": ["clientTransferProhibited"],
            "entities": [registrar(vcardArray=["vcard", [["org", {}, "text", "GANDI"]]])],
            **events(
                registration="2004-06-01T02:00:00+02:00", expiration="2026-12-31T00:30:00+01:00"
            ),
        },
        RegistryEntry(
            "GANDI",
            None,
            day("2004-06-01"),
            day("2026-12-30T23:30"),
            frozenset({RegistryStatus.CLIENT_TRANSFER_PROHIBITED}),
        ),
    ),
    "denic": (  # neither registrar nor dates but that of the last change
        {
            "ldhName": "shop.test",
            "status": ["active"],
            **events(last_changed="2018-03-12T21:44:25+01:00"),
            "nameservers": [{"ldhName": "ns1.example.net", "ipAddresses": {"v4": ["192.0.2.1"]}}],
        },
        RegistryEntry(name_servers=("ns1.example.net",)),
    ),
    "nominet": (  # naive dates
        {
            "ldhName": "shop.test",
            "status": ["active"],
            "entities": [registrar("Markmonitor Inc. [Tag = MARKMONITOR]", handle="MARKMONITOR")],
            **events(registration="1999-02-14T00:00:00", expiration="2027-02-14T00:00:00"),
        },
        RegistryEntry(
            "Markmonitor Inc. [Tag = MARKMONITOR]", None, day("1999-02-14"), day("2027-02-14")
        ),
    ),
    "registro.br": (  # dates without a time, registrant redacted, no registrar
        {
            "ldhName": "shop.test",
            "status": ["active"],
            "entities": [
                {"roles": ["registrant"], "vcardArray": ["vcard", [["fn", {}, "text", "REDACTED"]]]}
            ],
            **events(registration="2001-05-02", expiration="2027-05-02"),
            "secureDNS": {"zoneSigned": True},
        },
        RegistryEntry(registered_at=day("2001-05-02"), expires_at=day("2027-05-02")),
    ),
    "norid": (  # registrar by its handle alone, no end
        {
            "ldhName": "shop.test",
            "entities": [registrar(handle="REG42-NORID")],
            **events(registration="1999-11-15T00:00:00Z"),
        },
        RegistryEntry("REG42-NORID", None, day("1999-11-15")),
    ),
    "centralnic": (  # redacted registrar (RFC 9537), but a number
        {
            "ldhName": "shop.test",
            "status": ["redemption period", "pending delete"],
            "redacted": [{"name": {"type": "Registrar Name"}}],
            "entities": [registrar("REDACTED FOR PRIVACY", "1068")],
            **events(registration="2022-01-01T00:00:00.0Z", expiration="2026-01-01T00:00:00.0Z"),
        },
        RegistryEntry(
            "IANA 1068",
            "1068",
            day("2022-01-01"),
            day("2026-01-01"),
            frozenset({RegistryStatus.REDEMPTION_PERIOD, RegistryStatus.PENDING_DELETE}),
        ),
    ),
    "switch": ({"ldhName": "shop.test"}, RegistryEntry()),  # as good as nothing
    "nic.cz": (  # nanoseconds, `registrar expiration` beside the registry's own, a single status
        {
            "ldhName": "shop.test",
            "status": "client hold",
            "entities": [registrar("REG-EXAMPLE")],
            **events(
                registration="2010-07-01T10:11:12.123456789Z",
                expiration="2027-07-01",
                registrar_expiration="2099-01-01T00:00:00Z",
            ),
        },
        RegistryEntry(
            "REG-EXAMPLE",
            None,
            day("2010-07-01T10:11:12.123456"),
            day("2027-07-01"),
            frozenset({RegistryStatus.CLIENT_HOLD}),
        ),
    ),
    "pandi": (  # the name in full only, states as addresses of ICANN
        {
            "unicodeName": "Shop.Test",
            "status": [
                "serverTransferProhibited https://icann.org/epp#serverTransferProhibited",
                "client_hold",
            ],
        },
        RegistryEntry(
            states=frozenset(
                {RegistryStatus.SERVER_TRANSFER_PROHIBITED, RegistryStatus.CLIENT_HOLD}
            )
        ),
    ),
    "google": (  # dates of its database beside those of the name, who did what, keys of the parent
        {
            "ldhName": "shop.test",
            "handle": "1A2B3C-TEST",
            "status": ["client delete prohibited", "client transfer prohibited", "add period"],
            "events": [
                {
                    "eventAction": "registration",
                    "eventActor": "registrar",
                    "eventDate": "2026-11-20T08:09:10.250Z",
                },
                {"eventAction": "expiration", "eventDate": "2027-11-20T08:09:10.250Z"},
                {
                    "eventAction": "last update of RDAP database",
                    "eventDate": "2026-11-30T00:00:00.000Z",
                },
            ],
            "entities": [
                registrar("Example Registrar Ltd", "9997", handle="9997", status=["active"]),
                {"roles": ["administrative"], "remarks": [{"title": "REDACTED FOR PRIVACY"}]},
            ],
            "secureDNS": {
                "delegationSigned": True,
                "zoneSigned": True,
                "dsData": [{"keyTag": 2371, "algorithm": 13, "digestType": 2, "digest": "AB"}],
            },
            "nameservers": [{"ldhName": "ns1.example.net", "handle": "5-TEST"}],
        },
        RegistryEntry(
            "Example Registrar Ltd",
            "9997",
            day("2026-11-20T08:09:10.25"),
            day("2027-11-20T08:09:10.25"),
            frozenset(
                {
                    RegistryStatus.CLIENT_TRANSFER_PROHIBITED,
                }
            ),
            ("ns1.example.net",),
            True,
        ),
    ),
    "godaddy": (  # actors as numbers, microseconds, a registrar behind its reseller
        {
            "ldhName": "shop.test",
            "handle": "D0000000007-TEST",
            "status": ["auto renew period", "server hold"],
            "events": [
                {
                    "eventDate": "2014-04-29T14:08:54.068772Z",
                    "eventActor": 9999,
                    "eventAction": "registration",
                },
                {"eventDate": "2027-04-29T14:08:54.068772Z", "eventAction": "expiration"},
            ],
            "entities": [
                {
                    "roles": ["reseller"],
                    "vcardArray": ["vcard", [["fn", {}, "text", "A Reseller"]]],
                },
                registrar("A Registrar", 9999),
            ],
            "secureDNS": {"zoneSigned": False, "delegationSigned": False, "maxSigLife": 1},
        },
        RegistryEntry(
            "A Registrar",
            "9999",
            day("2014-04-29T14:08:54.068772"),
            day("2027-04-29T14:08:54.068772"),
            frozenset({RegistryStatus.AUTO_RENEW_PERIOD, RegistryStatus.SERVER_HOLD}),
            (),
            False,
        ),
    ),
    "identity digital": (  # what is withheld is left out, and listed with its path (RFC 9537)
        {
            "ldhName": "shop.test",
            "unicodeName": "shop.test",
            "lang": "en",
            "status": ["client transfer prohibited", "pending restore"],
            "redacted": [
                {
                    "name": {"description": "Registry Domain ID"},
                    "prePath": "$.handle",
                    "pathLang": "jsonpath",
                    "method": "removal",
                    "reason": {"description": "Server policy"},
                }
            ],
            "entities": [registrar("A Registrar, Inc.", "48", roles=["registrar", "technical"])],
            **events(registration="2012-02-29T23:59:59Z", expiration="2027-02-28T23:59:59Z"),
            "links": [{"rel": "related", "href": "https://rdap.example.net/domain/SHOP.TEST"}],
        },
        RegistryEntry(
            "A Registrar, Inc.",
            "48",
            day("2012-02-29T23:59:59"),
            day("2027-02-28T23:59:59"),
            frozenset({RegistryStatus.CLIENT_TRANSFER_PROHIBITED, RegistryStatus.PENDING_RESTORE}),
        ),
    ),
    "sidn": (  # no end of the registration, a pending one only as a state
        {
            "ldhName": "shop.test",
            "status": ["active", "pending delete"],
            "entities": [registrar("Een Registrar B.V.", handle="AB1234-SIDN")],
            **events(registration="1999-05-27T00:00:00Z", last_changed="2022-04-04T09:10:11Z"),
            "secureDNS": {"delegationSigned": True},
        },
        RegistryEntry(
            "Een Registrar B.V.",
            None,
            day("1999-05-27"),
            None,
            frozenset({RegistryStatus.PENDING_DELETE}),
            (),
            True,
        ),
    ),
    "cnnic": (  # names in another script, hours of another zone, a card without a name
        {
            "ldhName": "shop.test",
            "status": ["client update prohibited"],
            "entities": [
                registrar(
                    vcardArray=["vcard", [["fn", {}, "text", ""], ["org", {}, "text", "注册商"]]]
                )
            ],
            **events(
                registration="2003-03-17T20:20:05+08:00", expiration="2027-03-17T20:48:36+08:00"
            ),
        },
        RegistryEntry(
            "注册商",
            None,
            day("2003-03-17T12:20:05"),
            day("2027-03-17T12:48:36"),
        ),
    ),
}
