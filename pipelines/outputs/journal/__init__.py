"""The journal of metadata (`outputs.metadata`): format and writer."""
