"""A plan of DNS changes as people read it: `+ ~ -`, what is held back, the numbers."""

from collections.abc import Mapping
from typing import Any

from nameplate.cli.output import Printer, coloured

DRAWN = (
    "changes", "blocked", "drift", "warnings", "foreign", "unsafe", "adopted", "untouched",
    "outcomes", "changes_total", "edits",
)  # fmt: skip
"""Fields of a plan that the drawing shows."""
_SIGNS = {"create": ("+", "32"), "update": ("~", "33"), "delete": ("-", "31")}


def draw(printer: Printer, plan: Mapping[str, Any]) -> None:
    """Print a plan as people read it: `+ ~ -`, what is held back, the numbers."""
    for change in plan["changes"]:
        sign, colour = _SIGNS[change["action"]]
        first, *more = _lines(change)
        for line in (f"{sign} {first}", *(f"  {text}" for text in more)):
            printer.paint(line, colour if coloured() else "")
    rest = plan["changes_total"] - len(plan["changes"])
    if rest:
        printer.line(f"... and {rest} more")
    for one in plan["blocked"]:
        printer.line(f"! {one['name']} {one['type']}: {one['detail']} [{one['code']}]")
    for text in (*plan["drift"], *plan["warnings"]):
        printer.line(f"! {text}")
    for text in plan["foreign"][:20]:
        printer.line(
            f"= {text[:200]} already exists and is not managed (pass --adopt to take ownership)"
        )
    if plan["unsafe"]:
        printer.line(f"! {plan['unsafe']}")
    for one in plan["outcomes"]:
        printer.line(f"! {one['name']} {one['type']}: {one['result']}, {one['detail']}")
    printer.say(
        f"{plan['changes_total']} changes in {plan['zone']}, {plan['edits']} records edited, "
        f"{plan['adopted']} adopted, {plan['untouched']} record sets unchanged."
    )


def _lines(change: Mapping[str, Any]) -> list[str]:
    """Return a change as lines: a record set that comes or goes whole, or what differs in it."""
    before, after = change["before"], change["after"]
    if not (before and after):
        return [_rrset(before or after)]
    head = [after["name"], after["type"]]
    if before["ttl"] != after["ttl"]:
        head.append(f"TTL {before['ttl']} -> {after['ttl']}")
    if before["proxied"] != after["proxied"]:
        head.append("proxied" if after["proxied"] else "not proxied any more")
    gone = [value for value in before["values"] if value not in after["values"]]
    new = [value for value in after["values"] if value not in before["values"]]
    return [" ".join(head), *(f"  - {one}" for one in gone), *(f"  + {one}" for one in new)]


def _rrset(rrset: Mapping[str, Any]) -> str:
    proxied = " (proxied)" if rrset["proxied"] else ""
    return f"{rrset['name']} {rrset['ttl']} {rrset['type']} {' | '.join(rrset['values'])}{proxied}"
