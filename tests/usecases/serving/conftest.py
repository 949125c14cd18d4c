"""What tests of serving have in common."""

import pytest

from nameplate.usecases.serving import pacing


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy rest, however slow the machine is: what one test took is remembered for the next."""
    monkeypatch.setattr(pacing, "QUICK", 600.0)
