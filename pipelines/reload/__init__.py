"""A store file that is changed while the store runs: what differs, what is done about it, what is said."""
