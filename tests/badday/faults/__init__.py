"""The bad days, one by one."""

from tests.badday.faults import application, authority, installation, names, provider, proxy

FAULTS = (
    *authority.FAULTS,
    *provider.FAULTS,
    *proxy.FAULTS,
    *application.FAULTS,
    *names.FAULTS,
    *installation.FAULTS,
)
"""All of them, in the order of the table."""
