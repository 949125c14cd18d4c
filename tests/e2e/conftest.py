import pytest

from nameplate.usecases.serving import pacing


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy rest, however slow the machine is."""
    monkeypatch.setattr(pacing, "QUICK", 600.0)
