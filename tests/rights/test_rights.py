"""Whoever is served, asked for, routed to or certified is the holder by a model of its own."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.orm import Session

from nameplate.core.errors import Conflict
from nameplate.core.holdings import Holding
from nameplate.core.names import is_within
from nameplate.db import Sessions
from nameplate.models import Domain, NameGrant, Verification
from nameplate.ports.verification import Verdict
from nameplate.usecases import holders
from nameplate.usecases.certificates import issuance
from nameplate.usecases.claims import contests, holdings, incumbents, lent_holdings, overrides
from tests.rights.machine import Rights


def check(sessions: Sessions, examples: int, **more: Any) -> None:
    """Run random programs; raise what is wrong."""
    machine = type("Rights", (Rights,), {"sessions": staticmethod(lambda: sessions)})
    given = {
        "max_examples": examples, "stateful_step_count": 30, "deadline": None,
        "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck),
        "print_blob": False, "report_multiple_bugs": False,
    }  # fmt: skip
    run_state_machine_as_test(machine, settings=settings(**{**given, **more}))


def test_the_most_specific_holder_is_served_or_nobody(sessions: Sessions) -> None:
    check(sessions, 16 if sessions.dialect == "sqlite" else 5, phases=[Phase.generate])


def test_a_wildcard_above_what_is_lent_is_bound_and_not_served(sessions: Sessions) -> None:
    state = type("Rights", (Rights,), {"sessions": staticmethod(lambda: sessions)})()
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
    patch.setattr(issuance, "_owned", lambda *_: True)


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


PLANTED: list[Callable[[pytest.MonkeyPatch], None]] = [
    _scope_is_ignored,
    _every_holding_is_wide,
    _tenants_resume,
    _holder_of_certificates_is_not_asked,
    _grants_outlive_their_lender,
    _what_is_lent_is_the_lender_s_too,
    _old_tokens_count,
    _revoked_grants_go_on,
    _a_challenge_takes_the_name_at_once,
    _holders_need_not_answer,
    _the_operator_takes_nothing,
]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("plant", PLANTED, ids=lambda one: one.__name__.strip("_"))
def test_the_machine_finds_what_is_planted(
    migrated_sqlite_sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        check(migrated_sqlite_sessions, 90, phases=[Phase.generate])
