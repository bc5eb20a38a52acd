"""Events and status messages made from the floor."""
