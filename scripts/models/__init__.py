"""`msh models`: build and export."""
