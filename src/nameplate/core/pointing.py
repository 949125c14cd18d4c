"""Which records lead a host name to its server: addresses, CNAME, or what an apex can have."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from nameplate.core import provider_limits, rdata
from nameplate.core.addresses import is_address
from nameplate.core.errors import Invalid, Problem

TTL = 300
"""Seconds: a server that moves is found again soon."""
MAX_ADDRESSES = 16
NEEDS_ADDRESS = frozenset({"apex_needs_address", "name_has_others"})
"""Reasons of obstacles that go away when addresses of the server are known."""
LEADING = frozenset({"A", "AAAA", "CNAME", "ALIAS", "NS"})
"""Types that decide where a name leads: an owner who has one there has decided."""

Value = tuple[str, str]
"""Type and canonical rdata."""


@dataclass(frozen=True, slots=True)
class PointingTarget:
    """Where a server is to be found. Both empty: DNS cannot point at it."""

    name: str = ""
    """Public host name, absolute with final dot."""
    addresses: tuple[Value, ...] = ()
    """Its A and AAAA."""

    @classmethod
    def of(cls, address: str, more: Sequence[str] = ()) -> "PointingTarget":
        """Read a server's `address`, a host name or an IP address, and its further addresses."""
        named = not is_address(address)
        texts = more if named else (address, *more)
        found = dict.fromkeys(value for text in texts if (value := _value(text)) is not None)
        return cls(_host(address) if named else "", tuple(sorted(found)))

    @classmethod
    def together(cls, servers: Iterable[tuple[str, Sequence[str]]]) -> "PointingTarget":
        """Read several servers, each as `of` does: only addresses can lead to all of them."""
        found = {one for server in servers for one in cls.of(*server).addresses}
        return cls("", tuple(sorted(found)))

    def at(self, found: Sequence[str]) -> "PointingTarget":
        """Return the same with the addresses that its name was found to have."""
        return replace(self, addresses=PointingTarget.of("", found).addresses)


@dataclass(frozen=True, slots=True)
class Spot:
    """A host name in its zone."""

    host: str
    is_apex: bool
    apex_type: str | None
    """What `apex_type` says of the zone's provider."""
    own: frozenset[Value]
    """What the owner wants there by hand."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a host does not lead where its binding wants it to, in words for a person."""

    reason: str
    """Stable slug."""
    message: str
    fix: str
    blocks: bool = True
    """False: the owner has decided so, and may be right."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The records to make for a host, and what is to be said about it."""

    wanted: tuple[Value, ...] = ()
    obstacle: Obstacle | None = None


def apex_type(provider: str, known: Collection[str]) -> str | None:
    """Return the type that leads an apex to a host name at `provider`, of the `known` ones."""
    if provider_limits.flattens(provider):
        return "CNAME"
    return "ALIAS" if "ALIAS" in known and provider_limits.takes(provider, "ALIAS") else None


def addresses(given: Sequence[str]) -> list[str]:
    """Return IPv4 and IPv6 addresses in canonical form, each once.

    Raises `Invalid` with the code `addresses_invalid` and the pointer of each wrong one.
    """
    problems = []
    for index, text in enumerate(given):
        try:
            _parsed(text)
        except Invalid as error:
            pointer = f"/addresses/{index}"
            problems.append(Problem(pointer, error.problems[0].code, error.detail))
    if len(given) > MAX_ADDRESSES:
        detail = f"A server has {MAX_ADDRESSES} addresses at most."
        problems.append(Problem("/addresses", "addresses_too_many", detail))
    if problems:
        raise Invalid("addresses_invalid", problems[0].detail, problems)
    return list(dict.fromkeys(_parsed(text)[1] for text in given))


def decide(spot: Spot, targets: Sequence[PointingTarget]) -> Decision:
    """Return the records that lead the host of `spot` to the first of `targets`. Pure.

    What the owner wants there by hand is never replaced and never added to. Several targets are
    several servers behind one host, of which DNS can know one only.
    """
    if not targets:
        return Decision()
    first = targets[0]
    leading = {
        value
        for value in spot.own
        if value[0] in LEADING and not (spot.is_apex and value[0] == "NS")
    }
    if leading:
        led = {*first.addresses, ("CNAME", first.name), ("ALIAS", first.name)}
        return Decision() if leading <= led else Decision(obstacle=_own(spot, first, leading))
    decision = _lead(spot, first)
    others = {_lead(spot, target).wanted for target in targets[1:]}
    if decision.wanted and others - {decision.wanted}:
        return Decision(decision.wanted, _several(spot))
    return decision


def _lead(spot: Spot, target: PointingTarget) -> Decision:
    """Return the records when nothing else at the name decides where it leads."""
    to_itself = target.name == f"{spot.host}."
    if not target.name or to_itself:
        return Decision(target.addresses) if target.addresses else Decision(obstacle=_lost(spot))
    flattened = spot.is_apex and spot.apex_type == "CNAME"
    beside = sorted({rdtype for rdtype, _ in spot.own})
    if not spot.is_apex and not beside:
        return Decision((("CNAME", target.name),))
    if target.addresses:
        return Decision(target.addresses)
    if flattened or (spot.is_apex and spot.apex_type):
        return Decision(((str(spot.apex_type), target.name),))
    return Decision(obstacle=_no_cname(spot, target, beside))


def _own(spot: Spot, target: PointingTarget, leading: Collection[Value]) -> Obstacle:
    there = ", ".join(f"{rdtype} {value}" for rdtype, value in sorted(leading))
    return Obstacle(
        "own_record",
        f"{spot.host} points to {there[:200]} by your own record, not to its server at "
        f"{_place(target)}.",
        "If this is intended, leave it. Otherwise remove your record, and Nameplate creates "
        "the right one.",
        blocks=False,
    )


def _several(spot: Spot) -> Obstacle:
    return Obstacle(
        "several_servers",
        f"The bindings of {spot.host} are on several servers, but DNS can point the host to "
        "only one.",
        "Bind all paths of one host to one server, or to one server group.",
    )


def _lost(spot: Spot) -> Obstacle:
    return Obstacle(
        "server_without_address",
        f"The server of {spot.host} has no public host name or address for DNS to point to.",
        "Set `address` or `addresses` of the server.",
    )


def _no_cname(spot: Spot, target: PointingTarget, beside: Sequence[str]) -> Obstacle:
    if spot.is_apex:
        why = "is the apex of its zone, where a CNAME is not allowed"
        reason = "apex_needs_address"
    else:
        why = f"also has {', '.join(beside)}, and a CNAME must be alone"
        reason = "name_has_others"
    return Obstacle(
        reason,
        f"{spot.host} {why}, and no IP address of its server {target.name} is known.",
        "Set the server's IP addresses (`addresses`) or bind a name below. Alternatively, "
        "turn automatic DNS off for the domain and publish your own record, such as ALIAS "
        "or ANAME.",
    )


def _place(target: PointingTarget) -> str:
    return target.name or ", ".join(value for _, value in target.addresses) or "no address"


def _value(text: str) -> Value | None:
    try:
        return _parsed(text)
    except Invalid:
        return None


def _parsed(text: str) -> Value:
    rdtype = "AAAA" if ":" in text else "A"
    return rdtype, rdata.parse(rdtype, text, origin="").text


def _host(address: str) -> str:
    """Return the canonical absolute name, or nothing for what is only known inside a network."""
    bare = address.removesuffix(".")
    if "." not in bare:
        return ""
    try:
        return rdata.parse("CNAME", f"{bare}.", origin="").text
    except Invalid:
        return ""
