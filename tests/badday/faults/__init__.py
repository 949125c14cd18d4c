"""The bad days, one by one."""

from tests.badday.faults import (
    application,
    authority,
    caddy,
    groups,
    installation,
    names,
    provider,
    proxy,
    traefik,
)

FAULTS = (
    *authority.FAULTS,
    *provider.FAULTS,
    *proxy.FAULTS,
    *caddy.FAULTS,
    *traefik.FAULTS,
    *groups.FAULTS,
    *application.FAULTS,
    *names.FAULTS,
    *installation.FAULTS,
)
"""All of them, in the order of the table."""
