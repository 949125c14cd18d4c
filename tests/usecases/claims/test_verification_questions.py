"""What looks are about, and which of them change nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nameplate.core.proof_life import ProofLife
from nameplate.models import Surroundings
from nameplate.ports.verification import Proof, ProofSurroundings, Verdict
from nameplate.usecases.claims.verification_questions import ProofStanding

NOW = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SERVERS = ("ns1.example", "ns2.example")
STANDING = ProofStanding(
    verified_at=NOW - 3 * DAY,
    is_lost=False,
    around=Surroundings(SERVERS, "registrar", NOW - 900 * DAY),
    points_here=True,
    registrar="registrar",
    registered_at=NOW - 900 * DAY,
    registration_ends_at=NOW + 100 * DAY,
)
PROOF = Proof(Verdict.MATCH, "txt_match", "There.", (), ProofSurroundings(True, SERVERS))


def test_a_proof_that_is_where_it_was_changes_nothing():
    assert STANDING.is_as_before(PROOF, ProofLife(), NOW)
    unsaid = replace(PROOF, surroundings=ProofSurroundings())
    assert STANDING.is_as_before(unsaid, ProofLife(), NOW), "what is not known is no change"


@pytest.mark.parametrize(
    "change",
    [
        {"verified_at": NOW - 30 * DAY},
        {"is_lost": True},
        {"around": None},
        {"points_here": None},
        {"points_here": False},
        {"registrar": "other"},
        {"registered_at": NOW},
        {"registration_ends_at": NOW},
    ],
)
def test_a_proof_with_more_to_it_is_looked_at_by_itself(change):
    assert not replace(STANDING, **change).is_as_before(PROOF, ProofLife(), NOW)


def test_other_name_servers_and_no_look_around_are_more():
    other = ProofSurroundings(points_here=True, name_servers=("ns9.example",))
    assert not STANDING.is_as_before(replace(PROOF, surroundings=other), ProofLife(), NOW)
    assert not STANDING.is_as_before(replace(PROOF, surroundings=None), ProofLife(), NOW)
