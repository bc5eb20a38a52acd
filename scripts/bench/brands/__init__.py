"""`msh bench brands`: how well marks are recognised."""
