"""A Trio-native client for the Groq API."""
