"""F5, mappings that people write without Python: a TOML file to rules, mappers and ontology types."""

__all__ = ["SECTIONS"]

SECTIONS = ("map", "ontology")
"""Tables of a mapping file."""
