"""`msh doctor`: findings about machine, cameras, broker, prices, vision service."""
