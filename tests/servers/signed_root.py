"""A root of its own with two signed registries, on a real name server, and zones with one fault each.

`test` proves by NSEC what is not there, `example` by NSEC3 and leaves what is not signed out of it.
"""

import re
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Self

import dns.dnssec
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.zonefile

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.resolver.validating import DnssecValidator
from nameplate.core.egress import EgressPolicy
from tests.servers.knot import Knot
from tests.servers.process import free_port, program
from tests.servers.scripted_dns import ScriptedDns, replies

REGISTRY, HOSTER = "127.0.74.1", "127.0.74.2"
NS = {"ns.registry.test": REGISTRY, "ns.hoster.test": HOSTER}
POLICY = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))
TOKEN = "the-token"
_HOUR, _DAY = 3600, 86_400
_NSEC3 = ("-3", "aabb")
_OPT_OUT = ("-3", "-", "-A")


@dataclass(frozen=True)
class SignedZone:
    """One zone, how it is signed, and what is done to it and to its DS record afterwards."""

    name: str
    options: tuple[str, ...] = ()
    since: int = -_DAY
    until: int = _DAY
    """From when until when signatures hold, in seconds from now."""
    is_signed: bool = True
    spoil: Callable[[str], str] = str
    """Changes the lines of the signed zone."""
    ds: Callable[[str], str] = str
    """Changes the DS record; empty: there is none."""
    lines: str = ""

    @property
    def token(self) -> str:
        """The token whose proof is published."""
        return f"token-of-{self.name.replace('.', '-')}"

    @property
    def proof(self) -> str:
        return f"nameplate-verification={self.token}"

    def text(self) -> str:
        """Return the zone as it is before it is signed."""
        return (
            f"{self.name}. 300 IN SOA ns.hoster.test. x.hoster.test. 1 7200 3600 1209600 60\n"
            f"{self.name}. 300 IN NS ns.hoster.test.\n{self.name}. 300 IN A 93.184.215.14\n"
            f"{self.name}. 300 IN MX 10 mail.{self.name}.\n"
            f"mail.{self.name}. 300 IN A 93.184.215.15\n"
            f'proof.{self.name}. 300 IN TXT "{TOKEN}"\n'
            f"_nameplate-challenge.{self.name}. 300 IN TXT {self.proof}\n"
            f'*.wild.{self.name}. 300 IN TXT "{TOKEN}"\n'
            f"alias.{self.name}. 300 IN CNAME proof.{self.name}.\n"
            f"a.empty.{self.name}. 300 IN A 93.184.215.14\n{self.lines}"
        )


def without(pattern: str) -> Callable[[str], str]:
    """Return what takes out the lines that match."""
    return lambda text: "".join(
        line for line in text.splitlines(keepends=True) if not re.search(pattern, line)
    )


def _tampered(text: str) -> str:
    return text.replace("-verification=token-of-", "-verification=token-oF-").replace(
        f'TXT\t"{TOKEN}"', 'TXT\t"another-token"'
    )


def _foreign(text: str) -> str:
    """Have the records be signed by a key that the zone does not show."""
    tags = set(re.findall(r"RRSIG\tTXT (?:\S+ ){5}(\d+) ", text))
    (tag,) = tags
    return re.sub(rf"(RRSIG\tTXT (?:\S+ ){{5}}){tag} ", rf"\g<1>{int(tag) ^ 1} ", text)


ZONES = (
    SignedZone("good.test"),
    SignedZone("nsec3.test", options=_NSEC3),
    SignedZone("plain.test", is_signed=False, ds=lambda _: ""),
    SignedZone("optout.example", is_signed=False, ds=lambda _: ""),
    SignedZone("signed.example", options=_NSEC3),
    SignedZone("tampered.test", spoil=_tampered),
    SignedZone("expired.test", since=-9 * _DAY, until=-_DAY),
    SignedZone("future.test", since=_DAY, until=9 * _DAY),
    SignedZone("island.test", ds=lambda _: ""),
    SignedZone("digest.test", ds=lambda ds: ds[:-8] + "00000000"),
    SignedZone("unknown.test", ds=lambda ds: ds.replace(" 13 2 ", " 200 2 ")),
    SignedZone("claims.test", ds=lambda ds: ds.replace(" 13 2 ", " 8 2 ")),
    SignedZone("stripped.test", spoil=without(r"RRSIG\tTXT")),
    SignedZone("nokeys.test", is_signed=False),
    SignedZone("noproof.test", spoil=without(r"\sNSEC\s")),
    SignedZone("noproof3.test", options=_NSEC3, spoil=without(r"RRSIG\tNSEC3 ")),
    SignedZone("foreign.test", spoil=_foreign),
    SignedZone("undenied.test", ds=lambda _: ""),
    SignedZone("web.test", lines="web.test. 300 IN A 127.0.0.1\n"),
    SignedZone("badweb.test", spoil=without(r"^badweb\.test\..*RRSIG\tA ")),
    SignedZone("badmx.test", spoil=without(r"RRSIG\tMX")),
    SignedZone("badmail.test", spoil=without(r"^mail\..*RRSIG\tA ")),
    SignedZone(
        "badcontact.test",
        lines='_validation-contactemail.badcontact.test. 300 IN TXT "owner@good.test"\n',
        spoil=without(r"^_validation.*RRSIG\tTXT"),
    ),
    SignedZone(
        "elsewhere.test",
        lines="elsewhere.test. 300 IN MX 20 mail.badmail.test.\n",
        is_signed=False,
        ds=lambda _: "",
    ),
)


