"""Claims for `bench/verify.py`, made with the use cases of whichever checkout's Python runs this.

    PYTHON bench/verify_seed.py COUNT ORGANIZATIONS

Prints the published form of each token as JSON: name of the record, value.
"""

import json
import sys

sys.path.pop(0)  # this folder: its dns.py is not dnspython

from nameplate import bootstrap
from nameplate.core.actor import PLATFORM, Actor
from nameplate.models import Verification
from nameplate.settings import Settings

try:
    from nameplate.usecases.claims import domains
    from nameplate.usecases.tenants import organizations
except ImportError:  # a checkout from before the use cases had rooms
    from nameplate.usecases import domains, organizations  # type: ignore[attr-defined,no-redef]  # where they were

AT_ONCE = 250


def main() -> None:
    """Claim `shopN.com` for each number, in turn by organization."""
    count, owners = int(sys.argv[1]), int(sys.argv[2])
    settings = Settings.read()
    if hasattr(bootstrap, "ready"):
        sessions, ring = bootstrap.ready(settings)
    else:  # an older checkout
        sessions, ring = bootstrap.sessions(settings), bootstrap.keyring(settings)
    tools = bootstrap.tools(settings, ring)
    with sessions.begin(PLATFORM) as session:
        actors = [
            Actor(organizations.add(session, PLATFORM, name=f"o{number}").id, f"o{number}")
            for number in range(owners)
        ]
    for place, actor in enumerate(actors):
        mine = range(place, count, owners)
        for start in range(0, len(mine), AT_ONCE):
            with sessions.begin(actor) as session:
                for number in mine[start : start + AT_ONCE]:
                    domains.add(session, tools, actor, name=f"shop{number}.com")
    with sessions.begin(PLATFORM, read_only=True) as session:
        rows = session.scalars(Verification.visible(PLATFORM).order_by(Verification.id))
        found = [(one.verification_record_name, one.verification_record_value) for one in rows]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
