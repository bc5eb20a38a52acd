"""The price list: rows, readers of CSV, YAML and workbooks, hot reload."""
