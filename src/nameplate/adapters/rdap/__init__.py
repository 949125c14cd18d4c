"""Registration data of domains by RDAP (RFC 9082, RFC 9083)."""
