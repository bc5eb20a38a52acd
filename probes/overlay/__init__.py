"""Drawing boxes, labels and totals on redacted frames."""
