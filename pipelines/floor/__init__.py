"""The shop floor: who is there, what they carry, who is served; replay of a recorded day."""
