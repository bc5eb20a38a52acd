"""Live video and events for the page."""
