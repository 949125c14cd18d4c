"""Names are challenged, transferred between organizations, and given by the operator."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_0400"
down_revision = "2026_11_30_0300"
branch_labels = None
depends_on = None

_CHALLENGES, _TRANSFERS = "name_challenges", "name_transfers"
_HOLDINGS, _DOMAINS = "name_holdings", "organization_domains"
_CHECK = f"{_HOLDINGS}_basis_check"
_STATUS_INDEX = "organization_domains_org_status_index"


def upgrade() -> None:
    _make_challenges()
    _make_transfers()
    _add_basis()
    for column in (
        c.big("challenge_id", "The challenge that the claim has opened; NULL: none is open.", null=True),
        c.big("contest_id", "The challenge that the holding must answer; NULL: none is open.", null=True),
        c.moment("contested_until", "When that challenge is decided at the earliest."),
    ):  # fmt: skip
        op.add_column(_DOMAINS, column)
    c.index(_DOMAINS, "organization_id", "status", name=_STATUS_INDEX)


def downgrade() -> None:
    op.drop_index(_STATUS_INDEX, _DOMAINS)
    for column in ("contested_until", "contest_id", "challenge_id"):
        op.drop_column(_DOMAINS, column)
    if c.dialect() != "sqlite":
        op.execute(f"ALTER TABLE {_HOLDINGS} DROP CONSTRAINT {_CHECK}")
    op.drop_column(_HOLDINGS, "basis")
    op.drop_table(_TRANSFERS)
    op.drop_table(_CHALLENGES)


def _add_basis() -> None:
    check = "CHECK (basis IN ('proof', 'transfer', 'operator'))"
    if c.dialect() == "sqlite":  # takes a CHECK only with the column
        op.execute(
            f"ALTER TABLE {_HOLDINGS} ADD COLUMN basis\nVARCHAR(32) DEFAULT 'proof' NOT NULL "
            f"CONSTRAINT {_CHECK} {check}"
        )
        return
    op.add_column(_HOLDINGS, c.choice("basis", "What it rests on, unless it is a grant.", "proof"))
    op.execute(f"ALTER TABLE {_HOLDINGS} ADD CONSTRAINT {_CHECK} {check}")


def _make_challenges() -> None:
    c.create(
        _CHALLENGES,
        "Challenges: a holder proves its name again, or loses it to who has proved it.",
        *c.identity(),
        c.owner(),
        c.big("organization_domain_id", "The challenging claim."),
        c.big("domain_verification_id", "The proof by which it was opened."),
        c.ascii_text("name", "Canonical name, without `*.`.", nullable=False),
        c.ascii_text("base", "Registrable domain.", nullable=False),
        c.ascii_text(
            "contested_name", "The name while the challenge is open: no other one is on it."
        ),
        c.choice("status", "Where it stands.", "open"),
        c.moment(
            "first_failed_at",
            "When every proof in the way was definitely missing for the first time.",
        ),
        c.moment("decides_at", "When the proofs in the way are looked at for the second time."),
        c.moment("ended_at", "When it ended."),
        c.ascii_text("outcome_code", "Why it ended as it did.", 80),
        c.prose("outcome_message", "The same in words for a person."),
        *c.work(),
        *_trouble(),
        c.primary(_CHALLENGES),
        c.refers(_CHALLENGES, "organization_id", "organizations"),
        c.belongs(_CHALLENGES, "organization_domain_id", _DOMAINS),
        sa.UniqueConstraint("contested_name", name=op.f("unique_contested_name")),
        c.allowed(_CHALLENGES, "status", ("open", "won", "refused", "withdrawn")),
    )
    c.index(
        _CHALLENGES,
        "organization_id",
        "organization_domain_id",
        name="name_challenges_domain_index",
    )
    c.index(_CHALLENGES, "base", name="name_challenges_base_index")
    for column in ("next_action_at", "waits_for", "urgency"):
        c.index(_CHALLENGES, column)
    c.isolate(_CHALLENGES)


def _make_transfers() -> None:
    c.create(
        _TRANSFERS,
        "Offers to give a held name to another organization.",
        *c.identity(),
        c.big("organization_id", "The organization that gives the name away."),
        c.big(
            "target_organization_id",
            "The organization that is to get it; NULL: there is no such one.",
            null=True,
        ),
        c.text("target_reference", "Its id or external id, as the holder gave it.", null=False),
        c.big("organization_domain_id", "The domain that is given."),
        c.ascii_text("name", "Canonical name, without `*.`.", nullable=False),
        c.ascii_text("base", "Registrable domain.", nullable=False),
        c.ascii_text("offered_name", "The name while the offer stands: there is one at a time."),
        c.flag(
            "with_bindings",
            "The bindings may go on with an application of the other organization.",
            default=True,
        ),
        c.choice("status", "Where it stands.", "offered"),
        sa.Column("expires_at", c.MOMENT, nullable=False, comment="Until when it can be accepted."),
        c.moment("ended_at", "When it was accepted, declined or withdrawn."),
        c.primary(_TRANSFERS),
        c.refers(_TRANSFERS, "organization_id", "organizations"),
        sa.ForeignKeyConstraint(
            ["target_organization_id"],
            ["organizations.id"],
            name=op.f("name_transfers_target_foreign"),
            ondelete="CASCADE",
        ),
        c.belongs(_TRANSFERS, "organization_domain_id", _DOMAINS),
        sa.UniqueConstraint("offered_name", name=op.f("unique_offered_name")),
        c.allowed(_TRANSFERS, "status", ("offered", "accepted", "declined", "withdrawn")),
    )
    c.index(
        _TRANSFERS, "organization_id", "organization_domain_id", name="name_transfers_domain_index"
    )
    c.index(_TRANSFERS, "target_organization_id", name="name_transfers_target_index")
    c.isolate(_TRANSFERS)
    if c.dialect() == "postgresql":
        mine = "NULLIF(current_setting('nameplate.organization_id', true), '')::bigint"
        op.execute(
            f"CREATE POLICY {_TRANSFERS}_received ON {_TRANSFERS} FOR SELECT "
            f"USING (target_organization_id = {mine})"
        )


def _trouble() -> list[sa.Column[object]]:
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
