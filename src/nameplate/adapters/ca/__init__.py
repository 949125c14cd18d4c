"""Certificate authorities: any that speaks ACME (RFC 8555), and Nameplate's own for development."""
