"""
One file, read at positions into fresh memory: no mapping, so the resident set stays flat.

Must not know: what is in it. Next: `walking`.
"""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mosaico_ingest.errors import SourceError

__all__ = ["File"]

Bytes = npt.NDArray[np.uint8]


class File:
    """
    An open file.

    Args:
        max_record_bytes: Records that are larger, unpacked, are told as damage and not loaded.

    Thread: any, several at once.
    """

    def __init__(self, path: Path, max_record_bytes: int) -> None:
        self.path = path
        self.max_record_bytes = max_record_bytes
        try:
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError as err:
            msg = (
                f"Cannot open {str(path)!r}: {err.strerror}. Check that it exists and is readable."
            )
            raise SourceError(msg, path=path) from err
        self.size = os.fstat(self._descriptor).st_size

    def read(self, position: int, nbytes: int) -> Bytes:
        """
        Return *nbytes* from *position*, fewer where the file ends.

        Raises:
            SourceError: The disk failed, the file became shorter, or it is closed.
        """
        wanted = max(0, min(nbytes, self.size - position))
        data = np.empty(wanted, np.uint8)
        done = 0
        try:
            while done < wanted:
                got = os.preadv(self._descriptor, [data.data[done:]], position + done)
                if not got:
                    break
                done += got
        except OSError as err:
            reason = err.strerror if self._descriptor >= 0 else "it is closed"
            msg = f"Cannot read {str(self.path)!r} at byte {position}: {reason}. Check the disk."
            raise SourceError(msg, path=self.path, offset=position) from err
        if done < wanted:
            msg = f"{str(self.path)!r} became shorter while it was read. Wait until nothing writes to it."
            raise SourceError(msg, path=self.path, offset=position + done)
        return data

    def close(self) -> None:
        """Close it; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
