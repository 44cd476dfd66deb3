"""Migrations of the registry, run by Alembic; registry/schema.py says when."""
