"""Whether the zone that Nameplate writes to is the one that the Internet sees."""

from collections.abc import Sequence
from dataclasses import dataclass

from nameplate.core import names
from nameplate.core.conditions import Condition


@dataclass(frozen=True, slots=True)
class Delegated:
    """The zone that the Internet saw at a name. Server names are canonical, without final dot."""

    zone: str
    """Empty: none was found."""
    parent: tuple[str, ...]
    """The name servers that the parent zone gives out; empty: not known, or a private zone."""
    child: tuple[str, ...]
    """Those that the zone itself names."""
    lame: tuple[str, ...] = ()
    """Listed servers that answered without being an authority, each with what it said."""
    silent: tuple[str, ...] = ()
    """Listed servers that did not answer."""
    working: int = 0
    """How many listed servers answer for the zone."""


def condition(
    account_zone: str, expected: Sequence[str], seen: Delegated, *, visible: bool | None
) -> Condition | None:
    """Compare the account's zone with the zone that was seen; None: there is nothing to say.

    `expected` are the name servers of the account's zone, as far as its provider tells them.
    `visible` tells whether the servers that were found answer with what the provider has: names of
    servers can differ where their content does not.
    """
    if not seen.zone:
        return Condition(
            type="delegation",
            status=None,
            reason="delegation_not_found",
            message=f"No zone was found for {account_zone}. Either the name is not registered, or "
            "none of its name servers works.",
            expected=_lines(account_zone, expected),
            fix="Check the registration and its name servers.",
        )
    if seen.zone != account_zone:
        return _other_zone(account_zone, expected, seen, visible=visible)
    if not seen.parent:
        return None
    if _is_elsewhere(expected, seen, visible=visible):
        return _elsewhere(expected, seen)
    if seen.lame or not seen.working:
        return _lame(seen)
    return _fine(expected, seen)


def cut_below(account_zone: str, zone: str, servers: Sequence[str]) -> Condition:
    """Say that names at or below `zone` are looked for in another zone than the account's."""
    return Condition(
        type="delegation",
        status=False,
        reason="zone_cut_below",
        message=f"{zone} is a separate zone, so records of {account_zone} at or below it are not "
        "visible.",
        observed=_lines(zone, servers),
        fix=f"Manage the record in the zone {zone}, or remove the NS records of {zone} from "
        f"{account_zone}.",
    )


def _other_zone(
    account_zone: str, expected: Sequence[str], seen: Delegated, *, visible: bool | None
) -> Condition:
    if names.is_below(seen.zone, account_zone):
        return cut_below(account_zone, seen.zone, seen.parent or seen.child)
    return Condition(
        type="delegation",
        status=bool(visible),
        reason="not_delegated",
        message=f"{account_zone} is not delegated, but the servers of {seen.zone} answer for it."
        if visible
        else f"The account's zone {account_zone} is not delegated. Resolvers look for its names "
        f"in {seen.zone}.",
        observed=_lines(seen.zone, seen.parent or seen.child),
        expected=_lines(account_zone, expected),
        fix=f"Publish NS records for {account_zone} in {seen.zone}, or use an account that holds "
        f"{seen.zone}.",
    )


def _is_elsewhere(expected: Sequence[str], seen: Delegated, *, visible: bool | None) -> bool:
    if visible or set(expected) & set(seen.parent):
        return False
    return bool(expected) or visible is False


def _elsewhere(expected: Sequence[str], seen: Delegated) -> Condition:
    if expected:
        why = f"{seen.zone} is not delegated to the name servers of the account's zone"
        fix = f"Set these name servers at the registrar: {', '.join(expected)}."
    else:
        why = f"No name server of {seen.zone} answers with the provider's records"
        fix = "Set the name servers of the provider's zone at the registrar."
    return Condition(
        type="delegation",
        status=False,
        reason="delegated_elsewhere",
        message=f"{why}, so the provider's zone is not visible on the Internet.",
        observed=_lines(seen.zone, seen.parent),
        expected=_lines(seen.zone, expected),
        fix=fix,
    )


def _lame(seen: Delegated) -> Condition:
    bad = seen.lame if seen.working else seen.lame + seen.silent
    return Condition(
        type="delegation",
        status=False,
        reason="lame_delegation",
        message=f"{len(bad)} of the name servers in the delegation of {seen.zone} do not answer for "
        "it with authority.",
        observed=bad,
        expected=_lines(seen.zone, seen.parent),
        fix="Configure these servers to serve the zone, or remove them from the delegation at "
        "the registrar.",
    )


def _fine(expected: Sequence[str], seen: Delegated) -> Condition:
    """Return a condition that holds, with what is worth knowing all the same."""
    foreign = sorted(set(seen.parent) - set(expected)) if expected else []
    servers = ", ".join(seen.parent)
    reason, message, fix = "delegated", f"{seen.zone} is served by {servers}.", ""
    if foreign:
        reason = "delegated_partly"
        message = f"{seen.zone} is also delegated to {', '.join(foreign)}."
        fix = (
            "Keep the zone on those servers identical to the account's zone, or remove them "
            "from the delegation."
        )
    elif seen.child and set(seen.child) != set(seen.parent):
        reason = "ns_mismatch"
        own = ", ".join(seen.child)
        message = f"{seen.zone} is delegated to {servers}, but its own NS records name {own}."
        fix = "Make the NS records of the zone and of its delegation identical."
    if seen.silent:
        message += f" These servers did not answer: {', '.join(seen.silent)}."
    return Condition(
        type="delegation",
        status=True,
        reason=reason,
        message=message,
        observed=_lines(seen.zone, seen.parent),
        expected=_lines(seen.zone, expected),
        fix=fix,
    )


def _lines(zone: str, servers: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{zone} NS {server}" for server in servers)
