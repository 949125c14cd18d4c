"""Names at registrars and what was paid for them; holdings that rest on a registration."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_03_0010"
down_revision = "2026_12_01_0310"
branch_labels = None
depends_on = None

_REGISTRATIONS, _PURCHASES, _HOLDINGS = "registrations", "purchases", "name_holdings"
_OVER = "CASE WHEN deleted_at IS NULL AND status NOT IN ('cancelled', 'ended') THEN 1 END"
_OPEN = "CASE WHEN status IN ('confirmed', 'waiting', 'intended', 'sent', 'unknown') THEN 1 END"
_BASES = ("proof", "transfer", "operator")


def upgrade() -> None:
    _create_registrations()
    _create_purchases()
    _admit(_BASES, (*_BASES, "registration"))


def downgrade() -> None:
    # The older release knows no such holdings: their claims must be proved.
    _force(on=False)
    op.execute(f"DELETE FROM {_HOLDINGS} WHERE basis = 'registration'")  # noqa: S608 - our own word
    _force(on=True)
    _admit((*_BASES, "registration"), _BASES)
    op.drop_table(_PURCHASES)
    op.drop_table(_REGISTRATIONS)


def _create_registrations() -> None:
    c.create(
        _REGISTRATIONS,
        "Names at registrars; one organization has each.",
        *c.identity(),
        c.owner(),
        c.ascii_text("name", "Registrable domain, A-labels.", nullable=False),
        c.big("account_id", "The account at the registrar; NULL: it is gone.", null=True),
        c.text("external_id", "The registrar's own id of the name."),
        c.choice("status", "Where the registration stands.", "pending"),
        c.moment("registered_at", "When the name was registered."),
        c.moment("expires_at", "When the registration ends."),
        c.choice("renewed_by", "Who makes it longer before it ends.", "nameplate"),
        _maybe(
            "registrar_renews", "Whether the registrar says that it renews; NULL: it does not say."
        ),
        c.flag("lock_wanted", "It is to be protected from transfers.", default=True),
        _maybe("is_locked", "Whether it is; NULL: the registrar does not say."),
        _maybe("has_privacy", "Whether its contacts are hidden; NULL: the registrar does not say."),
        c.json("name_servers_wanted", "Name servers that it is to have; NULL: as they are."),
        c.json("name_servers", "Name servers that the registrar shows."),
        c.flag(
            "is_delegated",
            "Delegate it to the DNS account of its domain as soon as the zone is there.",
            default=False,
        ),
        c.json("statuses", "EPP status codes that the registrar shows."),
        c.long_text("contact", "Who registers it, as sealed JSON; gone with the organization."),
        c.moment("seen_at", "When the registrar was asked last."),
        c.moment("missing_since", "Since when it is not in the account; NULL: it is."),
        c.number("expiry_notice_days", "Of which days before the end somebody was told last."),
        c.moment(
            "act_pending_until", "Until when reading may show what was before our last change."
        ),
        *c.work(),
        *_trouble(),
        *c.soft_delete(),
        sa.Column(
            "current",
            sa.SmallInteger(),
            c.generated(_OVER),
            nullable=True,
            comment="1 while the name is, or is about to be, in the account; else NULL.",
        ),
        c.primary(_REGISTRATIONS),
        c.pair(_REGISTRATIONS),
        c.refers(_REGISTRATIONS, "organization_id", "organizations"),
        c.refers(_REGISTRATIONS, "account_id", "accounts", "SET NULL"),
        c.allowed(
            _REGISTRATIONS,
            "status",
            (
                *("pending", "transferring_in", "active", "expiring", "expired", "redemption"),
                *("transferring_out", "cancelled", "ended"),
            ),
        ),
        c.allowed(_REGISTRATIONS, "renewed_by", ("nameplate", "registrar", "none")),
    )
    c.index(_REGISTRATIONS, "name", "current", name="registrations_name_unique", unique=True)
    c.index(_REGISTRATIONS, "organization_id", "status", name="registrations_org_status_index")
    c.index(_REGISTRATIONS, "expires_at", name="registrations_expiry_index")
    for column in ("account_id", "next_action_at", "waits_for", "urgency"):
        c.index(_REGISTRATIONS, column)
    c.isolate(_REGISTRATIONS)


def _create_purchases() -> None:
    c.create(
        _PURCHASES,
        "Acts at registrars that cost money.",
        *c.identity(),
        c.owner(),
        c.big("registration_id", "What it is for; NULL: it was never confirmed.", null=True),
        c.big("account_id", "The account that pays; NULL: it is gone.", null=True),
        c.ascii_text("name", "Registrable domain, A-labels.", nullable=False),
        c.choice("act", "What is bought."),
        c.number("years", "For how many years.", null=False),
        c.choice("status", "Where it stands.", "quoted"),
        sa.Column(
            "open",
            sa.SmallInteger(),
            c.generated(_OPEN),
            nullable=True,
            comment="1 from the confirmation until it is over; else NULL.",
        ),
        c.ascii_text("currency", "ISO 4217.", 3, nullable=False),
        _amount("quoted_amount", "What the registrar asked for, in minor units.", null=False),
        c.flag("is_premium", "It costs more than other names.", default=False),
        sa.Column(
            "valid_until",
            c.MOMENT,
            nullable=False,
            comment="Until when the quote can be confirmed.",
        ),
        _amount("agreed_amount", "What may be paid at most, as confirmed; in minor units."),
        c.flag("accepts_premium", "A premium price was agreed to.", default=False),
        c.moment("confirmed_at", "When it was confirmed."),
        c.text("confirmed_by", "By whom; `auto-renewal`: by that policy."),
        c.prose("waits_because", "Over which limit it is, in words for a person."),
        c.moment("approved_at", "When the platform's operator approved it."),
        c.text("approved_by", "Who did."),
        c.moment("starts_from", "The expiry that a renewal starts from."),
        c.moment(
            "intended_at",
            "When everything was checked; it counts for the limits of this month.",
        ),
        c.moment("sent_at", "When it was sent last."),
        c.number("sends", "How often it was sent.", "0"),
        c.number("looks", "Looks at what became of it since.", "0"),
        c.text("operation_id", "By which the registrar tells how far it is."),
        c.flag("is_done", "The registrar says that it is done.", default=False),
        c.text("order_id", "The registrar's order."),
        c.text("transaction_id", "The registrar's transaction."),
        _amount("charged_amount", "What the registrar says it took, in minor units."),
        c.moment("ended_at", "When it was settled, failed or cancelled."),
        c.ascii_text("error_code", "Why it failed, or what it waits for.", 80),
        c.prose("error_message", "The same in words for a person."),
        c.long_text(
            "transfer_code",
            "The code with which a name moves here, sealed; gone when it is over.",
        ),
        c.primary(_PURCHASES),
        c.pair(_PURCHASES),
        c.refers(_PURCHASES, "organization_id", "organizations"),
        c.refers(_PURCHASES, "account_id", "accounts", "SET NULL"),
        c.belongs(_PURCHASES, "registration_id", "registrations"),
        c.allowed(_PURCHASES, "act", ("register", "renew", "transfer", "reactivate")),
        c.allowed(
            _PURCHASES,
            "status",
            (
                *("quoted", "confirmed", "waiting", "intended", "sent", "unknown"),
                *("settled", "failed", "cancelled"),
            ),
        ),
    )
    c.index(
        _PURCHASES,
        "registration_id",
        "open",
        name="purchases_registration_open_unique",
        unique=True,
    )
    c.index(_PURCHASES, "organization_id", "intended_at", name="purchases_org_intended_index")
    c.index(_PURCHASES, "account_id")
    c.isolate(_PURCHASES)


def _maybe(name: str, comment: str) -> "sa.Column[bool]":
    return sa.Column(name, sa.Boolean(), nullable=True, comment=comment)


def _amount(name: str, comment: str, *, null: bool = True) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=null, comment=comment)


def _trouble() -> list["sa.Column[object]"]:
    """Return the columns that say what stops the work on a row."""
    return [
        c.ascii_text("trouble_code", "What stops the work on this row; NULL: nothing.", 80),
        c.prose("trouble_message", "The same in words for a person."),
        c.moment("trouble_since", "Since when it is so."),
        c.ascii_text(
            "waits_for",
            "What has to change before the work can go on: `account:7`, `server:3`; NULL: time.",
            80,
        ),
        sa.Column(
            "urgency",
            sa.SmallInteger(),
            nullable=False,
            server_default="0",
            comment="1: takes something out of service, and is done before everything else.",
        ),
    ]


def _force(*, on: bool) -> None:
    """Let the table's owner see every organization's rows meanwhile (PostgreSQL)."""
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_HOLDINGS} {'' if on else 'NO '}FORCE ROW LEVEL SECURITY")


def _admit(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    """Change what a holding may rest on."""
    was, now = (f"basis IN ({', '.join(repr(word) for word in words)})" for words in (old, new))
    check = f"{_HOLDINGS}_basis_check"
    if c.dialect() != "sqlite":
        op.execute(f"ALTER TABLE {_HOLDINGS} DROP CONSTRAINT {check}")
        op.execute(f"ALTER TABLE {_HOLDINGS} ADD CONSTRAINT {check} CHECK ({now})")
        return
    _edit_on_sqlite(was, now)


def _edit_on_sqlite(was: str, now: str) -> None:
    """Edit the CHECK where SQLite keeps it, as its page on ALTER TABLE says (section 7)."""
    quoted = [one.replace("'", "''") for one in (was, now)]
    op.execute("CREATE TABLE bases_admitted (id INTEGER)")
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = replace(sql, '{quoted[0]}', '{quoted[1]}') "  # noqa: S608 - our own words
        f"WHERE type = 'table' AND name = '{_HOLDINGS}'"
    )
    op.execute("PRAGMA writable_schema = RESET")
    op.execute("DROP TABLE bases_admitted")
