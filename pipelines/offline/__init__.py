"""Annotating files: pictures, videos, folders."""
