"""`msh brands test`: the annotated picture with its explanations."""
