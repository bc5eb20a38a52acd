"""The gallery: folders of brands, with what is written of each and pictures of its mark."""
