"""F5, what a run leaves for people and machines: summaries and notices."""
