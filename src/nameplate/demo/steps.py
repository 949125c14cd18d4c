"""The steps of the demo, and the name that it is about."""

from nameplate.demo.progress import Step

ZONE = "example.test"
HOST = f"shop.{ZONE}"


def steps() -> list[Step]:
    """Return the steps, none of them begun."""
    return [
        Step("start", "start a sandbox on this machine"),
        Step("claim", f"an organization claims {HOST}"),
        Step("prove", "it proves control of the name"),
        Step("point", "DNS points at the platform"),
        Step("secure", "a certificate by ACME"),
        Step("serve", "the proxy serves the application"),
        Step("watch", "health, renewal, conditions"),
        Step("visit", f"https://{HOST}/"),
    ]
