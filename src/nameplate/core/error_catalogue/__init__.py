"""Every error code: what it means, whose turn it is, and what to do.

Nothing that works in the background imports this before something goes wrong: the page of a code, the
command that explains one, the generator of the reference and the log of failures need it (ADR 12).
"""

import re
from collections.abc import Sequence

from nameplate.core.error_catalogue import (
    agents,
    authorities,
    cdn,
    certificates,
    command_line,
    custom_hostnames,
    diagnosis,
    domains,
    hosting,
    installation,
    names,
    organizations,
    people,
    plans,
    providers,
    records,
    registrations,
    requests,
    servers,
    values,
    verifications,
)
from nameplate.core.error_catalogue.entry import Entry, Group, Turn
from nameplate.core.errors import NotFound

__all__ = ["GROUPS", "Entry", "Group", "Turn", "explain"]

_CODE = re.compile(r"[a-z][a-z0-9_]{0,62}")

GROUPS: Sequence[Group] = (
    requests.GROUP,
    people.GROUP,
    names.GROUP,
    domains.GROUP,
    diagnosis.GROUP,
    verifications.GROUP,
    records.GROUP,
    values.GROUP,
    plans.GROUP,
    providers.GROUP,
    cdn.GROUP,
    hosting.GROUP,
    registrations.GROUP,
    certificates.GROUP,
    authorities.GROUP,
    servers.GROUP,
    custom_hostnames.GROUP,
    agents.GROUP,
    organizations.GROUP,
    installation.GROUP,
    command_line.GROUP,
)
"""In the order of the reference page."""


def explain(code: str) -> Entry:
    """Return what is known of a code. Raises `NotFound` with code `error_code_unknown`.

    A code of an authority that has no entry of its own is explained as one of its family, such as
    `acme_*`.
    """
    names = [code]
    if _CODE.fullmatch(code):
        names.append(f"{code.partition('_')[0]}_*")
    for name in names:
        for group in GROUPS:
            if name in group.codes:
                return group.codes[name]
    raise NotFound(
        "error_code_unknown", "There is no such error code. Check the spelling of the code."
    )
