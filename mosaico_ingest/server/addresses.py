"""
Where a store is, as people name it: a folder, or `s3://BUCKET/PREFIX?endpoint_override=...&region=...`.

An address may hold credentials, `s3://KEY:SECRET@BUCKET`; they are never shown, nor given to a child process
among its arguments.

Must not know: what a store is. Next: `store`.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

__all__ = ["credentials_in", "is_bucket", "normal_place", "without_credentials"]


def is_bucket(place: str | Path) -> bool:
    """Tell whether *place* is the address of a bucket."""
    return isinstance(place, str) and place.lower().startswith("s3:")


def normal_place(place: str | Path) -> str | Path:
    """Return *place* as it is wherever it is used: an absolute folder, or an address."""
    if isinstance(place, str) and is_bucket(place):
        return place
    return Path(place).absolute()


def without_credentials(place: str | Path) -> str:
    """Return *place* as it may be shown."""
    if not (isinstance(place, str) and is_bucket(place)):
        return str(place)
    parts = urlsplit(place)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def credentials_in(place: str | Path) -> dict[str, str]:
    """Return the credentials in an address as the environment has them; none if it holds none."""
    if not (isinstance(place, str) and is_bucket(place)):
        return {}
    key, _, secret = urlsplit(place).netloc.rpartition("@")[0].partition(":")
    if not key:
        return {}
    return {"AWS_ACCESS_KEY_ID": unquote(key), "AWS_SECRET_ACCESS_KEY": unquote(secret)}
