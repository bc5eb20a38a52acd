"""Looks: which crops are read when, by which recogniser."""
