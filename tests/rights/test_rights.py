"""Whoever is served, asked for, routed to or certified is the holder by a model of its own."""

import inspect
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.stateful import RULE_MARKER, run_state_machine_as_test
from sqlalchemy.orm import Session

from nameplate.core.errors import Conflict
from nameplate.core.holdings import Holding
from nameplate.core.names import is_within
from nameplate.db import Sessions
from nameplate.models import Domain, NameGrant, Verification
from nameplate.ports.verification import Verdict
from nameplate.usecases import holders
from nameplate.usecases.claims import (
    contests,
    holdings,
    incumbents,
    lent_holdings,
    overrides,
    quarantine,
    transfers,
)
from nameplate.usecases.serving import route_rows
from tests.rights.machine import Rights


def programs(sessions: Sessions, rules: Collection[str] = ()) -> type[Rights]:
    """Return the machine over a database; with `rules`, of its rules these alone."""
    others = {
        name: _plain(found)
        for name, found in inspect.getmembers(Rights)
        if rules and hasattr(found, RULE_MARKER) and name not in rules
    }
    return type("Rights", (Rights,), {"sessions": staticmethod(lambda: sessions), **others})


def _plain(found: Callable[..., None]) -> Callable[..., None]:
    """Return what other rules can call, and no program begins with."""

    def plain(self: Rights, *given: Any, **named: Any) -> None:
        found(self, *given, **named)

    return plain


def check(
    sessions: Sessions,
    examples: int,
    rules: Collection[str] = (),
    first: int | None = None,
    **more: Any,
) -> None:
    """Run random programs; raise what is wrong. `first` is the seed that they begin with.

    They are the same each time: constants of whatever modules are loaded are not among the draws.
    """
    machine = programs(sessions, rules)
    if first is not None:
        machine = seed(first)(machine)
    given = {
        "max_examples": examples, "stateful_step_count": 30, "deadline": None,
        "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck),
        "print_blob": False, "report_multiple_bugs": False,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HypothesisProvider, "_maybe_draw_constant", lambda *_, **__: None)
        run_state_machine_as_test(machine, settings=settings(**{**given, **more}))


def test_the_most_specific_holder_is_served_or_nobody(sessions: Sessions) -> None:
    check(sessions, 16 if sessions.dialect == "sqlite" else 5, phases=[Phase.generate])


def test_a_wildcard_above_what_is_lent_is_bound_and_not_served(sessions: Sessions) -> None:
    state = programs(sessions)()
    state.begin(claims=[(832, False, 418), (332, True, 60)], lent=True)
    state.holdings_are_what_proofs_give()
    state.hosts_lead_to_their_holders()
    state.take_back(0)
    state.hosts_lead_to_their_holders()
    assert f"*.{state.world.base}" in {one.host for one in state.world.rendered()}
    state.teardown()


@pytest.mark.torture
def test_long_programs_serve_nobody_but_holders(sessions: Sessions) -> None:
    check(sessions, 1000, derandomize=False, stateful_step_count=50)


def _scope_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """Forget in a statement that a proof of a name alone reaches nothing below it."""
    live = classmethod(lambda cls, _hostname: cls.is_live)
    patch.setattr(Domain, "permits", live)


def _every_holding_is_wide(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Holding, "covers", lambda self, name: is_within(name, self.name))


def _tenants_resume(patch: pytest.MonkeyPatch) -> None:
    """Let a tenant end the suspension that the operator made."""
    real = Domain.resume
    patch.setattr(Domain, "resume", lambda self, **_: real(self, by_platform=True))


def _holder_of_certificates_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holders, "kept", lambda _session, _owner, names, **_: frozenset(names))


def _grants_outlive_their_lender(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lent_holdings, "may_lend", lambda *_: True)


def _what_is_lent_is_the_lender_s_too(patch: pytest.MonkeyPatch) -> None:
    """Forget that a name that is lent is nobody else's: its lender is served there as well."""
    nothing = classmethod(lambda _cls, _hostname: sa.false())
    patch.setattr(holders, "_GIVEN", holders._GIVEN.where(sa.false()))
    patch.setattr(Domain, "_is_lent", nothing)


def _old_tokens_count(patch: pytest.MonkeyPatch) -> None:
    """Forget to end the tokens that a new one replaces, and those of what is given up."""
    patch.setattr(Verification, "expire", lambda *_: None)


def _revoked_grants_go_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(NameGrant, "revoke", lambda *_: None)


