"""To be written."""

MOSAICO_API = (1, 0)
