"""Messages to any messenger, by apprise."""