def _a_challenge_takes_the_name_at_once(patch: pytest.MonkeyPatch) -> None:
    """Let whoever proves a held name by DNS have it without a second look a day later."""

    def challenge(
        session: Session, _row: object, domain: Domain, error: Conflict, now: datetime
    ) -> str:
        for one in incumbents.in_the_way(session, domain, subtree=True):
            session.delete(one)
        session.flush()
        holdings.take(session, domain, subtree=True, now=now)
        return error.detail

    patch.setattr(incumbents, "challenge", challenge)


def _holders_need_not_answer(patch: pytest.MonkeyPatch) -> None:
    """Let a challenge go on though its holder still proves the name."""
    patch.setattr(contests, "_of_all", lambda _verdicts: Verdict.ABSENT)


def _the_operator_takes_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(overrides, "_end", lambda *_: ())


def _lapsed_names_are_served(patch: pytest.MonkeyPatch) -> None:
    """Forget to take a name out of service whose proof is lost for good."""
    patch.setattr(holdings, "lapse", lambda *_: ())


def _notices_are_not_given(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Verification, "give_notice", lambda *_: None)


def _either_side_accepts(patch: pytest.MonkeyPatch) -> None:
    """Let who offers a name accept it for the other one."""
    patch.setattr(
        transfers, "of_side", lambda session, actor, ref, _: transfers.get(session, actor, ref)
    )


def _the_former_holder_keeps_what_it_gave(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holdings, "hand_over", lambda *_: None)


def _gifts_need_no_proof(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holdings, "forfeit", lambda *_: None)


def _a_quarantine_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(quarantine, "check", lambda *_, **__: None)


PLANTED: Mapping[Callable[[pytest.MonkeyPatch], None], tuple[str, ...]] = {
    _scope_is_ignored: ("claim", "prove", "bind", "insist"),
    _every_holding_is_wide: ("claim", "prove", "bind", "insist"),
    _tenants_resume: ("suspend", "resume", "bind"),
    _holder_of_certificates_is_not_asked: ("claim", "prove", "order", "obtain"),
    _grants_outlive_their_lender: ("lend", "claim", "prove", "remove", "lose"),
    _what_is_lent_is_the_lender_s_too: ("lend", "claim", "bind", "insist"),
    _old_tokens_count: ("offer_another_proof", "try_the_former_token", "remove", "prove"),
    _revoked_grants_go_on: ("lend", "take_back", "claim", "bind"),
    _a_challenge_takes_the_name_at_once: ("claim", "prove", "contest"),
    _holders_need_not_answer: ("claim", "prove", "contest"),
    _the_operator_takes_nothing: ("claim", "prove", "override"),
    _lapsed_names_are_served: ("lose", "find_again", "bind", "insist"),
    _notices_are_not_given: ("lose", "find_again", "prove"),
    _either_side_accepts: ("offer", "accept", "end_offer", "prove"),
    _the_former_holder_keeps_what_it_gave: ("offer", "accept", "end_offer", "prove"),
    _gifts_need_no_proof: ("offer", "accept", "let_a_gift_run_out"),
    _a_quarantine_is_ignored: ("claim", "come_back"),
}
"""What is planted -> the rules of the programs that look for it: those that have nothing to do with it
would only make them longer."""
SEEDS: Mapping[Callable[[pytest.MonkeyPatch], None], int] = {
    _revoked_grants_go_on: 2,
    _holder_of_certificates_is_not_asked: 2,
    _tenants_resume: 2,
    _the_operator_takes_nothing: 1,
    _holders_need_not_answer: 2,
    _old_tokens_count: 3,
    _grants_outlive_their_lender: 1,
    _a_challenge_takes_the_name_at_once: 1,
}
"""Seeds whose first programs find it; what is found within seconds anyway has none."""
SLOW = {
    _lapsed_names_are_served,
    _a_challenge_takes_the_name_at_once,
    _what_is_lent_is_the_lender_s_too,
    _old_tokens_count,
    _notices_are_not_given,
    _either_side_accepts,
    _gifts_need_no_proof,
    _holders_need_not_answer,
    _the_former_holder_keeps_what_it_gave,
}
"""What takes half a minute to be found: that is for the long campaigns."""


# Most are found by the first few programs.
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "plant",
    [pytest.param(one, marks=[pytest.mark.torture] * (one in SLOW)) for one in PLANTED],
    ids=lambda one: one.__name__.strip("_"),
)
def test_the_machine_finds_what_is_planted(
    migrated_sqlite_sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
) -> None:
    plant(monkeypatch)
    for kept in ("wanted", "stopped", "leaving"):  # they have nothing of what is planted
        anew = inspect.unwrap(getattr(route_rows, kept))
        monkeypatch.setattr(route_rows, kept, anew)
    with pytest.raises(AssertionError):
        check(
            migrated_sqlite_sessions,
            400,
            PLANTED[plant],
            first=SEEDS.get(plant),
            phases=[Phase.generate],
        )
