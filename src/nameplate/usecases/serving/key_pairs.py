"""Key pairs of what servers serve, read as seldom as possible.

A bundle never changes under its generation and serial number. So a process that has read one once knows its
digest, by which a proxy sees that it has the files; only who has them not reads them again.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Protocol
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Certificate
from nameplate.ports.proxy import KeyPair, LaterKeyPair
from nameplate.usecases.certificates import requests, rollout

_LOOKED_UP = 500
"""Certificates in one statement."""
_MAX_KNOWN = 500_000

_Generation = tuple[int, int | None, str | None]
"""A certificate's id, generation and serial number."""
_Place = tuple[int, int | None]
_KNOWN: WeakKeyDictionary[Sessions, dict[_Generation, LaterKeyPair]] = WeakKeyDictionary()
"""By database."""


class PresentedCertificate(Protocol):
    """What a route says of its certificate."""

    @property
    def certificate(self) -> int | None:
        """Its id; None: plain HTTP only."""
        ...

    @property
    def generation(self) -> int | None:
        """Its generation."""
        ...

    @property
    def serial(self) -> str | None:
        """Its serial number."""
        ...


def of(
    session: Session,
    ring: KeyRing,
    rows: Iterable[PresentedCertificate],
    later: Sessions | None = None,
) -> Mapping[_Generation, KeyPair]:
    """Return the key pairs of routes.

    With `later`, those that were read before are read from there when somebody needs them.
    """
    wanted = {generation(row) for row in rows if row.certificate}
    if later is None:
        return _read(session, ring, wanted)
    known = _KNOWN.setdefault(later, {})
    found: dict[_Generation, KeyPair] = {one: known[one] for one in wanted if one in known}
    new = _read(session, ring, wanted - found.keys())
    if len(known) + len(new) > _MAX_KNOWN:
        known.clear()
    for one, pair in new.items():
        known[one] = LaterKeyPair(pair.id, pair.digest, partial(_again, later, ring, one))
    return found | new


def generation(row: PresentedCertificate) -> _Generation:
    """Return what stands for the key pair that a route presents."""
    return row.certificate or 0, row.generation, row.serial


def _again(sessions: Sessions, ring: KeyRing, wanted: _Generation) -> KeyPair:
    """Return a pair that was read before. Raises Refused where there is another one by now."""
    with sessions.look() as session:
        found = _read(session, ring, {wanted}).get(wanted)
    if found is None:
        detail = "A certificate was replaced while the proxy was told of it. It is told again."
        raise Refused("proxy_step_failed", detail)
    return found


def _read(
    session: Session, ring: KeyRing, wanted: AbstractSet[_Generation]
) -> dict[_Generation, KeyPair]:
    """Return pairs as they are stored: a private key is opened only when it is revealed."""
    by_place = {one[:2]: one for one in wanted}
    found = _present(session, ring, by_place)
    former = {place: one for place, one in by_place.items() if one not in found}
    return found | _former(session, ring, former) if former else found


def _id(number: int, generation: int | None) -> str:
    return f"{ids.show('crt', number)}-{generation}"


def _present(
    session: Session, ring: KeyRing, wanted: Mapping[_Place, _Generation]
) -> dict[_Generation, KeyPair]:
    pairs: dict[_Generation, KeyPair] = {}
    numbers = sorted({number for number, _ in wanted})
    for start in range(0, len(numbers), _LOOKED_UP):
        query = (
            Certificate.visible(PLATFORM)
            .with_only_columns(
                Certificate.id,
                Certificate.organization_id,
                Certificate.generation,
                Certificate.certificate_bundle,
                Certificate.private_key,
            )
            .where(Certificate.id.in_(numbers[start : start + _LOOKED_UP]))
        )
        for number, organization, current, bundle, sealed in session.execute(query):
            one = wanted.get((number, current))
            if bundle is None or sealed is None or one is None:
                continue
            place = requests.key_place_of(organization, number)
            key = Secret.later(partial(ring.open, sealed, place))
            pairs[one] = KeyPair(_id(number, current), bundle, key)
    return pairs


def _former(
    session: Session, ring: KeyRing, wanted: Mapping[_Place, _Generation]
) -> dict[_Generation, KeyPair]:
    """Return the key pairs of former generations, of the few certificates that have one."""
    pairs: dict[_Generation, KeyPair] = {}
    numbers = sorted({number for number, _ in wanted})
    query = Certificate.visible(PLATFORM).where(Certificate.id.in_(numbers))
    for row in session.scalars(query):
        if row.former_bundle is None or row.former_private_key is None:
            continue
        one = wanted.get((row.id, row.former_generation))
        if one is not None:
            key = Secret.later(partial(ring.open, row.former_private_key, rollout.place(row)))
            pairs[one] = KeyPair(_id(*one[:2]), row.former_bundle, key)
    return pairs
