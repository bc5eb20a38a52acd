"""`msh brands test` and `learn`: a picture with its explanations, and marks that a gallery lacks."""
