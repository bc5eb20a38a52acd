"""`msh models`: build, export, and the models that a shop adds."""
