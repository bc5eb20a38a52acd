"""What a person wears, seen: regions of a crop by class of garment, and the items made of them."""
