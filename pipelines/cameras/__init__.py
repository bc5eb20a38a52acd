"""Cameras on every platform: states, reconnecting, logins, ONVIF, clocks, the newest frame of each."""
