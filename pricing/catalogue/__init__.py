"""The price list: rows, CSV and YAML readers, hot reload."""
