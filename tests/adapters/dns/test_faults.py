"""Whatever goes wrong at a provider: planning and applying again converges and harms nobody."""

import random
from datetime import timedelta
from typing import Any

import pytest
from tests.fakes.rigs import APEX, RIGS
from tests.fakes.wishes import FIRST, SECOND, address, after_writes, wish

from nameplate.core.errors import RateLimited, Refused, Unavailable
from nameplate.ports.dns import Result, RightsTester

PROGRAMS = 500  # of the campaign, dealt out to the vendors
HANG = 0.5  # seconds; a hasty client waits less


@pytest.fixture(params=RIGS)
def rig(request):
    with RIGS[request.param](12) as made:
        made.settle()
        yield made


@pytest.fixture(params=RIGS)
def hasty(request):
    """Return a rig whose client does not wait for long."""
    with RIGS[request.param](12, timeout=0.3) as made:
        made.settle()
        yield made


WRITE_FAULTS: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429, "headers": {"retry-after": "7"}},
    "429 without retry-after": {"kind": "status", "status": 429},
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503},
    "cut before": {"kind": "before"},
    "cut after": {"kind": "after"},
    "partial": {"kind": "partial", "keep": 2},
}


def fault(rig, name):
    """Return the fault as this vendor has it."""
    playing = dict(WRITE_FAULTS[name])
    if rig.name == "namecheap" and playing.get("status") == 429:
        playing["status"] = 405
    return playing.pop("kind"), playing


LATER = ("500", "cut before", "cut after", "partial")


@pytest.mark.parametrize(
    ("name", "nth"), [*((name, 0) for name in WRITE_FAULTS), *((name, 2) for name in LATER)]
)
def test_a_fault_while_writing(rig, name, nth):
    """The first write fails, or a later one, of a change and of the change after it."""
    for desired in (FIRST, SECOND, []):
        kind, more = fault(rig, name)
        rig.fake.play(kind, when=after_writes(rig.fake.is_write, nth), **more)
        rig.converge(desired)


@pytest.mark.parametrize("kind", ["before", "after"])
def test_a_timeout_while_writing(hasty, kind):
    for desired in (FIRST, SECOND):
        hasty.fake.play(kind, seconds=HANG)
        hasty.converge(desired)


def test_a_rate_limit_says_how_long(rig):
    rig.fake.play("status", **fault(rig, "429")[1])
    rig.step(FIRST)
    (error,) = rig.raised
    assert isinstance(error, RateLimited)
    if rig.name in {"cloudflare", "digitalocean"}:
        assert error.retry_after == timedelta(seconds=7)
    rig.converge(FIRST)


def test_a_broken_reading_is_repeated_once(rig):
    for kind in ("before", "status"):
        rig.fake.play(kind, when=lambda asked: not rig.fake.is_write(asked), status=500)
        assert rig.provider.records(rig.zone)
    rig.fake.play("before", when=lambda asked: True, times=2)
    with pytest.raises(Unavailable):
        rig.provider.records(rig.zone)


@pytest.mark.parametrize("reads", [1, 3, 8])
def test_readings_that_lag_behind(rig, reads):
    for desired in (FIRST, SECOND, []):
        rig.fake.stale(reads)
        rig.converge(desired)


@pytest.mark.parametrize("reads", [2, 6])
def test_a_lost_answer_and_readings_that_lag_behind(rig, reads):
    for desired in (FIRST, SECOND, []):
        rig.fake.stale(reads)
        rig.fake.play("after")
        rig.converge(desired)


@pytest.mark.parametrize("trouble", ["doubled", "missing"])
def test_pages_that_shift_while_they_are_read(rig, trouble):
    rig.fake.page_limit = 5
    for desired in (FIRST, SECOND, []):
        rig.fake.paging = trouble
        rig.converge(desired)
        rig.fake.paging = ""


@pytest.mark.parametrize("vendor", ["cloudflare", "digitalocean"])
def test_a_listing_that_lacks_a_record_is_noticed(vendor):
    """Both say how many records there are; Route 53 and Namecheap do not."""
    with RIGS[vendor](12) as rig:
        whole = rig.provider.records(rig.zone)
        rig.fake.page_limit, rig.fake.paging = 5, "missing"
        assert rig.provider.records(rig.zone) == whole
        assert rig.fake.paging == ""


