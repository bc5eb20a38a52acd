"""From knowing to selling: who is offered to whom, the life of an offer, and a simulation of both."""
