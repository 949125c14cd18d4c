"""Serial numbers of certificates, as they are kept and compared (RFC 5280 section 4.1.2.2)."""


def hex_serial(number: int) -> str:
    """Return a serial number as it is kept and compared: hexadecimal, lower case, whole octets."""
    return same_form(f"{number:x}")


def same_form(serial: str) -> str:
    """Return a hexadecimal serial number, however somebody else writes it, as `hex_serial` does."""
    digits = serial.replace(":", "").lower().lstrip("0") or "0"
    return digits.zfill(len(digits) + len(digits) % 2)