def test_values_that_come_back_in_another_form(rig):
    rig.fake.is_odd = True
    for desired in (FIRST, SECOND, []):
        rig.converge(desired)


def test_a_credential_that_is_revoked(rig):
    rig.converge(FIRST)
    rig.fake.is_revoked = True
    rig.step(SECOND)
    (error,) = rig.raised
    assert isinstance(error, Refused)
    assert error.code == "credential_refused"
    rig.fake.is_revoked = False
    rig.converge(SECOND)


@pytest.mark.parametrize("vendor", ["cloudflare", "digitalocean", "route53"])
def test_a_credential_that_may_only_read_fails_the_test_of_its_rights(vendor):
    with RIGS[vendor](3) as rig:
        rig.settle()
        assert isinstance(rig.provider, RightsTester)
        rig.provider.test_rights(rig.zone)
        rig.fake.play("status", status=403)
        assert rig.provider.zones() == [rig.zone], "which tells nothing of the right to write"
        with pytest.raises(Refused) as caught:
            rig.provider.test_rights(rig.zone)
        assert caught.value.code == "credential_refused"
        rig.check([])


def test_a_quota_refuses_some_and_lets_the_others_through(rig):
    rig.converge(FIRST[:2])
    held = rig.fake.rows(APEX)
    rig.fake.quota = len(held) + 2
    wanted = [address("www", 2, 3), *(address(f"more{number}", 1) for number in range(6))]
    rig.step([*wanted, FIRST[1]])
    results = {outcome.change.key[0]: outcome for outcome in rig.outcomes}
    assert results[f"www.{APEX}"].result is Result.APPLIED
    more = [outcome for name, outcome in results.items() if name.startswith("more")]
    assert {outcome.result for outcome in more} == {Result.APPLIED, Result.REFUSED}
    assert all(outcome.detail for outcome in more if outcome.result is Result.REFUSED)
    rig.fake.quota = None
    rig.converge([*wanted, FIRST[1]])


@pytest.mark.parametrize("vendor", RIGS)
@pytest.mark.parametrize("seed", range(4))
def test_random_programs_under_random_faults(vendor, seed):
    run_program(vendor, seed, foreign=60)


@pytest.mark.torture
@pytest.mark.parametrize("vendor", RIGS)
def test_hundreds_of_programs_beside_a_thousand_records_of_others(vendor):
    for seed in range(PROGRAMS // len(RIGS)):
        run_program(vendor, seed, foreign=1000)


def run_program(vendor, seed, *, foreign):
    """Go from one wanted state to the next while things go wrong, and to none in the end."""
    chance = random.Random(f"{vendor}{seed}")
    with RIGS[vendor](foreign) as rig:
        try:
            rig.settle()
            rig.fake.is_odd = chance.random() < 0.25
            for _ in range(4):
                desired = wish(chance)
                for _ in range(chance.randrange(3)):
                    trouble(rig, chance, desired)
                rig.converge(desired)
                rig.fake.faults.clear()
            rig.converge([])
        except Exception as error:
            error.add_note(f"program {seed} at {vendor} beside {foreign} records")
            raise


def trouble(rig, chance, desired):
    """Let something random go wrong: from here on, or during one attempt."""
    kind = chance.choice(["write", "write", "read", "stale", "paging", "credential", "quota"])
    if kind == "write":
        name = chance.choice(list(WRITE_FAULTS))
        playing, more = fault(rig, name)
        rig.fake.play(playing, when=after_writes(rig.fake.is_write, chance.randrange(3)), **more)
    elif kind == "read":
        broken = chance.choice(["before", "status"])
        rig.fake.play(broken, when=lambda asked: not rig.fake.is_write(asked))
    elif kind == "stale":
        rig.fake.stale(chance.randint(1, 5))
    elif kind == "paging":
        rig.fake.page_limit = chance.randint(3, 50) if len(rig.foreign) < 100 else 150
        rig.fake.paging = chance.choice(["doubled", "missing"])
    elif kind == "credential":
        rig.fake.is_revoked = True
        rig.step(desired)
        rig.fake.is_revoked = False
    else:
        rig.fake.quota = len(rig.rows()) + chance.randrange(3)
        rig.step(desired)
        rig.fake.quota = None
