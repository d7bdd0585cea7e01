"""Where settings come from: the environment, files and arguments, joined with their origins."""
