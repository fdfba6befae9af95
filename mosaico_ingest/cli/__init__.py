"""F7, the command line: every command is a call of `mosaico_ingest.run` or the client."""
