"""Sends salespeople to customers: the desk's thread, its file, its messages and commands."""
