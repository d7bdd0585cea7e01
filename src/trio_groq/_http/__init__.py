"""An HTTP/1.1 client engine over trio sockets. Nothing of Groq, nothing of JSON."""
