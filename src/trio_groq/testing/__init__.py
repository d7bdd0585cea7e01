"""A scripted Groq on a loopback socket, for tests."""
