"""Tools for the product's makers."""
