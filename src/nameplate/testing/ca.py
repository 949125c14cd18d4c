"""What every `CertificateAuthority` must do, and those that can do more.

Subclass in a test module and fill in the hooks.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import ClassVar

from nameplate.core import certificates, keys
from nameplate.core.errors import Invalid, Refused, Unavailable
from nameplate.core.issuance import choose_challenges
from nameplate.core.orders import Challenge, Order, OrderStatus
from nameplate.core.secret import Secret
from nameplate.ports.ca import (
    CertificateAuthority,
    ChainOffer,
    KeyChanger,
    OrderPoller,
    RegisteredAccount,
    RenewalAdvisor,
    Revoker,
)

_numbers = count(1)


class CertificateAuthorityConformance:
    """The contract of `ports.ca.CertificateAuthority`, as tests for pytest."""

    domain: ClassVar[str] = "example.com"
    """Names below it are ordered."""
    patience: ClassVar[float] = 20
    """Seconds until the authority must have validated or issued."""

    def make_authority(self) -> CertificateAuthority:
        """Return the authority to test."""
        raise NotImplementedError

    def publish(self, challenges: Sequence[Challenge]) -> None:
        """Make the proofs of these dns-01 challenges visible to the authority."""
        raise NotImplementedError

    def names(self, *prefixes: str) -> tuple[str, ...]:
        """Return names that no other test orders, `prefix.` before one new host each."""
        host = f"c{next(_numbers)}.{self.domain}"
        return tuple(f"{prefix}.{host}" if prefix else host for prefix in prefixes or ("",))

    def until(self, authority: CertificateAuthority, order: Order, *statuses: OrderStatus) -> Order:
        """Refresh until the order has one of `statuses`."""
        deadline = time.monotonic() + self.patience
        while order.status not in statuses:
            assert time.monotonic() < deadline, f"still {order.status}: {order.error}"
            time.sleep(0.05)
            order = authority.refresh(order.url)
        return order

    def make_ready(self, authority: CertificateAuthority, names: Sequence[str]) -> Order:
        """Return an order whose names are proved."""
        order = authority.order(names)
        chosen = choose_challenges(order, "dns-01")
        self.publish(chosen)
        for challenge in chosen:
            authority.respond(challenge)
        return self.until(authority, order, OrderStatus.READY)

    def issue(self, authority: CertificateAuthority, names: Sequence[str], key: Secret) -> bytes:
        """Return a certificate for `names`."""
        order = self.make_ready(authority, names)
        order = authority.finalize(order, certificates.csr(key, names))
        return authority.download(self.until(authority, order, OrderStatus.VALID))

    def test_issues_exactly_what_was_asked(self) -> None:
        """One host, and the certificate passes every check."""
        authority, names, key = self.make_authority(), self.names(), keys.new_key()
        bundle = self.issue(authority, names, key)
        assert certificates.check(bundle, key, names, datetime.now(UTC)).names == names

    def test_wildcard_and_apex_share_one_certificate(self) -> None:
        """Two proofs at one record name, both needed at once."""
        authority, names, key = self.make_authority(), self.names("*", ""), keys.new_key()
        bundle = self.issue(authority, names, key)
        assert set(certificates.facts(bundle).names) == set(names)

    def test_url_alone_brings_the_order_back(self) -> None:
        """After a crash only the URL is known."""
        authority, names = self.make_authority(), self.names()
        order = authority.order(names)
        again = self.make_authority().refresh(order.url)
        assert (again.url, again.status, again.names) == (order.url, order.status, order.names)

    def test_responding_twice_is_harmless(self) -> None:
        """A response may be repeated, even after the validation."""
        authority, names = self.make_authority(), self.names()
        order = authority.order(names)
        chosen = choose_challenges(order, "dns-01")
        self.publish(chosen)
        for challenge in (*chosen, *chosen):
            authority.respond(challenge)
        self.until(authority, order, OrderStatus.READY)
        for challenge in chosen:
            authority.respond(challenge)

    def test_finalizing_twice_issues_one_certificate(self) -> None:
        """The answer to finalize was lost; doing it again leads to the same certificate."""
        authority, names = self.make_authority(), self.names()
        request = certificates.csr(keys.new_key(), names)
        order = self.make_ready(authority, names)
        finalized = [authority.finalize(order, request) for _ in range(2)]
        bundles = [
            authority.download(self.until(authority, one, OrderStatus.VALID)) for one in finalized
        ]
        assert bundles[0] == bundles[1]

    def test_download_can_be_repeated(self) -> None:
        """The certificate was downloaded and lost before it was stored."""
        authority, names = self.make_authority(), self.names()
        order = self.make_ready(authority, names)
        order = authority.finalize(order, certificates.csr(keys.new_key(), names))
        order = self.until(authority, order, OrderStatus.VALID)
        assert authority.download(order) == self.make_authority().download(order)

    def test_another_key_is_noticed(self) -> None:
        """A certificate that does not belong to the stored key is never installed."""
        authority, names = self.make_authority(), self.names()
        bundle = self.issue(authority, names, keys.new_key())
        code = ""
        try:
            certificates.check(bundle, keys.new_key(), names, datetime.now(UTC))
        except Invalid as error:
            code = error.code
        assert code == "key_mismatch"

    def test_csr_for_other_names_is_refused(self) -> None:
        """The authority signs what was proved and nothing else."""
        authority, names = self.make_authority(), self.names()
        order = self.make_ready(authority, names)
        try:
            order = authority.finalize(order, certificates.csr(keys.new_key(), self.names()))
        except (Refused, Unavailable):
            return
        assert order.status is not OrderStatus.VALID


class RevokerConformance:
    """Subclass it with fixtures `revoker`, `certificate`, `foreign_certificate` and `is_revoked`.

    `certificate` is a new one of this account, `foreign_certificate` one that this account may not
    revoke, both PEM; `is_revoked(certificate)` asks the authority itself.
    """

    def test_revokes(
        self, revoker: Revoker, certificate: bytes, is_revoked: Callable[[bytes], bool]
    ) -> None:
        """It is revoked when the method returns, and not before."""
        assert isinstance(revoker, Revoker)
        assert not is_revoked(certificate)
        revoker.revoke(certificate)
        assert is_revoked(certificate)

    def test_revoked_already_is_success(
        self, revoker: Revoker, certificate: bytes, is_revoked: Callable[[bytes], bool]
    ) -> None:
        """The answer was lost, and it is done again; with another reason too."""
        for reason in (0, 0, 4):
            revoker.revoke(certificate, reason)
            assert is_revoked(certificate)

    def test_what_belongs_to_others_is_refused(
        self, revoker: Revoker, foreign_certificate: bytes, is_revoked: Callable[[bytes], bool]
    ) -> None:
        """One account cannot revoke another's certificate."""
        try:
            revoker.revoke(foreign_certificate)
        except Refused:
            assert not is_revoked(foreign_certificate)
            return
        raise AssertionError("a certificate of somebody else was revoked")


