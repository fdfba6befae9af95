"""
The three layers of a client as one value: control, data, processing.

Must not know: what they are used for. Next: `topic`.
"""

import contextlib

import attrs

from mosaico_ingest.client.address import Address
from mosaico_ingest.client.connections import ConnectionPool, default_connections
from mosaico_ingest.client.control import Control
from mosaico_ingest.workers.budget import ByteBudget
from mosaico_ingest.workers.executors import ExecutorPool

__all__ = ["Layers"]

_BUDGET_BYTES = 64 * 1024 * 1024


@attrs.frozen(kw_only=True, eq=False)
class Layers:
    """
    What a client works with.

    Args:
        control: The connection for metadata.
        connections: The connections for data.
        encoders: The threads that prepare pushed rows.
        budget: The bytes that pushes may have in flight.
    """

    control: Control
    connections: ConnectionPool
    encoders: ExecutorPool
    budget: ByteBudget

    @classmethod
    def of(cls, address: Address, *, connections: int = 0, encoders: int = 0) -> "Layers":
        """
        Set the layers up; nothing is connected and no thread is started yet.

        Args:
            connections: How many there are for data, 0 to choose.
            encoders: How many threads prepare rows, 0 to choose.
        """
        size = connections or default_connections()
        return cls(
            connections=ConnectionPool(address, size),
            control=Control(address),
            encoders=ExecutorPool(encoders or default_connections(), "mi-encode"),
            budget=ByteBudget(_BUDGET_BYTES),
        )

    def close(self) -> None:
        """Release every layer, also when one fails to; may be called twice."""
        with contextlib.ExitStack() as steps:
            steps.callback(self.control.close)
            steps.callback(self.connections.close)
            steps.callback(self.encoders.close, cancel=True)
            steps.callback(self.budget.close)
