"""Verifications: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Verifications",
    "Results of one check of a proof of control. Nameplate checks again automatically until "
    "the verification ends.",
    {
        "verification_not_found": Entry(
            Turn.YOU,
            "There is no such verification.",
            "List the domain's verifications and use an id from there.",
            (404,),
        ),
        "verification_over": Entry(
            Turn.YOU,
            "This verification has ended and is no longer checked.",
            "Add a new verification and publish its new value.",
            (409,),
        ),
        "checks_spent": Entry(
            Turn.YOU,
            "A person asked for too many checks of this domain.",
            "Wait for the time in `Retry-After`, or for the next check that Nameplate makes by "
            "itself. Five checks in ten minutes can be asked for.",
            (429,),
        ),
        "method_unknown": Entry(
            Turn.YOU,
            "The verification method is unknown.",
            "Use `dns_txt` or `file_upload`.",
            (422, 502),
        ),
        "method_not_available": Entry(
            Turn.YOU,
            "This verification method is not available yet.",
            "Use `dns_txt` or `file_upload`.",
            (422,),
        ),
        "wildcard_needs_dns": Entry(
            Turn.YOU,
            "A wildcard can only be proved by DNS.",
            "Use `dns_txt` for a domain and `dns-01` for a certificate.",
            (422, 502),
        ),
        "txt_absent": Entry(
            Turn.YOU,
            "There is no TXT record at the expected name yet.",
            "Publish the TXT record exactly as the instructions show it, then wait or check again.",
        ),
        "txt_mismatch": Entry(
            Turn.YOU,
            "There is a TXT record at the expected name, but with another value.",
            "Compare the value character by character: no quotes, no spaces, nothing missing.",
        ),
        "txt_at_doubled_name": Entry(
            Turn.YOU,
            "The record was created at a name that ends with the zone twice.",
            "Enter only the host part of the name. The DNS provider appends the zone "
            "automatically.",
        ),
        "txt_at_wrong_name": Entry(
            Turn.YOU,
            "The value was found at another name.",
            "Move the record to the name that the instructions show.",
        ),
        "servers_disagree": Entry(
            Turn.PROVIDER,
            "Some of the zone's name servers publish the record and others do not.",
            "Wait until the DNS provider has updated every server. If it persists, ask the "
            "provider.",
        ),
        "servers_unreachable": Entry(
            Turn.PROVIDER,
            "Too few of the zone's name servers answered.",
            "Check that the name is registered and that its name servers work.",
        ),
        "answered_by_platform": Entry(
            Turn.YOU,
            "The name points to this platform, whose own answer proves nothing.",
            "Prove the domain with `dns_txt` instead.",
        ),
        "file_not_found": Entry(
            Turn.YOU,
            "The web server has no file at the expected path.",
            "Serve the file at the path that the instructions show, over http or https.",
        ),
        "file_status": Entry(
            Turn.YOU,
            "The web server did not answer with status 200.",
            "Serve the file at the path with status 200, without login or blocking.",
        ),
        "file_mismatch": Entry(
            Turn.YOU,
            "The content at the path is not the expected text.",
            "Serve only the expected text, as plain text and not as a page.",
        ),
        "file_no_address": Entry(
            Turn.YOU,
            "The name has no A or AAAA record, so its web server cannot be reached.",
            "Publish an address for the name, or use `dns_txt`.",
        ),
        "file_address_refused": Entry(
            Turn.YOU,
            "The name has an address that is not on the public Internet.",
            "Remove private addresses from the name's A and AAAA records, or use `dns_txt`.",
        ),
        "file_unreachable": Entry(
            Turn.YOU,
            "The web server cannot be reached.",
            "Open port 80 or 443 to the Internet, correct the A and AAAA records, and check again.",
        ),
        "file_timeout": Entry(
            Turn.YOU,
            "The web server took too long.",
            "Make sure that the path answers within seconds, then check again.",
        ),
        "file_tls_failed": Entry(
            Turn.YOU,
            "The TLS handshake with the web server failed.",
            "Serve the file over http, or correct the server's TLS.",
        ),
        "file_malformed": Entry(
            Turn.YOU,
            "The server at the address does not speak HTTP.",
            "Check which program listens on the port, and serve the file over HTTP.",
        ),
        "file_encoded": Entry(
            Turn.YOU,
            "The file was sent compressed, which was not requested.",
            "Serve the file without `Content-Encoding`.",
        ),
        "file_redirect_refused": Entry(
            Turn.YOU,
            "The web server redirects to another site, port or scheme.",
            "Serve the file at its path without a redirect.",
        ),
        "file_too_many_redirects": Entry(
            Turn.YOU,
            "The web server redirects in a loop or too often.",
            "Serve the file at its path without a redirect.",
        ),
    },
)
