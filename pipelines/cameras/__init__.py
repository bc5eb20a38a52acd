"""Camera states, reconnecting, clocks, and the newest frame of each camera."""
