"""
F2, what travels between the floors: frozen, slotted, picklable values without I/O.

Next: `source`, `recording`, `batch`, `ontology`, `plan`, then `mosaico_ingest.pipeline`.
"""
