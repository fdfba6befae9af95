"""F3, the client's three layers: control, data and processing."""
