"""Takeovers by what a look finds: answers of the platform's own proxies, and tokens from before."""

from datetime import timedelta

from nameplate.models import Verification
from tests.rights.net import EDGE, OWNERS, THIEFS, Page
from tests.rights.stage import BY_US, EVERYTHING, HOUR, Stage
from tests.rights.takeovers import Script, takeover

# Served by our edge


@takeover("served by our edge")
def answered_by_our_proxies(stage: Stage, method: str) -> Script:
    stage.point(EDGE)
    stage.attempt(stage.thief, method, BY_US)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("served by our edge")
def answered_by_our_address_without_a_mark(stage: Stage, method: str) -> Script:
    stage.net.marks = False
    stage.point(EDGE)
    stage.attempt(stage.thief, method, BY_US)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("served by our edge")
def answered_by_us_behind_another_address(stage: Stage, method: str) -> Script:
    stage.point(THIEFS)
    domain = stage.claim(stage.thief, method) or 0
    stage.publish(stage.proof(domain), BY_US)
    stage.net.pages = {
        place: Page(page.body, is_marked=True) for place, page in stage.net.pages.items()
    }
    stage.look(stage.proof(domain))
    stage.use(stage.thief, domain)
    yield None
    stage.point(OWNERS)
    stage.hold(stage.owner)
    yield stage.owner


@takeover("served by our edge")
def redirected_to_our_proxies(stage: Stage, method: str) -> Script:
    www = f"www.{stage.name}"
    stage.point(EDGE, www)
    domain = stage.claim(stage.thief, method) or 0
    stage.publish(stage.proof(domain), BY_US, at=www)
    for _address, host, path in list(stage.net.pages):
        stage.net.pages[OWNERS, stage.name, path] = Page(leads_to=(host, path))
    stage.look(stage.proof(domain))
    stage.use(stage.thief, domain)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("served by our edge")
def redirected_by_our_proxies(stage: Stage, method: str) -> Script:
    stage.point(EDGE)
    pages = f"pages.{stage.name}"
    stage.point(OWNERS, pages)  # where visitors may write
    domain = stage.claim(stage.thief, method) or 0
    stage.publish(stage.proof(domain), {"web"}, at=pages)
    for _address, host, path in list(stage.net.pages):
        stage.net.pages[EDGE, stage.name, path] = Page(leads_to=(host, path))
    stage.look(stage.proof(domain))
    stage.use(stage.thief, domain)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("served by our edge")
def held_and_served_by_us(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    stage.point(EDGE)
    stage.attempt(stage.thief, method, BY_US)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


# Stale tokens


@takeover("stale token")
def a_used_token(stage: Stage, method: str) -> Script:
    stage.hold(stage.thief, method)  # it was theirs
    stage.remove(stage.thief)
    stage.attempt(stage.thief, method)
    stage.contests(HOUR, 30 * HOUR)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("stale token")
def an_expired_token(stage: Stage, method: str) -> Script:
    domain = stage.claim(stage.thief, method) or 0
    old = stage.proof(domain)
    stage.look(old)
    stage.look(old, timedelta(days=8))
    stage.publish(old, EVERYTHING)
    stage.look(old)
    stage.read(old, stage.thief, EVERYTHING)
    stage.use(stage.thief, domain)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


def _only_old(stage: Stage, domain: int, old: Verification) -> None:
    """Let the world have one old token, and have workers look at all."""
    stage.publish(old, EVERYTHING)
    for row in stage.proofs(domain):
        stage.look(row)
    stage.read(old, stage.thief, EVERYTHING)
    for row in stage.proofs(domain):
        stage.look(row)
    stage.use(stage.thief, domain)


@takeover("stale token")
def a_superseded_token(stage: Stage, method: str) -> Script:
    domain = stage.claim(stage.thief, method) or 0
    old = stage.proof(domain)
    stage.claim(stage.thief, method)
    stage.net.letters.clear()
    _only_old(stage, domain, old)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("stale token")
def a_token_of_a_removed_claim(stage: Stage, method: str) -> Script:
    domain = stage.claim(stage.thief, method) or 0
    old = stage.proof(domain)
    stage.remove(stage.thief)
    _only_old(stage, stage.claim(stage.thief, method) or 0, old)
    stage.look(old)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("stale token")
def a_token_of_somebody_else(stage: Stage, method: str) -> Script:
    mine = stage.claim(stage.owner, method) or 0
    stage.publish(stage.proof(mine), EVERYTHING)
    stage.attempt(stage.thief, method)
    yield None
    stage.look(stage.proof(mine))
    stage.read(stage.proof(mine), stage.owner, EVERYTHING)
    stage.use(stage.owner, mine)
    yield stage.owner
