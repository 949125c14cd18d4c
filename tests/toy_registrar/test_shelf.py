"""The contract of a registrar that sells and renews, checked by Nameplate's own tests."""

import json
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from shelf import Shelf, ShelfConfiguration, connect

from nameplate.core.secret import Secret
from nameplate.testing.registrar import RenewerConformance

NOW = datetime(2026, 12, 1, tzinfo=UTC)
NUMBERS = count()


class TestShelf(RenewerConformance):
    """Every rule of the contract."""

    @pytest.fixture(autouse=True)
    def file(self, tmp_path: Path) -> None:
        """Put one name of ours and one of somebody else on the shelf."""
        self.path = tmp_path / "shelf.json"
        ours = {"from": NOW.isoformat(), "until": "2027-12-01T00:00:00+00:00", "servers": []}
        names = {"ours.example": ours}
        content = {"token": "t", "names": names, "sold": ["theirs.example"]}
        self.path.write_text(json.dumps(content))

    def make_registrar(self) -> Shelf:
        """Return the registrar to test."""
        config = ShelfConfiguration(file=str(self.path), cents=900)
        return connect(config, {"token": Secret("t")}, lambda: NOW)

    def free(self) -> str:
        """Return a name that nobody has."""
        return f"free{next(NUMBERS)}.example"

    def taken(self) -> str:
        """Return a name that somebody else has."""
        return "theirs.example"

    def owned(self) -> str:
        """Return a name of the account."""
        return "ours.example"
