"""A worker's part in delegation: name servers and DS records, in an order that breaks no zone.

The registrar is told one thing at a time, and the next look goes on from what it shows then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nameplate.core.delegation_signing import FORGOTTEN, Chain, ChainStep, Ds, next_step
from nameplate.core.errors import NameplateError
from nameplate.core.records import RRset
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import RegisteredName
from nameplate.ports.registrar import DsKeeper
from nameplate.ports.registrar import Registration as Seen
from nameplate.ports.resolver import AnswerKind
from nameplate.usecases import work
from nameplate.usecases.registrations import targets
from nameplate.usecases.registrations.registrars import Connected
from nameplate.usecases.registrations.targets import DelegationTarget
from nameplate.usecases.tools import Tools

_SOONEST, _LATEST = timedelta(minutes=2), timedelta(hours=1)
_SLOW = timedelta(days=1)
"""After which a registry that still gives out the former name servers is a problem."""
_MAX_SHOWN = 10


@dataclass(frozen=True, slots=True)
class RegistrationTrouble:
    """What keeps a registration from being as it is wanted."""

    code: str
    message: str
    again: timedelta = _LATEST
    waits_for: str | None = None


@dataclass(frozen=True, slots=True)
class DelegationProgress:
    """What a step found and did, as it is recorded."""

    servers: tuple[str, ...] | None = None
    """Those that the name is to have; None: nobody wants any."""
    is_there: bool = False
    """The registrar has them."""
    has_delegated: bool = False
    parent: tuple[str, ...] | None = None
    """What the registry gives out; None: nobody asked."""
    ds_wanted: tuple[str, ...] | None = None
    ds_seen: tuple[str, ...] | None = None
    has_acted: bool = False
    trouble: RegistrationTrouble | None = None
    again: timedelta | None = None

    def record(self, row: RegisteredName, now: datetime) -> None:
        """Keep it in the row."""
        if self.servers is None:
            return
        if row.is_delegated and (self.has_delegated or self.is_there):
            row.name_servers_wanted = list(self.servers)
        if self.has_delegated:
            row.servers_changed_at = now
        if self.parent is not None:
            row.parent_servers = list(self.parent) or None
        if self.ds_seen is None:
            return
        if row.ds_seen and not self.ds_seen:
            row.ds_withdrawn_at = now
        elif self.ds_seen:
            row.ds_withdrawn_at = None
        if row.ds_seen != list(self.ds_seen):
            row.ds_seen = list(self.ds_seen)
        wanted = None if self.ds_wanted is None else list(self.ds_wanted)
        if row.ds_wanted != wanted:
            row.ds_wanted = wanted


def advance(  # noqa: PLR0917 - what a step is given
    sessions: Sessions,
    tools: Tools,
    lease: Lease,
    row: RegisteredName,
    connected: Connected,
    seen: Seen,
) -> DelegationProgress:
    """Take one step towards the delegation that is wanted. Raises as registrars do."""
    try:
        target = (
            targets.of_domain(sessions, tools, row) if row.is_delegated else targets.agreed(row)
        )
    except NameplateError as error:
        return DelegationProgress(trouble=RegistrationTrouble(error.code, error.detail))
    if target is None or not target.servers:
        return DelegationProgress()
    return _DelegationStep(sessions, tools, lease, row, connected, seen, target).take()


@dataclass(frozen=True)
class _DelegationStep:
    sessions: Sessions
    tools: Tools
    lease: Lease
    row: RegisteredName
    connected: Connected
    seen: Seen
    target: DelegationTarget

    def take(self) -> DelegationProgress:
        servers = self.target.servers
        is_there = set(servers) == set(self.seen.name_servers)
        found = DelegationProgress(servers, is_there, parent=self._parent() if is_there else None)
        try:
            offered = self._offered()
        except NameplateError as error:
            return replace(found, trouble=self._of_host(error))
        now, at = self.lease.now(), self._at_registrar()
        of_zone = None if offered is None else frozenset(one.text for one in offered)
        is_ours = bool(offered) or self.row.ds_wanted is not None or not self.row.publishes_ds
        chain = Chain(
            frozenset(at),
            of_zone,
            is_delegated=is_there,
            is_ours=is_ours,
            withdrawn_at=now if self.row.ds_seen and not at else self.row.ds_withdrawn_at,
        )
        step = next_step(chain, now)
        if step is ChainStep.WAIT_SHOWN and self._is_shown(found.parent, offered or ()):
            step = next_step(replace(chain, is_shown=True), now)
        found = replace(
            found,
            ds_seen=tuple(sorted(at)),
            ds_wanted=tuple(sorted(of_zone)) if of_zone is not None and is_ours else None,
        )
        return self._done(step, found, offered or ())

    def _offered(self) -> tuple[Ds, ...] | None:
        """Return the DS records to publish, none where that is not wanted; None: nobody knows them."""
        return self.target.ds() if self.row.publishes_ds else ()

    def _done(
        self, step: ChainStep, found: DelegationProgress, offered: Sequence[Ds]
    ) -> DelegationProgress:
        if step is ChainStep.DELEGATE:
            return self._delegate(found)
        if step is ChainStep.WITHDRAW:
            if not self._may_move(found):
                return replace(found, trouble=self._losing())
            return self._set_ds((), found)
        if step is ChainStep.PUBLISH:
            return self._set_ds(offered, found)
        if step is ChainStep.WAIT_FORGOTTEN:
            return self._forgetting(found)
        return self._watching(step, found)

    def _may_move(self, found: DelegationProgress) -> bool:
        """Tell whether the name may go to servers that nobody agreed to: when nothing is lost by it."""
        agreed = self.row.name_servers_wanted
        if set(found.servers or ()) == set(self.seen.name_servers):
            return True
        if agreed is None or set(agreed) == set(found.servers or ()):
            return True
        return not self._lost()

    def _lost(self) -> list[RRset]:
        return targets.lost(self.tools, self.row.name, self.target)

    def _losing(self) -> RegistrationTrouble:
        return RegistrationTrouble(
            "delegation_loses_records",
            f"The DNS account of {self.row.name} has another zone now, in which records are missing that "
            f"are in use: {shown(self._lost())}. Add them, or delegate the name again and agree to that.",
        )

    def _delegate(self, found: DelegationProgress) -> DelegationProgress:
        if not self._may_move(found):
            return replace(found, trouble=self._losing())
        work.confirm(self.sessions, RegisteredName, self.lease)
        self.connected.registrar.delegate(self.row.name, self.target.servers)
        return replace(found, has_delegated=True, has_acted=True)

    def _set_ds(self, records: Sequence[Ds], found: DelegationProgress) -> DelegationProgress:
        registrar, name = self.connected.registrar, self.row.name
        if not isinstance(registrar, DsKeeper):
            return replace(found, trouble=self._by_hand(records, found))
        work.confirm(self.sessions, RegisteredName, self.lease)
        registrar.set_ds(name, records)
        return replace(found, has_acted=True)

    def _by_hand(self, records: Sequence[Ds], found: DelegationProgress) -> RegistrationTrouble:
        """Ask a person for what the registrar's API cannot do."""
        title, name = self.connected.plugin.title, self.row.name
        if records:
            told = "; ".join(one.text for one in records)
            message = f"Enter these DS records of {name} at {title}, whose API cannot: {told}."
        else:
            message = (
                f"Remove the DS records of {name} at {title}, whose API cannot: "
                f"{'; '.join(found.ds_seen or ())}. Resolvers would reject a zone without their keys, so "
                "the name servers stay as they are until then."
            )
        return RegistrationTrouble("ds_by_hand", message)

    def _forgetting(self, found: DelegationProgress) -> DelegationProgress:
        until = (self.row.ds_withdrawn_at or self.lease.now()) + FORGOTTEN
        message = (
            f"The DS records of {self.row.name} were removed. The name servers are changed at "
            f"{until:%Y-%m-%d %H:%M} UTC, when no resolver expects their keys any more."
        )
        left = max(until - self.lease.now(), _SOONEST)
        return replace(found, trouble=RegistrationTrouble("ds_leaving", message, left))

    def _watching(self, step: ChainStep, found: DelegationProgress) -> DelegationProgress:
        """Look again soon while the registry does not show what the registrar has."""
        if step is ChainStep.NOTHING and (not found.parent or self._has_servers(found.parent)):
            return found
        changed = self.row.servers_changed_at
        gone = timedelta(0) if changed is None else self.lease.now() - changed
        again = min(max(gone / 2, _SOONEST), _LATEST)
        if found.parent and not self._has_servers(found.parent) and gone > _SLOW:
            message = (
                f"The registrar has the name servers of {self.row.name}, and the registry still gives out "
                f"{', '.join(found.parent)}. Ask the registrar why."
            )
            return replace(found, trouble=RegistrationTrouble("delegation_not_shown", message))
        return replace(found, again=again)

    def _parent(self) -> tuple[str, ...] | None:
        """Return what the registry gives out, unless it was seen to be right."""
        known = self.row.parent_servers
        if known and self._has_servers(known):
            return tuple(known)
        return self.tools.resolver.delegation(self.row.name).parent

    def _has_servers(self, given: Sequence[str]) -> bool:
        return set(given) == set(self.target.servers)

    def _at_registrar(self) -> set[str]:
        """Return the DS records that the registrar has, or else those that the registry gives out."""
        registrar, name = self.connected.registrar, self.row.name
        if isinstance(registrar, DsKeeper):
            return {one.text for one in registrar.ds(name)}
        answers = self.tools.resolver.authoritative(name, "DS").answers
        texts = {text for one in answers if one.kind is AnswerKind.DATA for text in one.values}
        return {" ".join((*text.split()[:3], "".join(text.split()[3:]).upper())) for text in texts}

    def _is_shown(self, parent: Sequence[str] | None, offered: Sequence[Ds]) -> bool:
        """Tell whether the registry gives out the servers, and all of them answer with the keys."""
        if parent and not self._has_servers(parent):
            return False
        answers = self.tools.resolver.authoritative(self.row.name, "DNSKEY").answers
        wanted = {one.public_key for one in offered}
        return bool(answers) and all(
            one.kind is AnswerKind.DATA
            and wanted <= {"".join(text.split()[3:]) for text in one.values}
            for one in answers
        )

    def _of_host(self, error: NameplateError) -> RegistrationTrouble:
        account = self.target.account_id
        waits_for = None if account is None else f"account:{account}"
        return RegistrationTrouble(error.code, error.detail, waits_for=waits_for)


def shown(records: Sequence[RRset]) -> str:
    """Return record sets for a sentence, some of them where there are many."""
    told = ", ".join(f"{one.name} {one.type}" for one in records[:_MAX_SHOWN])
    more = len(records) - _MAX_SHOWN
    return f"{told} and {more} more" if more > 0 else told
