"""Hundreds of scripted takeovers: none succeeds, and whoever really controls the name gets it."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from nameplate.adapters.verification import records, web
from nameplate.core.actor import PLATFORM, Actor
from nameplate.db import Sessions
from nameplate.models import NameTransfer, Verification, VerificationMethodName
from nameplate.usecases.claims import (
    contests,
    incumbents,
    lent_holdings,
    quarantine,
    transfers,
)
from tests.rights import takeovers_between, takeovers_by_agreement, takeovers_by_proof
from tests.rights.stage import Stage
from tests.rights.takeovers import TAKEOVERS

METHODS = tuple(one.value for one in VerificationMethodName)
STEPS = ("attack", "counterpart")
LISTED = (takeovers_between, takeovers_by_agreement, takeovers_by_proof)
"""Each lists its scripts when it is read."""

Wrong = list[tuple[str, str]]
"""Which step, and what was seen."""


def played(sessions: Sessions, name: str, method: str) -> Wrong:
    """Play one takeover and its counterpart; return what went wrong."""
    stage, found = Stage(sessions), []
    try:
        script = TAKEOVERS[name][1](stage, method)
        for step, rightful in zip(STEPS, script, strict=True):
            expected = set() if rightful is None else {rightful.organization_id}
            served = stage.served(rightful if step == "counterpart" else None)
            if served != expected:
                told = f"{name} by {method}: {served} instead of {expected}"
                found.append((step, told))
    finally:
        stage.world.close()
    return found


def campaign(sessions: Sessions, cases: Iterable[tuple[str, str]]) -> None:
    """Play all of them, print the table, and raise what went wrong."""
    total, refused, restored = (Counter[str]() for _ in range(3))
    wrong: list[str] = []
    for name, method in cases:
        group = TAKEOVERS[name][0]
        found = dict(played(sessions, name, method))
        total[group] += 1
        refused[group] += "attack" not in found
        restored[group] += "counterpart" not in found
        wrong += found.values()
    print(f"\n{'takeovers':24}{'tried':>8}{'refused':>10}{'counterparts':>15}")
    for group, count in total.items():
        print(f"{group:24}{count:8}{refused[group]:10}{restored[group]:15}")
    print(f"{'all':24}{sum(total.values()):8}{sum(refused.values()):10}", end="")
    print(f"{sum(restored.values()):15}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("method", METHODS)
def test_each_method_proves_what_is_really_controlled(
    migrated_sqlite_sessions: Sessions, method: str
) -> None:
    stage = Stage(migrated_sqlite_sessions)
    stage.hold(stage.owner, method)
    assert stage.served() == {stage.owner.organization_id}


@pytest.mark.parametrize(
    "methods", [1, pytest.param(len(METHODS), marks=pytest.mark.torture)], ids=["short", "all"]
)
def test_no_takeover_succeeds_and_every_owner_does(
    migrated_sqlite_sessions: Sessions, methods: int
) -> None:
    """Each script by every method; in the short form by one, each time another."""
    cases = [
        (name, METHODS[(number + step) % len(METHODS)])
        for number, name in enumerate(TAKEOVERS)
        for step in range(methods)
    ]
    assert len(TAKEOVERS) * len(METHODS) >= 300
    campaign(migrated_sqlite_sessions, cases)


def test_a_sample_on_every_database(sessions: Sessions) -> None:
    sample = list(TAKEOVERS)[::4]
    campaign(sessions, [(name, METHODS[n % 7]) for n, name in enumerate(sample)])


def _our_own_answer_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(web, "_is_platforms", lambda *_: False)


def _any_value_matches(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(records, "_matches", lambda answer, _wanted: bool(answer.values))


def _quarantine_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(quarantine, "check", lambda *_, **__: None)


def _tokens_never_expire(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Verification, "expire", lambda *_: None)


def _anybody_accepts(patch: pytest.MonkeyPatch) -> None:
    def of_side(session: Session, _actor: Actor, reference: str, _side: str) -> NameTransfer:
        return transfers.get(session, PLATFORM, reference)

    patch.setattr(transfers, "of_side", of_side)


def _offers_never_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transfers, "refuse_over", lambda *_: None)


def _challenges_decide_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(incumbents, "WAIT", incumbents.WAIT * 0)


def _old_records_answer_a_challenge(patch: pytest.MonkeyPatch) -> None:
    real = contests._token

    def token(row: Verification, name: str) -> contests.Token:
        return replace(real(row, name), is_stale=False)

    patch.setattr(contests, "_token", token)


def _grants_never_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lent_holdings, "end_void", lambda *_: [])


RULES: list[tuple[str, str, Callable[[pytest.MonkeyPatch], None]]] = [
    ("served by our edge", "file_upload", _our_own_answer_counts),
    ("wildcard DNS", "meta_tag", _our_own_answer_counts),
    ("reused target", "dns_cname", _any_value_matches),
    ("quarantine", "acme_http", _quarantine_is_ignored),
    ("stale token", "dns_txt", _tokens_never_expire),
    ("transfer", "dns_txt", _anybody_accepts),
    ("transfer", "dns_txt", _offers_never_end),
    ("challenge raced", "acme_dns", _challenges_decide_at_once),
    ("lapsed registration", "dns_txt", _old_records_answer_a_challenge),
    ("granted and revoked", "dns_txt", _grants_never_end),
]


@pytest.mark.parametrize(
    ("group", "method", "disable"), RULES, ids=lambda one: getattr(one, "__name__", one)
)
def test_without_a_rule_a_takeover_succeeds(
    migrated_sqlite_sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    group: str,
    method: str,
    disable: Callable[[pytest.MonkeyPatch], None],
) -> None:
    disable(monkeypatch)
    scripts = [name for name, (of, _) in TAKEOVERS.items() if of == group]
    with pytest.raises(AssertionError, match="instead of"):
        campaign(migrated_sqlite_sessions, [(name, method) for name in scripts])
