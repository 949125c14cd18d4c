"""Takeovers by way of other names: wildcards, parents, children, twins, targets, registrations."""

from datetime import UTC, datetime

from nameplate.core.tokens import CNAME_LABEL
from nameplate.models import Domain
from tests.rights.net import EDGE, OWNERS, THIEFS
from tests.rights.stage import BY_US, DAY, EVERYTHING, HOUR, Stage
from tests.rights.takeovers import WEB, Script, takeover

AN_HOUR_AND_DAYS = (HOUR, 12 * HOUR, 25 * HOUR, 50 * HOUR, 6 * DAY)


def below(stage: Stage, label: str = "shop") -> str:
    """Let it all be about a name below the registrable one."""
    stage.name = f"{label}.{stage.base}"
    stage.point(OWNERS)
    return stage.name


# DNS that answers any label


@takeover("wildcard DNS")
def any_label_has_the_holder_s_proof(stage: Stage, method: str) -> Script:
    domain = stage.hold(stage.owner, name=stage.base)
    child = below(stage)
    wanted = stage.net.records.copy()
    for (name, rdtype), values in wanted.items():
        if name.startswith("_"):
            stage.net.records[f"*.{stage.base}", rdtype] = set(values)
    stage.use(stage.owner, domain, child)
    stage.attempt(stage.thief, method)
    stage.contests(*AN_HOUR_AND_DAYS)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


@takeover("wildcard DNS")
def any_label_leads_to_us(stage: Stage, method: str) -> Script:
    child = below(stage)
    stage.net.drop(child)
    stage.net.add(f"*.{stage.base}", "CNAME", "edge.platform.example.")
    stage.net.add("edge.platform.example", "A", EDGE)
    stage.attempt(stage.thief, method, BY_US)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("wildcard DNS")
def any_label_leads_to_the_attacker(stage: Stage, method: str) -> Script:
    domain = stage.hold(stage.owner, name=stage.base)
    child = below(stage)
    stage.net.drop(child)
    stage.net.add(f"*.{stage.base}", "CNAME", "site.thief.example.")
    stage.net.add("site.thief.example", "A", THIEFS)
    stage.use(stage.owner, domain, child)
    stage.attempt(stage.thief, method, {"web", "dns"})
    stage.contests(*AN_HOUR_AND_DAYS)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


@takeover("wildcard DNS")
def a_site_that_echoes_every_path(stage: Stage, method: str) -> Script:
    stage.net.echoes.add(OWNERS)
    stage.attempt(stage.thief, method)
    yield None
    stage.net.echoes.clear()
    stage.hold(stage.owner)
    yield stage.owner


# Parents and children


@takeover("parent and child")
def a_child_whose_web_server_the_attacker_has(stage: Stage, method: str) -> Script:
    domain = stage.hold(stage.owner, name=stage.base)
    stage.use(stage.owner, domain, below(stage))
    stage.attempt(stage.thief, method, WEB)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


@takeover("parent and child")
def a_token_at_the_child_for_the_parent(stage: Stage, method: str) -> Script:
    domain = stage.claim(stage.thief, method) or 0
    row = stage.proof(domain)
    stage.point(THIEFS, f"shop.{stage.base}")
    stage.publish(row, {"dns", "web"}, at=f"shop.{stage.base}")
    stage.look(row)
    stage.use(stage.thief, domain)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("parent and child")
def a_token_at_the_apex(stage: Stage, method: str) -> Script:
    domain = stage.claim(stage.thief, method) or 0
    row = stage.proof(domain)
    stage.net.add(stage.base, "TXT", row.verification_token)
    stage.net.add(stage.base, "TXT", row.verification_record_value or "")
    stage.look(row)
    stage.use(stage.thief, domain)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("parent and child")
def a_parent_proved_above_a_held_child(stage: Stage, method: str) -> Script:
    child = below(stage)
    stage.hold(stage.owner)
    domain = stage.attempt(stage.thief, method, EVERYTHING, name=stage.base) or 0
    stage.use(stage.thief, domain, child)
    stage.contests(*AN_HOUR_AND_DAYS)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


