"""F3, the embedded server: Arrow Flight, Parquet chunks, a catalog."""
