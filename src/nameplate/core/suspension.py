"""What visitors of suspended hosts are told, where the operator wants them to be told anything."""

STATUSES = (403, 410)
"""RFC 9110 sections 15.5.4 and 15.5.11."""
