"""Who may use the page: sign-in, tokens, origins, rates."""
