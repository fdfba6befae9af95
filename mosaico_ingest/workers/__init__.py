"""F1, threads without Mosaico knowledge: an executor pool, lanes, a byte budget."""
