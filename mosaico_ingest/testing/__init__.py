"""F6, the test kit for plugin authors: contracts and fixtures."""
