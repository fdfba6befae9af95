"""F5, mappings that people write without Python: expressions over columns, and the file they stand in."""
