"""F1, expressions over columns: a small language, compiled to Arrow."""
