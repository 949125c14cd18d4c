"""Buying, by a worker: checked, intended, sent once, and then only what the registrar shows counts.

Every step is under the lease of the registration, of which one purchase at most is open. So of two
workers one buys, and of two clicks one finds the other's purchase.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import purchases as rules
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError, RateLimited, Refused
from nameplate.core.lifecycle import PurchaseStatus
from nameplate.core.money import Money
from nameplate.core.purchases import PurchaseVerdict, Sighting
from nameplate.db import Sessions, lock_name
from nameplate.leases import Lease
from nameplate.models import Account, Purchase, RegisteredName
from nameplate.ports.registrar import (
    Act,
    Operation,
    OperationReader,
    OperationState,
    Payer,
    Quote,
    Reactivator,
    RegistrationOrder,
    RegistrationState,
    Renewer,
    Seller,
    Transferrer,
)
from nameplate.ports.registrar import Registration as Seen
from nameplate.usecases import work
from nameplate.usecases.hosting import offers
from nameplate.usecases.registrations import (
    contacts,
    granting,
    purchases,
    registrars,
    seeing,
    spending,
)
from nameplate.usecases.registrations.registrars import Connected
from nameplate.usecases.tools import Tools

_CLOCKS = timedelta(minutes=10)
"""How far a registrar's clock may be from ours."""
_LOOKS = (timedelta(seconds=2), timedelta(hours=1))
_OTHERS = timedelta(seconds=30)
"""Until another look at whether somebody else's order of the same name is over."""
_MAYBE_OURS = frozenset(
    {"name_taken", "expiry_moved", "name_not_in_redemption", "operation_in_progress"}
)
"""What a registrar also says when an earlier order, whose answer was lost, was carried out."""
_MAYBE_EFFECT = _MAYBE_OURS | {"already_in_account"}
"""What a look before sending again finds where the earlier order shows its effect late."""
_OF_THE_ACCOUNT = frozenset({"credential_refused", "account_missing", "provider_refused"})
"""What says nothing about the purchase: it waits for the account."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of a registration before anybody is asked."""

    row: RegisteredName
    account: Account | None
    purchase: Purchase | None
    is_wanted: bool
    """The organization and the registration are live."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a purchase is not sent."""

    code: str
    message: str


_WITHOUT_EFFECT = _Refusal(
    "order_without_effect",
    "The order was sent and had no effect. Nothing was charged, as far as is known.",
)
_UNCLEAR = _Refusal(
    "purchase_unclear",
    "Something else happened to the registration than what was bought. Compare the registrar's orders "
    "with this purchase. It is not sent again.",
)


