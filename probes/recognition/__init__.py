"""Looks: which crops are read, when, and by which recogniser."""
