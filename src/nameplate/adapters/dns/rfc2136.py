"""Any name server that takes dynamic updates (RFC 2136) signed by TSIG (RFC 8945), and AXFR."""

import socket
from collections.abc import Iterable, Sequence

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.tsig

from nameplate.adapters.changes.batch import Unit, batches, every, failed, flat, length
from nameplate.adapters.changes.compare import Live, moved, read_back, same, settled, shown
from nameplate.adapters.wire.decoding import Answer
from nameplate.adapters.wire.encoding import Impossible
from nameplate.adapters.wire.refusals import extended
from nameplate.adapters.wire.transfer import TransferRefused, transferred
from nameplate.adapters.wire.updates import (
    LIMIT,
    KeyRefused,
    Update,
    code,
    forbidden,
    probe,
    update,
)
from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.core.rdata import presentation
from nameplate.core.records import Change, RRset, units
from nameplate.core.secret import Secret
from nameplate.ports.dns import Outcome, Result, Zone

Tsig = tuple[str, str, Secret]
"""Key name, algorithm (`hmac-sha256`) and key in base64."""

_GENERATED = frozenset({"CDNSKEY", "CDS", "DNSKEY", "NSEC", "NSEC3", "NSEC3PARAM", "RRSIG"})
_UNMET = frozenset({"NXDOMAIN", "NXRRSET", "YXDOMAIN", "YXRRSET"})  # RFC 2136 section 3.2
_NOT_OURS = frozenset({"NOTAUTH", "NOTIMP"})
_BROKEN = (OSError, EOFError, dns.exception.DNSException)


