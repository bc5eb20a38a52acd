"""Prices from services over the network: asked in the background, remembered on disk."""
