"""The page and its small server."""
