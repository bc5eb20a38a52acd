"""What the day taught: counts of which none is about few people, and what follows from them."""
