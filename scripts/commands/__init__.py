"""One module for each command of msh."""
