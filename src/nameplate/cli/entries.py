"""Print records as they are entered at a DNS host."""

from typing import Any

from nameplate.cli.output import Printer

COLUMNS = ("type", "host", "value", "ttl", "for")


def print_advice(printer: Printer, found: dict[str, Any]) -> None:
    """Print where a domain's DNS is managed, how to get there, and what to enter."""
    printer.line(found["message"])
    host = found["host"]
    if host and host["panel"]:
        printer.line(f"  {host['panel']}")
    for number, step in enumerate(found["steps"], 1):
        printer.line(f"  {number}. {step}")
    printer.line("")
    left = [one for one in found["entries"] if not one["is_published"]]
    published = len(found["entries"]) - len(left)
    if left:
        print_entries(printer, left)
    if published:
        printer.line(f"Published already: {published} of {len(found['entries'])} records.")
    elif not left:
        printer.line("There are no records to enter.")
    _print_obstacles(printer, found["obstacles"])
    if host and host["account_provider"]:
        provider = host["account_provider"]
        printer.say(
            f"\nNameplate can write these records with an account of provider `{provider}`."
        )


def print_offer(printer: Printer, found: dict[str, Any]) -> None:
    """Print the link that asks for consent, what it publishes, and what it leaves to do."""
    printer.line(found["message"])
    if found["stale"]:
        printer.line("It lists different name servers for the zone. It may be a former DNS host.")
    if found["apply_url"]:
        printer.line(f"\n{found['apply_url']}\n")
        for one in found["covered"]:
            printer.line(f"publishes: {one['type']} {one['name']} {one['value']}")
    if found["by_hand"]:
        printer.line("\nRecords to enter manually:")
        print_entries(printer, found["by_hand"])
    _print_obstacles(printer, found["obstacles"])


def _print_obstacles(printer: Printer, obstacles: list[dict[str, Any]]) -> None:
    for one in obstacles:
        printer.line(f"\n{one['message']}\n  fix: {one['fix']}")


def print_entries(printer: Printer, entries: list[dict[str, Any]]) -> None:
    """Print a table of entries, and below it each remark once, with what it is about."""
    rows = [
        [one["type"], one["host"] or "(empty)", one["value"], str(one["ttl"]), one["purpose"]]
        for one in entries
    ]
    printer.table(rows, COLUMNS)
    about: dict[str, list[str]] = {}
    for one in entries:
        for remark in one["remarks"]:
            about.setdefault(remark, []).append(f"{one['type']} {one['host'] or '(empty)'}")
    printer.line("")
    for remark, hosts in about.items():
        everywhere = len(hosts) == len(entries)
        printer.line(f"* {remark}" if everywhere else f"* {', '.join(hosts)}: {remark}")
