"""Scan: what is already in the accounts, cell by cell, and what it is good for."""