@takeover("parent and child")
def a_child_proved_before_the_parent_is_held(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)  # the host is the parent; the attacker has a child of it
    stage.attempt(stage.thief, method, WEB, name=f"shop.{stage.base}")
    domain = stage.domain(stage.thief, f"shop.{stage.base}")
    stage.use(stage.thief, domain or 0, stage.base)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


# Other spellings


def _spelled(stage: Stage, method: str, spelled: str) -> Script:
    stage.hold(stage.owner)
    stage.point(EDGE)
    domain = stage.claim(stage.thief, method, spelled)
    if domain is not None:
        stage.publish(stage.proof(domain), BY_US)
        stage.look(stage.proof(domain))
        stage.use(stage.thief, domain)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


@takeover("other spelling")
def in_capitals_and_with_a_dot(stage: Stage, method: str) -> Script:
    return _spelled(stage, method, f"{stage.base.upper()}.")


@takeover("other spelling")
def in_fullwidth_letters(stage: Stage, method: str) -> Script:
    wide = "".join(chr(ord(one) + 0xFEE0) if one.isalpha() else one for one in stage.base)
    return _spelled(stage, method, wide)


@takeover("other spelling")
def as_an_a_label(stage: Stage, method: str) -> Script:
    below(stage, "xn--bcher-kva")
    return _spelled(stage, method, f"bücher.{stage.base}")


@takeover("other spelling")
def a_twin_in_another_script(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    twin = "аcme" + stage.base.removeprefix("acme")  # noqa: RUF001 - the Cyrillic letter is the point
    domain = stage.attempt(stage.thief, method, EVERYTHING, name=twin)
    if domain is not None:
        stage.use(stage.thief, domain, stage.name)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


# Reused targets


@takeover("reused target")
def the_holder_s_record_is_there(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner, method)
    stage.attempt(stage.thief, method)
    stage.contests(*AN_HOUR_AND_DAYS)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


@takeover("reused target")
def an_alias_of_an_alias_ends_at_it(stage: Stage, method: str) -> Script:
    domain = stage.claim(stage.thief, method) or 0
    token = stage.proof(domain).verification_token
    stage.net.add(f"{CNAME_LABEL}.{stage.name}", "CNAME", "site.thief.example.")
    stage.net.add("site.thief.example", "CNAME", f"{token}.proof.platform.example.")
    stage.look(stage.proof(domain))
    stage.use(stage.thief, domain)
    yield None
    stage.net.drop(stage.name)
    stage.point(OWNERS)
    stage.hold(stage.owner)
    yield stage.owner


# Registrations that ended


def _registered_anew(stage: Stage, method: str, **change: datetime) -> Script:
    known = datetime(2020, 1, 1, tzinfo=UTC)
    domain = stage.claim(stage.owner, method) or 0
    stage.change(Domain, domain, registered_at=known, registrar="Old")
    stage.hold(stage.owner, method)
    proof = stage.proof(domain)
    stage.change(Domain, domain, **change)
    for days in (
        33,
        34,
        37,
        40,
        41,
        42,
        43,
        44,
        45,
    ):  # the new registrant has created the old records
        stage.look(proof, days * DAY)
    yield None
    stage.hold(stage.heir)
    stage.contests(*(46 * DAY + one for one in AN_HOUR_AND_DAYS))
    yield stage.heir


@takeover("lapsed registration")
def registered_anew_with_the_old_records(stage: Stage, method: str) -> Script:
    return _registered_anew(stage, method, registered_at=datetime(2026, 10, 1, tzinfo=UTC))


@takeover("lapsed registration")
def moved_to_another_registrar_with_the_old_records(stage: Stage, method: str) -> Script:
    return _registered_anew(stage, method, registrar="New")  # type: ignore[arg-type]  # a column too
