"""The installation itself has a bad day."""

from nameplate.core.error_catalogue.entry import Turn
from tests.badday.fault import Fault, condition, refusal
from tests.badday.faults.acts import want_host, want_record

FAULTS = (
    Fault(
        "The database refuses connections",
        breaks=lambda t: t.database.refuse(),
        says=refusal("/readyz", "database_unavailable"),
        turn=Turn.OPERATOR,
        common=True,
        repairs=lambda t: t.database.open(),
        quick=True,
    ),
    Fault(
        "The database hangs",
        breaks=lambda t: t.database.hang(),
        says=refusal("/readyz", "database_unavailable", "provider_unreachable"),
        turn=Turn.OPERATOR,
        common=True,
        repairs=lambda t: t.database.open(),
    ),
    Fault(
        "The key ring is another one; a host is added",
        breaks=lambda t: t.restart(NAMEPLATE_KEYRING_FILE=str(t.other_keyring())),
        wants=want_host,
        says=condition("certificate", "key_unknown", "certificate_error"),
        turn=Turn.OPERATOR,
        common=True,
        repairs=lambda t: t.restart(),
    ),
    Fault(
        "The machine's clock is 25 h ahead; a host is added",
        breaks=lambda t: t.restart(**t.clock("+25h")),
        wants=want_host,
        says=condition("certificate", "certificate_error", "clock_wrong"),
        turn=Turn.OPERATOR,
        common=True,
        repairs=lambda t: t.restart(),
    ),
    Fault(
        "The machine's clock is 25 h behind; a host is added",
        breaks=lambda t: t.restart(**t.clock("-25h")),
        wants=want_host,
        says=condition("certificate", "ca_untrusted", "ca_unreachable", "clock_wrong"),
        turn=Turn.OPERATOR,
        common=True,
        repairs=lambda t: t.restart(),
    ),
    Fault(
        "The worker is killed; a record is added",
        breaks=lambda t: t.nameplate.kill("worker"),
        wants=want_record,
        says=condition("dns", "no_worker", "record_pending"),
        turn=Turn.OPERATOR,
        common=True,
        repairs=lambda t: t.nameplate.start("worker"),
    ),
)
