"""One person's items: votes, evidence, totals, ranking."""
