"""The smallest zone a server accepts."""


def apex(zone: str, address: str = "127.0.0.1") -> str:
    """Return a zone file with SOA, one name server and its address."""
    return (
        f"$ORIGIN {zone}.\n$TTL 300\n"
        f"@ IN SOA ns1.{zone}. hostmaster.{zone}. 1 7200 3600 1209600 60\n"
        f"@ IN NS ns1.{zone}.\nns1 IN A {address}\n"
    )
