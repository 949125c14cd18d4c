"""DNS messages on the wire: encoding, decoding, updates (RFC 2136), transfer (RFC 5936)."""
