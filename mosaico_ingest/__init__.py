"""mosaico-ingest: plugin-based ingestion of robot recordings into a Mosaico data platform."""

__version__ = "0.1.0"