class ChainOfferConformance:
    """Subclass it with the fixtures `offer` and `order`, whose certificate it has several chains for."""

    def test_the_default_comes_first(self, offer: ChainOffer, order: Order) -> None:
        """It is what a download returns."""
        assert isinstance(offer, ChainOffer)
        first = next(iter(offer.chains(order)))
        assert first.startswith(b"-----BEGIN CERTIFICATE-----")

    def test_each_chain_is_of_the_same_certificate(self, offer: ChainOffer, order: Order) -> None:
        """They differ in what follows the server's."""
        found = [certificates.split_chain(bundle) for bundle in offer.chains(order)]
        assert len({leaf for leaf, _ in found}) == 1
        assert len({chain for _, chain in found}) == len(found) > 1


class KeyChangerConformance:
    """Subclass it with the fixtures `changer` and `is_known(key)`, which asks the authority itself."""

    def test_only_the_other_key_is_known(
        self, changer: KeyChanger, is_known: Callable[[Secret], bool]
    ) -> None:
        """A second change is made with the key of the first one."""
        assert isinstance(changer, KeyChanger)
        first, second = keys.new_key(), keys.new_key("ec384")
        changer.change_key(first)
        assert is_known(first)
        changer.change_key(second)
        assert (is_known(first), is_known(second)) == (False, True)

    def test_the_same_key_once_more_is_success(
        self, changer: KeyChanger, is_known: Callable[[Secret], bool]
    ) -> None:
        """The answer was lost, and it is done again."""
        key = keys.new_key()
        for _ in range(2):
            changer.change_key(key)
            assert is_known(key)


class OrderPollerConformance:
    """Subclass it with the fixtures `poller`, `ready` and `failed`: orders that were proved, and in vain."""

    def test_the_order_alone_is_as_the_whole(self, poller: OrderPoller, ready: Order) -> None:
        """What the next step depends on is there."""
        assert isinstance(poller, OrderPoller)
        found = poller.poll(ready.url)
        assert found.status is OrderStatus.READY
        assert (found.url, found.names, found.challenges) == (ready.url, ready.names, ())
        assert found.finalize_url == ready.finalize_url

    def test_why_one_has_failed_is_told(self, poller: OrderPoller, failed: Order) -> None:
        """A person needs the reason, and the name."""
        found = poller.poll(failed.url)
        assert found.status is OrderStatus.INVALID
        assert {one.name for one in found.challenges if one.status == "invalid"} == set(
            failed.names
        )
        assert found.error


class RegisteredAccountConformance:
    """Subclass it with the fixture `registered`: an authority with its account."""

    def test_the_account_has_an_absolute_url(self, registered: RegisteredAccount) -> None:
        """It can be compared with what CAA names."""
        assert isinstance(registered, RegisteredAccount)
        assert registered.account_url.startswith(("https://", "http://"))

    def test_the_url_stays_the_same(self, registered: RegisteredAccount) -> None:
        """Whoever writes it into a zone relies on it."""
        urls = {registered.account_url for _ in range(3)}
        assert len(urls) == 1


class RenewalAdvisorConformance:
    """Subclass it with fixtures `advisor`, `certificate` and `unadvised_certificate`.

    The authority has a suggestion for the one (PEM) and none for the other.
    """

    def test_the_window_is_a_time_to_renew(
        self, advisor: RenewalAdvisor, certificate: bytes
    ) -> None:
        """Both ends are aware and in UTC, and the end comes after the start."""
        assert isinstance(advisor, RenewalAdvisor)
        info = advisor.renewal_info(certificate)
        assert info is not None
        start, end = info.window
        assert (start.utcoffset(), end.utcoffset()) == (timedelta(0), timedelta(0))
        assert start < end
        assert advisor.renewal_info(certificate) == info

    def test_no_suggestion_is_a_value(
        self, advisor: RenewalAdvisor, unadvised_certificate: bytes
    ) -> None:
        """Nothing is raised for a certificate that the authority says nothing about."""
        assert advisor.renewal_info(unadvised_certificate) is None
