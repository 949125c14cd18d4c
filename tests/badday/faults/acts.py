"""What people want and change on bad days."""

from collections.abc import Callable
from typing import Any

from tests.badday.fault import Act
from tests.badday.town import Town


def want_host(town: Town) -> None:
    """Have one more host of Alpha served."""
    town.want_host(town.alpha, town.label())


def want_host_of(name: str) -> Act:
    """Have one more host of somebody else served."""
    return lambda town: town.want_host(town.tenants[name], town.label())


def want_record(town: Town) -> None:
    """Have one more record of Alpha written."""
    town.want_record(town.alpha, town.label(), "192.0.2.80")


def change(
    noun: str, name: str, body: Callable[[Town], dict[str, Any]], *, at: str = "alpha"
) -> Act:
    """Change an object of Alpha, or of somebody else."""

    def act(town: Town) -> None:
        town.nameplate.call("PATCH", f"/v1/{noun}/{town.tenants[at].ids[name]}", body(town))

    return act


def several(*acts: Act) -> Act:
    """Do one thing after the other."""

    def act(town: Town) -> None:
        for one in acts:
            one(town)

    return act
