"""SPF: what counts as a look-up, and how one record takes in another."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core import rdata
from nameplate.core.errors import Invalid
from nameplate.core.templates import Existing, TemplateZone, compare, find, spf

SITE = TemplateZone("acme.com", "acme.com")


def effects(name: str, values: dict[str, str], *there: Existing) -> list[Any]:
    return list(compare(SITE, find(name).records(SITE, values), there))


def there(kind: str, value: str, name: str = "acme.com", **more: Any) -> Existing:
    text = rdata.parse(kind, value, origin="acme.com").text
    given: dict[str, Any] = {"id": 7, "type": kind, "name": name, "value": text, "ttl": 300}
    return Existing(**(given | more))


def test_spf_has_ten_lookups_at_most() -> None:
    ten = ",".join(f"s{n}.x.net" for n in range(10))
    (one,) = effects("spf", {"include": ten})
    assert spf.lookups(one.value.strip('"').split()) == 10
    with pytest.raises(Invalid, match="10") as raised:
        effects("spf", {"include": ten, "mx": "yes"})
    assert raised.value.code == "spf_too_many_lookups"
    old = there("TXT", "v=spf1 " + " ".join(f"include:t{n}.x.net" for n in range(9)) + " ~all")
    with pytest.raises(Invalid, match="11"):
        effects("spf", {"include": "a.x.net,b.x.net"}, old)
    assert (
        spf.lookups(["ip4:192.0.2.0/24", "-a:x.net", "?mx", "exists:%{i}.x.net", "redirect=y"]) == 4
    )


MECHANISMS = ["a", "mx", "include:x.net", "ip4:192.0.2.1", "~include:y.net", "exp=e.x.net"]


OLD = st.lists(st.sampled_from([*MECHANISMS, "-all", "?all"]), unique=True, max_size=6)


NEW = st.lists(st.sampled_from(MECHANISMS), unique=True, max_size=6)


@given(OLD, NEW)
def test_merging_keeps_what_was_there_and_is_done_once(old: list[str], new: list[str]) -> None:
    text, more = " ".join(["v=spf1", *old]), " ".join(["v=spf1", *new, "~all"])
    once = spf.merged(text, more)
    assert [term for term in once.split() if term in old] == old
    assert spf.merged(once, more) == once
    assert sum(term.endswith("all") for term in once.split()) == max(
        1, sum(term.endswith("all") for term in old)
    )
