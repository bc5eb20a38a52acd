"""Keeps what a day taught: from floor and sales desk to a file of counts, and to reports."""
