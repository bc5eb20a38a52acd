"""What belongs to whom: zones, body parts, tracks, marks and carried things."""