class SignedInternet:
    """Serves the zones until the end of `with`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._stack = ExitStack()
        self.anchors: dns.rrset.RRset

    def __enter__(self) -> Self:
        with self._stack as stack:
            made = {zone.name: self._made(zone) for zone in ZONES}
            registries = self._registries({name: ds for name, (_, ds) in made.items()})
            for number, (address, texts) in enumerate(
                (
                    (REGISTRY, registries),
                    (HOSTER, {name: text for name, (text, _) in made.items()}),
                )
            ):
                place = self._folder / f"knot{number}"
                place.mkdir()
                knot = Knot(place, list(texts), address=address, port=self.port, contents=texts)
                stack.enter_context(knot)
            known = {(name, "A"): [address] for name, address in NS.items()}
            known |= {(zone.name, "NS"): ["ns.hoster.test."] for zone in ZONES}
            known |= {(name, "NS"): ["ns.registry.test."] for name in (".", "test", "example")}
            self.recursor = stack.enter_context(ScriptedDns(replies(known)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def validator(
        self, *, days: int = 0, anchors: dns.rrset.RRset | None = None
    ) -> DnssecValidator:
        """Return what validates below this root, `days` from now."""
        shift = days * _DAY
        return DnssecValidator(
            POLICY,
            lambda: datetime.fromtimestamp(time.time() + shift, UTC),
            self.anchors if anchors is None else anchors,
            recursor=("127.0.0.1", self.recursor.port),
            port=self.port,
            seconds=5,
        )

    def resolver(self) -> AuthoritativeResolver:
        """Return what asks every authoritative server, and validates nothing."""
        return AuthoritativeResolver(
            POLICY, recursor=("127.0.0.1", self.recursor.port), port=self.port
        )

    def _registries(self, ds: Mapping[str, str]) -> dict[str, str]:
        hosts = "".join(f"{name}. 300 IN A {address}\n" for name, address in NS.items())
        texts: dict[str, str] = {}
        above = ""
        for tld, options in (("test", ()), ("example", _OPT_OUT)):
            text = _apex(f"{tld}.") + (hosts if tld == "test" else "")
            for name, record in ds.items():
                if name.endswith(f".{tld}"):
                    text += f"{name}. 300 IN NS ns.hoster.test.\n"
                    text += f"{name}. 300 IN DS {record}\n" if record else ""
            spoil = without(r"^undenied\.test\..*NSEC")
            zone = SignedZone(tld, options=options, spoil=spoil)
            signed, record = self._signed(zone, text)
            texts[tld] = spoil(signed)
            above += f"{tld}. 300 IN NS ns.registry.test.\n{tld}. 300 IN DS {record}\n"
        texts["."], root = self._signed(SignedZone("."), _apex(".") + above)
        self.anchors = dns.rrset.from_text(".", 0, "IN", "DS", root)
        return texts

    def _made(self, zone: SignedZone) -> tuple[str, str]:
        text, ds = self._signed(zone, zone.text())
        return (zone.spoil(text) if zone.is_signed else zone.text()), zone.ds(ds)

    def _signed(self, zone: SignedZone, text: str) -> tuple[str, str]:
        """Sign a zone by the tools of BIND; return it, a record a line, and its DS record."""
        folder = self._folder / f"sign-{zone.name}"
        folder.mkdir()
        key = subprocess.run(
            [program("dnssec-keygen"), "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone.name],
            cwd=folder, check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        now = time.time()
        (folder / "zone").write_text(text)
        subprocess.run(
            [
                program("dnssec-signzone"), "-q", "-z", "-S", "-P", "-O", "full", *zone.options,
                "-s", _stamp(now + zone.since), "-e", _stamp(now + zone.until),
                "-o", zone.name, "-f", "signed", "zone",
            ],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        public_text = (folder / f"{key}.key").read_text()
        (public,) = dns.zonefile.read_rrsets(public_text, rdclass=None, default_ttl=0)
        return (
            folder / "signed"
        ).read_text(), f"{dns.dnssec.make_ds(public.name, public[0], 'SHA256')}"


def _stamp(seconds: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))


def _apex(name: str) -> str:
    return (
        f"{name} 300 IN SOA ns.registry.test. x.registry.test. 1 7200 3600 1209600 60\n"
        f"{name} 300 IN NS ns.registry.test.\n"
    )
