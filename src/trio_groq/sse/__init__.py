"""Bytes to server-sent events: the WHATWG algorithm, sans-IO."""
