"""What the lessons run: small experiments that give numbers and Traces, and the claims they have to meet."""