class Buyer:
    """One worker's step with the open purchase of a registration."""

    def __init__(  # noqa: PLR0917 - what a step is given
        self,
        sessions: Sessions,
        tools: Tools,
        lease: Lease,
        case: Case,
        purchase: Purchase,
        connected: Connected,
    ) -> None:
        self._sessions = sessions
        self._tools = tools
        self._lease = lease
        self._row = case.row
        self._case = case
        self._purchase = purchase
        self._connected = connected

    def step(self) -> work.StepOutcome | None:
        """Take one step. Raises as `work.record`, and as registrars do before anything is sent."""
        if self._purchase.is_out:
            return self._follow()
        return self._buy()

    def _buy(self) -> work.StepOutcome | None:
        found = self._checked()
        if isinstance(found, _Refusal):
            if self._purchase.sends == 0 or found.code not in _MAYBE_EFFECT:
                return self._fail(found.code, found.message)
            # What was sent before has had an effect after all, perhaps.
            self._record(
                lambda session, _row: self._locked(session).doubt(found.code, found.message)
            )
            return self._follow()
        self._check_balance(found.price)
        if not self._record(lambda session, row: self._intend(session, row, found)):
            return work.StepOutcome("purchase_waiting", routine=True)
        self._tools.checkpoint("registration:intended")
        is_new = self._purchase.act in {Act.REGISTER, Act.TRANSFER}
        if not self._record(self._begin_to_send, locks_name=is_new):
            return None
        self._tools.checkpoint("registration:sending")
        return self._send(found)

    def _checked(self) -> "Quote | _Refusal":
        """Return what it costs now, or why it is not bought. Nothing is sent."""
        purchase, now = self._purchase, self._lease.now()
        if not self._case.is_wanted:
            return _Refusal("purchase_unwanted", "The organization was removed or is not active.")
        if (purchase.confirmed_at or now) + rules.CONFIRMED_FOR < now:
            return _Refusal("confirmation_expired", "It could not be bought in time.")
        try:
            before = self._connected.registrar.registration(purchase.name)
            quote = self._connected.registrar.quote(purchase.act, purchase.name, purchase.years)
        except Refused as error:
            if error.code in _OF_THE_ACCOUNT:
                raise
            return _Refusal(error.code, error.detail)
        code = rules.price_refusal(
            purchase.agreed,
            quote.price,
            is_premium=quote.is_premium,
            accepts_premium=purchase.accepts_premium,
        )
        told = f"It costs {quote.price} now, and up to {purchase.agreed} was agreed to."
        return _refused(purchase, before) or (quote if code is None else _Refusal(code, told))

    def _check_balance(self, price: Money) -> None:
        registrar = self._connected.registrar
        if isinstance(registrar, Payer) and not registrar.balance().covers(price):
            raise Refused(
                "balance_low",
                f"The account at the registrar does not cover {price}. Add funds there; it is bought "
                "as soon as they are seen.",
            )

    def _intend(self, session: Session, row: RegisteredName, quote: Quote) -> bool:
        """Count the purchase against the limits; tell whether it may be sent now."""
        purchase = self._locked(session)
        if purchase.status not in {PurchaseStatus.CONFIRMED, PurchaseStatus.INTENDED}:
            row.next_action_at = self._lease.now()
            return False
        because = None
        if purchase.status is PurchaseStatus.CONFIRMED and purchase.approved_at is None:
            because = spending.over_limit(
                session, self._tools, purchase, quote.price, self._connected.account,
                self._lease.now(),
            )  # fmt: skip
        if because is not None:
            purchase.hold(because)
            row.next_action_at = self._lease.now() + timedelta(days=1)
            return False
        purchase.intend(self._lease.now())
        return True

    def _begin_to_send(self, session: Session, row: RegisteredName) -> bool:
        purchase = self._locked(session)
        if purchase.status is not PurchaseStatus.INTENDED:
            row.next_action_at = self._lease.now()
            return False
        plugin, provider = self._connected.plugin, self._connected.account.provider
        since = self._lease.now() - 2 * plugin.shows_within
        if purchases.is_ordered_elsewhere(session, purchase, provider, since):
            row.next_action_at = self._lease.now() + _OTHERS
            return False
        purchase.send(self._lease.now())
        return True

    def _send(self, quote: Quote) -> work.StepOutcome | None:
        work.confirm(self._sessions, RegisteredName, self._lease)
        try:
            with work.kept(self._sessions, RegisteredName, self._lease):
                answer = self._act(quote)
        except RateLimited as error:
            self._record(lambda session, _row: self._locked(session).unsend())
            raise error from None
        except Refused as error:
            if error.code not in _MAYBE_OURS or self._purchase.sends == 0:
                return self._fail(error.code, error.detail)
            return self._doubt(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it may have been carried out
            return self._doubt(error)
        self._tools.checkpoint("registration:sent")
        self._record(lambda session, row: self._answered(session, row, answer))
        self._tools.checkpoint("registration:answered")
        return self._follow()

    def _act(self, quote: Quote) -> Operation:
        purchase, row, ring = self._purchase, self._row, self._tools.keyring
        if purchase.act is Act.RENEW:
            if purchase.starts_from is None:
                raise Refused("expiry_unknown", "The registrar does not say when it ends.")
            renewer = registrars.able(self._connected, Renewer, "renew")  # type: ignore[type-abstract]  # a Protocol is asked for
            return renewer.renew(purchase.name, purchase.years, purchase.starts_from, quote)
        if purchase.act is Act.REACTIVATE:
            reactivator = registrars.able(self._connected, Reactivator, "reactivate")  # type: ignore[type-abstract]  # as above
            return reactivator.reactivate(purchase.name, quote)
        order = RegistrationOrder(
            purchase.name, purchase.years, contacts.opened(row, ring), quote,
            auto_renew=row.renewed_by.value == "registrar",
        )  # fmt: skip
        if purchase.act is Act.TRANSFER:
            transferrer = registrars.able(self._connected, Transferrer, "transfer")  # type: ignore[type-abstract]  # as above
            return transferrer.transfer(order, contacts.code_of(purchase, ring))
        return registrars.able(self._connected, Seller, "register").register(order)  # type: ignore[type-abstract]  # as above

    def _answered(self, session: Session, row: RegisteredName, answer: Operation) -> None:
        purchase = self._locked(session)
        note(purchase, answer)
        row.next_action_at = self._lease.now()

    def _doubt(self, error: Exception) -> work.StepOutcome:
        is_told = isinstance(error, NameplateError)
        code = error.code if isinstance(error, NameplateError) else "internal_error"
        said = str(error) if is_told else "Nameplate failed unexpectedly. Its log says more."
        message = f"{said} Nameplate asks the registrar whether the order was carried out."

        def change(session: Session, row: RegisteredName) -> None:
            self._locked(session).doubt(code, message)
            row.next_action_at = work.soon(
                self._tools, self._lease.now() + _LOOKS[0], self._lease.now()
            )

        self._record(change, release=True)
        return work.StepOutcome(code)

    def _follow(self) -> work.StepOutcome | None:
        """Ask the registrar what became of what was sent, and record it."""
        operation = self._operation()
        seen = self._connected.registrar.registration(self._purchase.name)
        self._tools.checkpoint("registration:read")
        hosted = self._offer()

        def change(session: Session, row: RegisteredName) -> PurchaseVerdict:
            purchase = self._locked(session)
            if not purchase.is_out:
                row.next_action_at = self._lease.now()
                return PurchaseVerdict.WAIT
            if operation is not None:
                note(purchase, operation)
            verdict = rules.judge(
                purchase.sent,
                sighting(purchase, seen, operation),
                self._lease.now(),
                self._connected.plugin.shows_within,
            )
            self._apply(
                session, row, purchase, verdict, seen=seen, hosted=hosted, operation=operation
            )
            return verdict

        verdict = self._record(change, release=True, locks_name=True)
        self._tools.checkpoint("registration:recorded")
        if verdict is PurchaseVerdict.FAILED:
            return work.StepOutcome("purchase_failed")
        return work.StepOutcome("purchase_unclear") if verdict is PurchaseVerdict.UNCLEAR else None

    def _apply(
        self,
        session: Session,
        row: RegisteredName,
        purchase: Purchase,
        verdict: PurchaseVerdict,
        *,
        seen: Seen | None,
        hosted: offers.HostingOffer | None,
        operation: Operation | None,
    ) -> None:
        now = self._lease.now()
        if verdict is PurchaseVerdict.SETTLED and seen is not None:
            is_new = purchase.act is Act.REGISTER
            purchase.settle(now)
            seeing.apply(row, seen, now)
            if purchase.act in {Act.REGISTER, Act.TRANSFER}:
                granting.grant(  # if it cannot, the next look says why
                    session, self._tools, row, now,
                    bought=is_new, proves=self._connected.proves, hosted=hosted,
                )  # fmt: skip
            claim = granting.claim_of(session, row)
            granting.follow(claim, row, self._connected.account.provider)
            row.attempts = 0
            row.next_action_at = now
        elif verdict is PurchaseVerdict.REPEAT:
            purchase.repeat()
            row.next_action_at = now
        elif verdict is PurchaseVerdict.FAILED:
            detail = operation.detail if operation is not None else ""
            code = purchase.error_code or _WITHOUT_EFFECT.code
            purchase.fail(code, detail or purchase.error_message or _WITHOUT_EFFECT.message, now)
            purchases.end_unborn(session, purchase)
            row.next_action_at = None if row.is_over else now
        else:
            self._wait(row, purchase, verdict, now)

    def _wait(
        self, row: RegisteredName, purchase: Purchase, verdict: PurchaseVerdict, now: datetime
    ) -> None:
        purchase.looks += 1
        if verdict is PurchaseVerdict.UNCLEAR and purchase.error_code != _UNCLEAR.code:
            purchase.doubt(_UNCLEAR.code, _UNCLEAR.message)
        shortest, longest = _LOOKS
        wait = min(shortest * 2 ** min(purchase.looks, 12), longest)
        row.next_action_at = work.soon(self._tools, now + wait, now)

    def _operation(self) -> Operation | None:
        """Return the operation of the purchase, found by its id or, when that was lost, by the name."""
        registrar, purchase = self._connected.registrar, self._purchase
        if not isinstance(registrar, OperationReader) or purchase.sent_at is None:
            return None
        with self._sessions.look() as session:
            query = Purchase.visible(PLATFORM).where(Purchase.registration_id == self._row.id)
            rows = session.scalars(query).all()
        mine = next((one for one in rows if one.id == purchase.id), purchase)
        if mine.operation_id:
            return registrar.operation(mine.operation_id)
        others = {one.operation_id for one in rows}
        since = (mine.sent_at or purchase.sent_at) - _CLOCKS
        for one in registrar.operations(purchase.name, since):
            if one.act is purchase.act and one.id not in others:
                return one
        return None

    def _offer(self) -> offers.HostingOffer | None:
        """Return where a zone for a new name is hosted, when it is to be delegated."""
        if not self._row.is_delegated:
            return None
        try:
            return offers.offer(self._sessions)
        except NameplateError:
            return None

    def _fail(self, code: str, message: str) -> work.StepOutcome:
        def change(session: Session, row: RegisteredName) -> None:
            purchase = self._locked(session)
            if purchase.is_open:
                purchase.fail(code, message, self._lease.now())
                purchases.end_unborn(session, purchase)
            row.next_action_at = None if row.is_over else self._lease.now()

        self._record(change, release=True)
        return work.StepOutcome(code)

    def _locked(self, session: Session) -> Purchase:
        row: Purchase = session.get_one(
            Purchase, self._purchase.id, with_for_update=True, populate_existing=True
        )
        return row

    def _record(
        self,
        change: Any,  # noqa: ANN401 - as `work.record` takes it
        *,
        release: bool | None = None,
        locks_name: bool = False,
    ) -> Any:  # noqa: ANN401 - what the change returns
        """Record under the lease; a change that says `False` has planned the next time itself."""
        name = self._purchase.name
        ends = (lambda result: result is False) if release is None else release
        return work.record(
            self._sessions,
            RegisteredName,
            self._lease,
            change,
            release=ends,
            before=(lambda session: lock_name(session, name)) if locks_name else None,
        )


def note(purchase: Purchase, told: Operation) -> None:
    """Keep what the registrar says of the order."""
    purchase.operation_id = told.id or purchase.operation_id
    purchase.order_id = told.order_id or purchase.order_id
    purchase.transaction_id = told.transaction_id or purchase.transaction_id
    if told.charged is not None and told.charged.currency == purchase.currency:
        purchase.charged_amount = told.charged.amount
    purchase.is_done = purchase.is_done or told.state is OperationState.DONE


_NOT_YET = frozenset({RegistrationState.PENDING, RegistrationState.TRANSFERRING_IN})
"""States of what was ordered and is not the account's: one that has run out since was."""


def sighting(purchase: Purchase, seen: Seen | None, operation: Operation | None) -> Sighting:
    """Return what the registrar shows, as the rules take it."""
    state = None if operation is None else operation.state
    is_back = seen is not None and not (
        purchase.act is Act.REACTIVATE and seen.state is RegistrationState.REDEMPTION
    )
    return Sighting(
        is_there=is_back,
        is_active=is_back and seen is not None and seen.state not in _NOT_YET,
        expires_at=None if seen is None else seen.expires_at,
        in_progress=state is OperationState.IN_PROGRESS,
        is_done=purchase.is_done,
        is_failed=state is OperationState.FAILED,
    )


def _refused(purchase: Purchase, before: Seen | None) -> _Refusal | None:
    """Return why the registration as it is now is not what was to be bought."""
    if purchase.act in {Act.REGISTER, Act.TRANSFER}:
        if before is None:
            return None
        return _Refusal(
            "already_in_account", f"{purchase.name} is in the account already. Import it."
        )
    if before is None:
        return _Refusal(
            "registration_missing", f"{purchase.name} is not in the account at the registrar."
        )
    if purchase.act is Act.RENEW and before.expires_at != purchase.starts_from:
        return _Refusal(
            "expiry_moved", f"{purchase.name} ends at another time: it was renewed meanwhile."
        )
    if purchase.act is Act.REACTIVATE and before.state is not RegistrationState.REDEMPTION:
        return _Refusal("name_not_in_redemption", f"{purchase.name} is back already.")
    return None
