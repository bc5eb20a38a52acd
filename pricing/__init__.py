"""The domain: money, catalogue, votes, the ledger of one person's items. No input or output."""
