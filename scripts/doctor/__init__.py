"""`msh doctor`: checks of machine, cameras, broker, prices, vision service."""
