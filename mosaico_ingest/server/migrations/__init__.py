"""The history of the catalog's tables, run by Alembic."""
