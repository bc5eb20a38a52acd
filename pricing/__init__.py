"""The domain: money, catalogue, votes, one person's ledger. Only price lists and `live` do I/O."""
