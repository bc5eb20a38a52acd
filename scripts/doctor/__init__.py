"""`msh doctor`: checks of machine, cameras, broker, prices, messengers, vision service."""
