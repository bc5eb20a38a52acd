"""The store file: one small module a section."""
