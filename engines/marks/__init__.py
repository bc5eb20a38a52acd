"""Marks of brands that are no words: found on a picture and compared with a gallery of enrolled pictures."""
