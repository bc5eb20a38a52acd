"""A pipeline as a graph, and its text forms: launch line, dot, JSON."""
