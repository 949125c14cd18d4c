"""DS records and name servers: in no order of events a zone without the keys that are expected."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from nameplate.core.delegation_signing import FORGOTTEN, Chain, ChainStep, Ds, chosen, next_step

DAY = timedelta(days=1)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["look", "look", "look", "move", "sign", "roll", "finish", "unsign"]),
        st.sampled_from([1, 20, 26 * 60, 49 * 60]),
    ),
    max_size=60,
)


@dataclass
class Name:
    """A name at a registrar, with DS records that resolvers know for a day after they went."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    keys: dict[str, set[str]] = field(default_factory=lambda: {"a": set(), "b": set()})
    """Zone -> its keys."""
    wanted: str = "a"
    served: str = "a"
    at_registrar: frozenset[str] = frozenset()
    gone: list[tuple[datetime, frozenset[str]]] = field(default_factory=list)
    """DS records that were there until a moment."""
    withdrawn_at: datetime | None = None
    is_ours: bool = False
    count: int = 0

    def look(self) -> ChainStep:
        chain = Chain(
            self.at_registrar,
            frozenset(self.keys[self.wanted]),
            is_delegated=self.served == self.wanted,
            is_shown=True,
            is_ours=self.is_ours,
            withdrawn_at=self.withdrawn_at,
        )
        step = next_step(chain, self.now)
        if step is ChainStep.DELEGATE:
            self.served = self.wanted
        if step in {ChainStep.PUBLISH, ChainStep.WITHDRAW}:
            new = frozenset(self.keys[self.wanted]) if step is ChainStep.PUBLISH else frozenset()
            self.gone.append((self.now, self.at_registrar))
            self.withdrawn_at = self.now if self.at_registrar and not new else None
            self.at_registrar, self.is_ours = new, True
        return step

    def known(self) -> list[frozenset[str]]:
        """Return every set of DS records that some resolver may go by."""
        return [self.at_registrar, *(ds for at, ds in self.gone if self.now - at < DAY)]

    def act(self, what: str) -> None:
        """Do what an operator does who waits as is said."""
        keys = self.keys[self.served]
        if what == "move":
            self.wanted = "b" if self.wanted == "a" else "a"
        elif what == "sign" and not self.keys[self.wanted]:
            self.count += 1
            self.keys[self.wanted].add(f"k{self.count}")
        elif what == "roll" and len(keys) == 1:
            self.count += 1
            keys.add(f"k{self.count}")
        elif what == "finish" and len(keys) == 2 and all(keys == ds for ds in self.known()):
            keys.discard(min(keys, key=lambda one: int(one[1:])))
        elif what == "unsign" and not any(self.known()):
            keys.clear()

    def check(self) -> None:
        keys = self.keys[self.served]
        for ds in self.known():
            assert not ds or ds & keys, (ds, keys)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(ACTS)
def test_no_resolver_meets_a_zone_without_the_keys_it_expects(
    acts: list[tuple[str, int]],
) -> None:
    name = Name()
    for what, minutes in acts:
        if what == "look":
            name.look()
        else:
            name.act(what)
        name.check()
        name.now += timedelta(minutes=minutes)
        name.check()
    for _ in range(6):  # and what is wanted comes about
        name.look()
        name.check()
        name.now += FORGOTTEN
    assert name.served == name.wanted
    assert name.at_registrar == name.keys[name.served]


def test_records_that_others_entered_stay_while_the_name_stays() -> None:
    chain = Chain(frozenset({"1 13 2 AB"}), frozenset())
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_step(chain, now) is ChainStep.NOTHING
    assert next_step(Chain(chain.at_registrar, None), now) is ChainStep.NOTHING
    moving = Chain(chain.at_registrar, None, is_delegated=False)
    assert next_step(moving, now) is ChainStep.WITHDRAW
    same = Chain(chain.at_registrar, chain.at_registrar, is_delegated=False)
    assert next_step(same, now) is ChainStep.DELEGATE


def test_of_each_key_one_record_is_chosen_and_none_by_sha_1() -> None:
    offered = [
        *(Ds(7, 13, kind, digest) for kind, digest in ((1, "AA"), (2, "BB"), (4, "CC"))),
        Ds(8, 15, 4, "DD"),
        Ds(9, 8, 1, "EE"),
    ]
    assert [one.text for one in chosen(offered)] == ["7 13 2 BB", "8 15 4 DD"]
