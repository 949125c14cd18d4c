"""Which names are free and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid
from nameplate.db import Sessions
from nameplate.ports.registrar import Offer, Suggester
from nameplate.usecases.registrations import registrars
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

_SUGGESTED = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found."""

    offers: tuple[Offer, ...]
    suggestions: tuple[Offer, ...]


def search(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    names: Sequence[str],
    *,
    account: str | None = None,
    organization: str | None = None,
    suggest: bool = False,
) -> Found:
    """Ask the registrar about up to 50 names, and for others like the first one.

    Raises Invalid before anybody is asked when one of them cannot be registered, and as registrars do.
    """
    if not 1 <= len(names) <= registrars.MAX_NAMES:
        raise Invalid("names_invalid", f"Expected 1 to {registrars.MAX_NAMES} names.")
    wanted = list(
        dict.fromkeys(
            registrars.registrable(tools, name, f"/names/{place}")
            for place, name in enumerate(names)
        )
    )
    with sessions.begin(actor, read_only=True) as session:
        owner_id = organizations.acting(session, actor, organization).id
    with sessions.begin(PLATFORM, read_only=True) as session:
        chosen = registrars.choose(session, actor, owner_id, account)
    connected = registrars.connect(tools, chosen)
    offers = connected.registrar.offers(wanted)
    more: Sequence[Offer] = ()
    if suggest and isinstance(connected.registrar, Suggester):
        like = [
            name
            for name in connected.registrar.suggest(wanted[0], _SUGGESTED)
            if name not in wanted
        ]
        more = connected.registrar.offers(like) if like else ()
    return Found(tuple(offers), tuple(more))
