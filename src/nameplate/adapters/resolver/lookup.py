"""One question on its way to every server of its zone: through aliases and referrals."""

from functools import lru_cache

import dns.name

from nameplate.adapters.resolver.asking import Asking, Together
from nameplate.adapters.resolver.delegation import ListedServers
from nameplate.adapters.resolver.query import QueryBudget, Unanswered
from nameplate.adapters.resolver.reply import Alias, Referral
from nameplate.adapters.resolver.servers import Candidates, Servers, Zone
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult

_MAX_ALIASES = 8


class Lookup:
    """What one look-up asks, within one budget, and what all servers said at its end."""

    def __init__(
        self,
        servers: Servers,
        question: dns.name.Name,
        rdtype: str,
        budget: QueryBudget,
        *,
        listed: ListedServers | None = None,
    ) -> None:
        """Ask for a canonical name; `listed` adds the servers that only the parent names.

        `listed` searches in threads of its own: not for the event loop.
        """
        self._servers = servers
        self._listed = listed
        self._question = question
        self._rdtype = rdtype
        self._budget = budget
        self._aliases: list[dns.name.Name] = []
        self._zone: dns.name.Name | None = None

    def find(self) -> Asking[LookupResult]:
        """Go all the way."""
        # Two ways may lead to one server; what it says twice counts once.
        answers = yield from self._start(self._question)
        if len(answers) > 1:
            answers = sorted(set(answers), key=_order)
        return LookupResult("" if self._zone is None else _text(self._zone), tuple(answers))

    def _start(self, name: dns.name.Name) -> Asking[list[Answer]]:
        # A DS lives on the parent's side of the cut (RFC 4035 section 3.1.4.1).
        held_at = name.parent() if self._rdtype == "DS" and name != dns.name.root else name
        known = self._servers.overridden(held_at)
        if known is None:
            try:
                known = yield from self._above(held_at)
            except Unanswered as error:
                return [Answer(error.kind, "", detail=error.detail)]
        return (yield from self._ask_all(name, *known))

    def _above(self, name: dns.name.Name) -> Asking[Zone]:
        """Return the closest zone and its servers; with `listed` those that its parent names too."""
        if self._listed is None:
            return (yield from self._servers.above(name, self._budget))
        zone, names = yield from self._servers.named(name, self._budget)
        listed = self._listed.of(zone)
        return zone, listed or (yield from self._servers.candidates(names, {}, self._budget))

    def _ask_all(
        self, name: dns.name.Name, zone: dns.name.Name, servers: Candidates
    ) -> Asking[list[Answer]]:
        if not self._aliases:
            self._zone = zone
        ask, rdtype, budget = self._servers.ask, self._rdtype, self._budget
        ways = [ask(one, name, rdtype, zone, budget) for one in servers]
        steps = [(yield from ways[0])] if len(ways) == 1 else (yield Together(ways))
        answers = [step for step in steps if isinstance(step, Answer)]
        if len(answers) == len(steps):
            return answers
        # Servers that lead elsewhere usually agree; where they do not, all ways are looked at.
        for step in dict.fromkeys(step for step in steps if not isinstance(step, Answer)):
            if isinstance(step, Alias):
                answers += yield from self._alias(step)
            else:
                answers += yield from self._refer(name, step)
        return answers

    def _alias(self, alias: Alias) -> Asking[list[Answer]]:
        if alias.target in self._aliases or len(self._aliases) >= _MAX_ALIASES:
            detail = "its aliases (CNAME) form a loop or a chain of more than 8"
            return [Answer(AnswerKind.SERVFAIL, "", detail=detail)]
        if self._leads_inside(alias.target):
            detail = "its alias (CNAME) leads into a private zone of this installation"
            return [Answer(AnswerKind.REFUSED, "", detail=detail)]
        self._aliases.append(alias.target)
        return (yield from self._start(alias.target))

    def _leads_inside(self, target: dns.name.Name) -> bool:
        """Tell whether an alias leads from somewhere else into a zone that only we can see.

        Whoever may write the alias may not read there: what stands there is not ours to show.
        """
        private = self._servers.overridden(target)
        return private is not None and not self._question.is_subdomain(private[0])

    def _refer(self, name: dns.name.Name, referral: Referral) -> Asking[list[Answer]]:
        glue: dict[str, list[str]] = {}
        for server, address in referral.glue:
            glue.setdefault(server, []).append(address)
        servers = yield from self._servers.candidates(referral.servers, glue, self._budget)
        return (yield from self._ask_all(name, referral.zone, servers))


@lru_cache(1000)
def _text(zone: dns.name.Name) -> str:
    return zone.to_text(omit_final_dot=True)


def _order(answer: Answer) -> tuple[str, str, tuple[str, ...]]:
    return answer.server, answer.kind, answer.values