class Rfc2136:
    """One server and key. Prerequisites make every update a compare-and-set of the values.

    They do not see TTLs: a record set of which only the TTL moved since is overwritten.
    """

    def __init__(
        self,
        server: str,
        port: int,
        zones: Sequence[str],
        tsig: Tsig | None,
        timeout: float = 10.0,
    ) -> None:
        """Use `server`, an address or a name; `zones` are canonical, `timeout` is in seconds."""
        self._server = server
        self._address = (server, port)
        self._zones = tuple(zones)
        self._timeout = timeout
        self._key: dns.tsig.Key | None = None
        if tsig:
            name, algorithm, secret = tsig
            try:
                self._key = dns.tsig.Key(name, secret.reveal(), algorithm)
            except (dns.exception.DNSException, ValueError):
                raise Refused(
                    "credential_malformed", "The TSIG key must be a name and base64."
                ) from None

    def zones(self) -> Sequence[Zone]:
        """Return the zones that the account names: the protocol cannot list them."""
        return [Zone(name, name) for name in self._zones]

    def records(self, zone: Zone) -> Sequence[RRset]:
        """Read the zone by AXFR (RFC 5936), without what signing generates."""
        try:
            try:
                return self._transferred(zone, edns=True)
            except TransferRefused as error:
                if error.refusal.code != "FORMERR":
                    raise
                return self._transferred(zone, edns=False)  # RFC 6891 section 7
        except TransferRefused as error:
            raise error.refusal.of_key(self._server) or Refused(
                "transfer_refused",
                f"The server does not transfer {zone.name} to this key: {error}.",
            ) from None
        except dns.exception.FormError as error:
            detail = (
                f"The answer of {self._server} for {zone.name} cannot be read: {str(error)[:300]}."
            )
            raise Unavailable("answer_malformed", detail) from None
        except _BROKEN as error:
            raise self._unreachable(error) from None

    def _transferred(self, zone: Zone, *, edns: bool) -> list[RRset]:
        query = dns.message.make_query(zone.name, "AXFR", use_edns=edns)
        if self._key:
            query.use_tsig(self._key)
        with socket.create_connection(self._address, self._timeout) as connection:
            return _rrsets(transferred(connection, query))

    def name_servers(self, zone: Zone) -> Sequence[str]:
        """Ask the server for the zone's NS, as anybody may."""
        query = dns.message.make_query(zone.name, "NS", use_edns=True)
        try:
            with socket.create_connection(self._address, self._timeout) as connection:
                dns.query.send_tcp(connection, query)
                answer, _ = dns.query.receive_tcp(connection)
        except _BROKEN as error:
            raise self._unreachable(error) from None
        sets = (rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.NS)
        found = [presentation(rdata, "NS") for rrset in sets for rdata in rrset]
        if not found:  # every zone has them: the server failed, or has no such zone
            said = f" ({more})" if (more := extended(answer)) else ""
            answered = dns.rcode.to_text(answer.rcode())
            told = f"{self._server} answers {answered} for {zone.name}{said}."
            if answer.rcode() == dns.rcode.SERVFAIL:
                raise Unavailable("provider_failed", told)
            raise Refused("zone_missing", told)
        return sorted(name.removesuffix(".") for name in found)

    def test_rights(self, zone: Zone) -> None:
        """Transfer the zone, and send an update whose prerequisite cannot hold (RFC 2136 section 2.4)."""
        self.records(zone)
        answer = self._exchange(forbidden(zone))
        if answer not in _UNMET:
            raise Refused(
                "zone_refused", f"The server does not accept updates of {zone.name}: {answer}."
            )

    def apply(self, zone: Zone, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Send many changes in one message; a refused message is halved until the culprit is alone.

        What the server says it did is asked for again, because RFC 2136 section 3.4.2.2 lets it
        ignore an addition silently.
        """
        outcomes = self._settled(zone, changes)
        begun = False
        ready = [unit for unit in units(changes) if outcomes.keys().isdisjoint(unit)]
        for batch in batches(ready, LIMIT):
            found = self._begun(zone, batch) if begun else self._apply(zone, batch)
            outcomes.update((outcome.change, outcome) for outcome in found)
            begun = True
        return [outcomes[change] for change in changes]

    def _settled(self, zone: Zone, changes: Sequence[Change]) -> dict[Change, Outcome]:
        """Return what needs no sending, where one reading is cheaper than many refusals.

        That is so for more than one message; what is too long for a prerequisite must be read.
        """
        if sum(map(length, changes)) <= LIMIT:
            return {}
        live = {rrset.key: rrset for rrset in self.records(zone)}
        outcomes: dict[Change, Outcome] = {}
        for unit in units(changes):
            found = [settled(change, live) for change in unit]
            if any(found):
                done = zip(unit, found, strict=True)
                outcomes.update((change, one or moved(change)) for change, one in done)
        return outcomes

    def _begun(self, zone: Zone, batch: Sequence[Unit]) -> list[Outcome]:
        """Do the same once others are done: from here on, errors are outcomes."""
        try:
            return self._apply(zone, batch)
        except NameplateError as error:
            return failed(batch, error)

    def _apply(self, zone: Zone, batch: Sequence[Unit]) -> list[Outcome]:
        try:
            answer = self._exchange(update(zone, flat(batch)))
        except (Impossible, dns.exception.TooBig) as error:
            return self._halves(zone, batch, Result.REFUSED, str(error))
        except Unavailable as error:
            if error.code != "answer_lost":
                raise
            live = self._live(zone)
            if live is None:
                return every(batch, Result.UNKNOWN, error.detail)
            return [read_back(change, live, error.detail) for change in flat(batch)]
        if answer == "NOERROR":
            return self._confirmed(zone, batch)
        if answer in _UNMET:
            return self._unmet(zone, batch)
        if answer in _NOT_OURS or (answer == "REFUSED" and not self._takes_updates(zone)):
            raise Refused(
                "zone_refused", f"The server does not accept updates of {zone.name}: {answer}."
            )
        result = Result.UNKNOWN if answer == "SERVFAIL" else Result.REFUSED
        return self._halves(zone, batch, result, f"The server answered {answer}.")

    def _halves(
        self, zone: Zone, batch: Sequence[Unit], result: Result, detail: str
    ) -> list[Outcome]:
        """Try each half of a batch of which nothing was done; a single unit ends as `result`."""
        if len(batch) == 1:
            return every(batch, result, detail)
        middle = len(batch) // 2
        return [*self._apply(zone, batch[:middle]), *self._begun(zone, batch[middle:])]

    def _unmet(self, zone: Zone, batch: Sequence[Unit]) -> list[Outcome]:
        """Find out which record sets were not as seen, and send the rest again."""
        detail = "The record set was changed after it was read."
        live = self._live(zone)
        if live is None:
            return every(
                batch,
                Result.UNKNOWN,
                "A record set was changed after it was read, and the zone cannot be read now.",
            )
        outcomes: list[Outcome] = []
        rest: list[Unit] = []
        for unit in batch:
            if all(_at(change.before, change, live) for change in unit):
                rest.append(unit)
                continue
            outcomes += (settled(change, live) or moved(change) for change in unit)
        if len(rest) == len(batch):  # it moved back meanwhile
            return self._halves(zone, batch, Result.MOVED, detail)
        return outcomes + (self._apply(zone, rest) if rest else [])

    def _confirmed(self, zone: Zone, batch: Sequence[Unit]) -> list[Outcome]:
        """Ask the server whether it has what it said it did, by prerequisites alone."""
        changes = flat(batch)
        done = every(batch, Result.APPLIED)
        try:
            if self._exchange(probe(zone, changes)) == "NOERROR":
                return done
        except Unavailable:
            return done  # the server did say so
        live = self._live(zone)
        if live is None:
            return every(
                batch,
                Result.UNKNOWN,
                "The server accepted the update but does not have the new content, and the zone "
                "cannot be read now.",
            )
        outcomes = []
        for outcome in done:
            change = outcome.change
            if _at(change.after, change, live):
                outcomes.append(outcome)
            elif _at(change.before, change, live):
                detail = (
                    "The server accepted the update but did not make it. Check for other "
                    f"records at {change.key[0]}."
                )
                outcomes.append(Outcome(change, Result.REFUSED, detail))
            else:
                outcomes.append(
                    Outcome(change, Result.MOVED, f"{shown(change)} was changed meanwhile.")
                )
        return outcomes

    def _takes_updates(self, zone: Zone) -> bool:
        """Tell by an empty update whether the zone is refused, or only one of the changes."""
        return self._exchange(update(zone, [])) == "NOERROR"

    def _live(self, zone: Zone) -> Live | None:
        try:
            return {rrset.key: rrset for rrset in self.records(zone)}
        except NameplateError:
            return None

    def _exchange(self, message: Update) -> str:
        """Send one message over TCP and return the code of the answer."""
        wire, mac = message.to_wire(self._key)  # raises TooBig before anything is sent
        try:
            connection = socket.create_connection(self._address, self._timeout)
        except OSError as error:
            raise self._unreachable(error) from None
        with connection, connection.makefile("rb") as stream:
            try:
                connection.sendall(len(wire).to_bytes(2) + wire)
                answer = stream.read(int.from_bytes(stream.read(2)))
                return code(wire, mac, self._key, answer)
            except KeyRefused as error:
                raise error.refusal.of_key(self._server) or Refused(
                    "credential_refused", f"The server rejected the key: {error}."
                ) from None
            except _BROKEN as error:
                raise Unavailable(
                    "answer_lost", f"The answer of {self._server} was lost: {type(error).__name__}."
                ) from None

    def _unreachable(self, error: Exception) -> Unavailable:
        return Unavailable(
            "provider_unreachable", f"{self._server} cannot be reached: {type(error).__name__}."
        )


def _rrsets(answers: Iterable[Answer]) -> list[RRset]:
    """Return the record sets that `answers` make, sorted; resolvers go by the lowest TTL."""
    found: dict[tuple[str, str], RRset] = {}
    several: dict[tuple[str, str], set[str]] = {}
    """Values of the few sets that have more than one."""
    types: dict[int, str] = {}
    for owner, number, ttl, value in answers:
        rdtype = types.get(number) or types.setdefault(number, _type(number))
        if rdtype in _GENERATED:
            continue
        key = (owner, rdtype)
        known = found.get(key)
        if known is None:
            found[key] = RRset(owner, rdtype, ttl, (value,))
            continue
        several.setdefault(key, set(known.values)).add(value)
        if ttl < known.ttl:
            found[key] = known._replace(ttl=ttl)
    for key, values in several.items():
        found[key] = found[key]._replace(values=tuple(sorted(values)))
    return sorted(found.values())


def _type(number: int) -> str:
    text: str = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))
    return text


def _at(wanted: RRset | None, change: Change, live: Live) -> bool:
    """Tell whether the values are those of `wanted`; the TTL is the server's to change."""
    return same(wanted, live.get(change.key))
