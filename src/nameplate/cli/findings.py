"""A diagnosis on a terminal: what is wrong in order of importance, the evidence after it."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from nameplate.cli import terminal
from nameplate.cli.checklist import UNBOUNDED
from nameplate.cli.output import Printer, printable

_SIGNS = {"blocks": "[ ]", "risk": "[!]", "note": "[i]"}
_TURNS = {
    "you": "you",
    "operator": "the operator of the platform",
    "provider": "the DNS host",
    "authority": "the certificate authority",
    "nameplate": "Nameplate",
}
_EVIDENCE = 8


def show(printer: Printer, found: Mapping[str, Any]) -> None:
    """Print all findings, numbered, and then what was seen of each."""
    findings = found["findings"]
    columns = terminal.width(sys.stdout) or UNBOUNDED
    if not findings:
        printer.line(f"{found['name']}: no problem found.")
        return
    for number, one in enumerate(findings, 1):
        for line in _lines(printer, number, one, columns):
            printer.line(line)
    seen = [(number, one) for number, one in enumerate(findings, 1) if one["evidence"]]
    if seen:
        printer.line("")
        printer.line("Evidence:")
    for number, one in seen:
        for text in _some(one["evidence"]):
            for line in _wrapped(text, columns, f"  {number}. ", "     "):
                printer.line(line)


def _lines(printer: Printer, number: int, one: Mapping[str, Any], columns: int) -> Iterator[str]:
    sign = _SIGNS.get(one["weight"], "[ ]")
    yield from _wrapped(
        f"{one['message']} [{one['check']}]", columns, f"{sign} {number}. ", " " * 7
    )
    told = [("fix", one["fix"])] if one["fix"] else []
    told += [(fix["action"], _record(fix)) for fix in one["records"]]
    told += [("turn", _TURNS.get(one["turn"], one["turn"]))] if one["turn"] else []
    told += [("certainty", one["confidence"])] if one["confidence"] != "certain" else []
    if one["next_check_at"]:
        told.append(("next check", printer.upcoming(one["next_check_at"])))
    for label, text in told:
        first = f"       {label + ':':<12}"
        yield from _wrapped(text, columns, first, " " * len(first))


def _record(fix: Mapping[str, Any]) -> str:
    """Return a record on one line; a text in quotes, so that spaces at its ends are seen."""
    value = f'"{fix["value"]}"' if fix["type"] == "TXT" else fix["value"]
    return f"{fix['name']} {fix['type']} {value}"


def _wrapped(text: str, columns: int, first: str, rest: str) -> Iterator[str]:
    plain = printable(text).replace("\n", " ")
    yield from terminal.wrapped(plain, columns, first=first, rest=rest)


def _some(evidence: list[str]) -> list[str]:
    more = len(evidence) - _EVIDENCE
    return evidence if more <= 0 else [*evidence[:_EVIDENCE], f"and {more} more"]
