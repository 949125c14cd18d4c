"""Every model with an organization is told of, or silent for a reason; nothing passes the table by."""

import ast
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from scripts.event_docs import PAGE, page
from tests.house.source import PACKAGE, dotted, python_files, tree

from nameplate.core.ids import Prefix
from nameplate.models import Model, Organization, event_types
from nameplate.models.event_types import SILENT, TOLD, Told
from nameplate.models.orm import Document
from nameplate.models.plans import PackedJson
from nameplate.models.sealing import SEALED

FOLDERS = ("src/nameplate/models", "src/nameplate/usecases")
PAST_THE_SESSION = {
    "leases.py:_leasing": "a lease is bookkeeping",
    "leases.py:_leasing_at_once": "a lease is bookkeeping",
    "models/verification_looks.py:<module>": "a look that found nothing is no event",
    "models/accounts.py:_noting": "how long an authority is left alone is bookkeeping",
    "models/bindings.py:looking": "what an agent saw: binding.activated says when it answers",
    "models/bindings.py:serving": "what a proxy was told: binding.activated says when it answers",
    "models/server_groups.py:looking": "as of bindings",
    "models/server_groups.py:serving": "as of bindings",
    "usecases/serving/served_now.py:note": "what a proxy was told: binding.activated says when it answers",
    "models/certificates.py:beginning": "an order has begun; certificate.issued says how it ended",
    "models/deletion.py:_release": "holdings and challenges, of which nothing is told",
    "models/readiness.py:working_out": "a copy, worked out from rows that have events of their own",
    "models/readiness.py:<module>": "the row and the mark of that copy",
    "models/records.py:numbering": "the provider's own ids are bookkeeping",
    "models/event_rows.py:<module>": "the events themselves",
    "models/telling_inserts.py:insert": "the events themselves",
    "usecases/dns/writes.py:bulk_insert": "tells of what it inserts by `telling.added`",
    "usecases/events.py:<module>": "the numbers of events, and their purge",
    "usecases/operations/keys.py:_wrap": "sealed with another key, a secret is the same",
}
"""`file:function` that makes a statement on a bare table which can be told of -> why it is not lost."""


def _columns(told: Told) -> set[str]:
    """Return every column that events of one kind show."""
    moved = {name for one in told.transitions for name in (one.column, *one.shown)}
    return {*told.watched, *told.shown, *moved}


def test_every_model_of_an_organization_is_told_of_or_silent() -> None:
    owned = {
        mapper.class_ for mapper in Model.registry.mappers if "organization_id" in mapper.columns
    } | {Organization}
    assert owned - TOLD.keys() - SILENT.keys() == set(), "declare it in models/event_types.py"
    assert not TOLD.keys() & SILENT.keys()
    assert all(len(reason) > len("a reason") for reason in SILENT.values())


def test_what_is_declared_exists_and_has_a_public_id() -> None:
    for kind, told in TOLD.items():
        assert Prefix[told.noun.upper()]
        attributes = sa.inspect(kind).column_attrs
        named = _columns(told) | set(told.opaque)
        assert named <= set(attributes.keys()), (kind, named - set(attributes.keys()))
        assert {type_.partition(".")[0] for type_, one, _ in event_types.types() if one is kind}
    for type_, _, _ in event_types.types():
        noun, _, verb = type_.partition(".")
        assert noun.isidentifier(), type_
        assert verb.isidentifier(), type_
        assert len(type_) <= 64


def test_no_column_that_can_hold_a_secret_is_shown() -> None:
    """`telling.py` shows plain values only; of what is sealed or JSON that it changed."""
    for kind, told in TOLD.items():
        for name in _columns(told) - {"drift"}:
            column = sa.inspect(kind).columns[name]
            assert not column.info.get(SEALED), (kind, name)
            assert not isinstance(column.type, sa.JSON | Document | PackedJson), (kind, name)
            assert not name.endswith(("_token", "_hash", "key", "credentials")), (kind, name)
        for name in told.watched:  # bulk statements show these too
            column = sa.inspect(kind).columns[name]
            assert isinstance(column.type, sa.String | sa.Integer | sa.Boolean), (kind, name)


def test_every_statement_on_a_bare_table_is_known() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}:{function}"
        for path in (*python_files(*FOLDERS), PACKAGE / "leases.py")
        for function in _bare(path)
    }
    assert found == set(PAST_THE_SESSION), "tell of it, or say why not"


def _bare(path: Path) -> Iterator[str]:
    """Yield each function that makes an UPDATE, DELETE or INSERT for something that is no model."""
    for function, call in _calls(tree(path), "<module>"):
        if dotted(call.func) not in {"sa.update", "sa.delete", "sa.insert"} or not call.args:
            continue
        subject = dotted(call.args[0])
        name = subject.rpartition(".")[2]
        if subject.endswith("__table__") or not (name[:1].isupper() or name in {"cls", "kind"}):
            yield function


def _calls(node: ast.AST, function: str) -> Iterator[tuple[str, ast.Call]]:
    if isinstance(node, ast.FunctionDef):
        function = node.name
    if isinstance(node, ast.Call):
        yield function, node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, function)


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text() == page(), "run `make docs` and commit what it writes"
