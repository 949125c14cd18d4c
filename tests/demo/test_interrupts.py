"""A signal becomes one exception, not at a bad moment and not twice."""

import signal

import pytest

from nameplate.demo.interrupts import Interrupted, Interrupts


def test_a_signal_is_raised_once_and_the_next_one_ignored() -> None:
    with Interrupts():
        with pytest.raises(Interrupted) as ended:
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert ended.value.exit_code == 143


def test_a_held_signal_arrives_when_the_block_is_over() -> None:
    reached: list[str] = []
    with Interrupts() as interrupts:
        with pytest.raises(Interrupted):
            _held(interrupts, reached)
        reached.append("outside")
    assert reached == ["inside", "outside"]


def _held(interrupts: Interrupts, reached: list[str]) -> None:
    with interrupts.held():
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
        reached.append("inside")
    reached.append("behind")


def test_an_error_in_a_held_block_is_not_hidden_by_the_signal() -> None:
    with Interrupts() as interrupts, pytest.raises(ValueError, match="first"):
        _failing(interrupts)


def _failing(interrupts: Interrupts) -> None:
    with interrupts.held():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("first")


def test_the_old_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
