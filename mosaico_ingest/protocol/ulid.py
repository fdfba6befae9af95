"""
ULIDs, the sortable ids in session locators: 48 bits of milliseconds, 80 bits of chance, Crockford's base 32.

Must not know: clocks. Next: `messages`.
"""

__all__ = ["make_ulid"]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def make_ulid(time_ns: int, randomness: bytes) -> str:
    r"""
    Return the 26 characters for an instant and ten random bytes.

    Example:
        >>> make_ulid(0, bytes(10)), make_ulid(1_735_689_600_000_000_000, b"\xff" * 10)
        ('00000000000000000000000000', '01JGFJJZ00ZZZZZZZZZZZZZZZZ')
    """
    if len(randomness) != 10:
        msg = f"A ULID needs 10 random bytes, got {len(randomness)}."
        raise ValueError(msg)
    number = (time_ns // 1_000_000 << 80) | int.from_bytes(randomness)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
