"""F1, the wire vocabulary of a Mosaico platform: names, messages, schemas, without any I/O."""
