"""What owners do wrong, each as a zone on a real server, and the finding that must come first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dns.rcode
from tests.servers.troubled import INSIDE, LYING, NS1, NS2, SERVER, TroubledZone

TOKEN = "k7m2p4qw6xz3v5n7b9c2d4f6h8j2l4n6k7m2p4qw"
PREFIX = "nameplate-verification="
VALUE = f"{PREFIX}{TOKEN}"
OLD = "b2c3d4f5g6h7j8k9m2n3p4q5r6s7t8v9w2x3y4z5"
LABEL = "_nameplate-challenge"
RIGHT = f'{LABEL} TXT "{VALUE}"'
ELSEWHERE = "8.8.8.8"
CLOUDFLARE = "104.16.1.1"
V6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


@dataclass(frozen=True)
class Situation:
    """One zone and what is to be said of it first; an empty code: nothing must be done or said."""

    label: str
    first: str
    lines: str = ""
    host: str = ""
    """Label of the claimed name below the zone."""
    claimed: bool = True
    page: tuple[int, str] | None = None
    """The proof is a file, and the web server answers every path so."""
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        """The registered name."""
        return f"{self.label}.test"

    @property
    def name(self) -> str:
        """The claimed name."""
        return f"{self.host}.{self.zone}" if self.host else self.zone

    def zones(self) -> list[TroubledZone]:
        """Return the zones to serve."""
        found = [TroubledZone(self.zone, self.lines, **self.more)]  # type: ignore[arg-type]  # a table
        if self.first == "zone_cut":
            found.append(TroubledZone(self.name))
        return found


def _(label: str, first: str, lines: str = "", **more: object) -> Situation:
    own = {key: more.pop(key) for key in ("host", "claimed", "page") if key in more}
    return Situation(label, first, lines, more=more, **own)  # type: ignore[arg-type]  # a table


ALL: Sequence[Situation] = (
    # What is right.
    _("fine", "", RIGHT),
    _("fine-beside-others", "", f'{RIGHT}\n{LABEL} TXT "v=spf1 -all"'),
    _("fine-signed", "", RIGHT, signed="good"),
    # The value.
    _("nothing", "proof_absent"),
    _("wrong-token", "value_wrong", f'{LABEL} TXT "{PREFIX}{OLD[::-1]}"'),
    _("old-token", "value_old", f'{LABEL} TXT "{PREFIX}{OLD}"'),
    _("quotes", "value_quoted", f'{LABEL} TXT "\\"{VALUE}\\""'),
    _("spaces", "value_quoted", f'{LABEL} TXT " {VALUE} "'),
    _("curly-quotes", "value_quoted", f'{LABEL} TXT "\\226\\128\\156{VALUE}\\226\\128\\157"'),
    _("upper-case", "value_case", f'{LABEL} TXT "{VALUE.upper()}"'),
    _("token-alone", "value_incomplete", f'{LABEL} TXT "{TOKEN}"'),
    _("cut-off", "value_incomplete", f'{LABEL} TXT "{VALUE[:-6]}"'),
    _("with-name", "value_longer", f'{LABEL} TXT "TXT {VALUE}"'),
    _("spf-only", "value_of_another", f'{LABEL} TXT "v=spf1 -all"'),
    # The name.
    _("doubled", "name_doubled", f'{LABEL}.doubled.test TXT "{VALUE}"'),
    _("doubled-below", "name_doubled", f'{LABEL}.shop.doubled-below.test TXT "{VALUE}"', host="shop"),
    _("at-apex", "name_wrong", f'@ TXT "{VALUE}"'),
    _("at-parent", "name_wrong", RIGHT, host="shop"),
    _("at-host", "name_wrong", f'shop TXT "{VALUE}"', host="shop"),
    _("no-underscore", "name_wrong", f'nameplate-challenge TXT "{VALUE}"'),
    _("at-www", "name_wrong", f'{LABEL}.www TXT "{VALUE}"'),
    _("alias", "proof_is_alias", f"{LABEL} CNAME elsewhere.hoster.test."),
    _("wild-text", "wildcard_answers", '* TXT "hello"'),
    _("wild-alias", "wildcard_answers", "* CNAME site.hoster.test."),
    _("cut", "zone_cut", f'shop NS ns1.hoster.test.\n{LABEL}.shop TXT "{VALUE}"', host="shop"),
    # The servers.
    _("behind", "servers_disagree", RIGHT, second=""),
    _("moving", "delegation_changed", RIGHT, second="", parent=(NS1,), child=(NS2,)),
    _("differs", "delegation_differs", RIGHT, parent=(NS1,), child=(NS1, NS2)),
    _("lame", "delegation_lame", RIGHT, parent=(NS1, NS2, LYING)),
    _("not-served", "zone_not_served", parent=(LYING,)),
    _("inside", "name_server_private", parent=(INSIDE,)),
    _("not-registered", "name_not_registered", parent=()),
    _(
        "text-fails", "proof_not_answered", parent=(LYING,),
        lies={"NS": [f"{LYING}."], "TXT": dns.rcode.SERVFAIL, "*": []},
    ),
    # What others see.
    _("split", "answers_split", cached=("data", VALUE)),
    _("not-yet-cached", "answer_cached", RIGHT, cached=("nxdomain", "")),
    _("old-cached", "answer_cached", RIGHT, cached=("data", f"{PREFIX}{OLD}")),
    _("public-fails", "resolvers_fail", RIGHT, cached=("servfail", "")),
    # DNSSEC.
    _("ds-without-keys", "dnssec_without_keys", RIGHT, signed="no_keys"),
    _("expired", "dnssec_bogus", RIGHT, signed="expired"),
    _("other-key", "dnssec_bogus", RIGHT, signed="mismatch"),
    _("tampered", "dnssec_bogus", RIGHT, signed="tampered"),
    _("no-ds", "dnssec_unused", RIGHT, signed="no_ds"),
    _("bogus-and-absent", "dnssec_bogus", signed="expired"),
    # Certificates.
    _("caa", "caa_excludes", f'{RIGHT}\n@ CAA 0 issue "digicert.com"'),
    _(
        "caa-above", "caa_excludes", f'{LABEL}.shop TXT "{VALUE}"\nshop A {SERVER}\n'
        '@ CAA 0 issue "digicert.com"', host="shop",
    ),
    _("caa-allows", "", f'{RIGHT}\n@ CAA 0 issue "letsencrypt.org"'),
    _(
        "caa-fails", "caa_not_answered", parent=(LYING,),
        lies={
            "NS": [f"{LYING}."], "TXT": [VALUE], "A": [SERVER], "CAA": dns.rcode.SERVFAIL, "*": [],
        },
    ),
    # Addresses.
    _("private", "address_private", RIGHT, address="10.1.2.3"),
    _("elsewhere", "address_elsewhere", RIGHT, address=ELSEWHERE),
    _("mixed", "address_mixed", f"{RIGHT}\n@ A {ELSEWHERE}"),
    _("stray-v6", "address_ipv6_stray", f"{RIGHT}\n@ AAAA {V6}"),
    _("no-address", "host_without_address", RIGHT, address=None),
    _("cloudflare", "proxied", RIGHT, address=CLOUDFLARE),
    _(
        "cloudfront", "proxied", f'{LABEL}.shop TXT "{VALUE}"\nshop CNAME d1.cloudfront.net.',
        host="shop",
    ),
    _(
        "two-aliases",
        "host_several_aliases",
        f'{LABEL}.shop TXT "{VALUE}"\nshop CNAME a.hoster.test.',
        second=f'{LABEL}.shop TXT "{VALUE}"\nshop CNAME b.hoster.test.',
        host="shop",
    ),
    _("wild-host", "wildcard_dns", f"{RIGHT}\n* A {SERVER}"),
    # A proof on the web server, and a name that nobody has claimed.
    _("catch-all", "page_catches_all", page=(200, "<html>Welcome</html>"), address="127.0.73.6"),
    _("no-file", "page_without_proof", page=(404, ""), address="127.0.73.6"),
    _("nobody", "dnssec_without_keys", claimed=False, signed="no_keys"),
    _("nobody-private", "address_private", claimed=False, address="10.1.2.3"),
    _("nobody-fine", "", claimed=False),
)  # fmt: skip
