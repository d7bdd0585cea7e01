"""Groq's dialect of HTTP, sans-IO: functions of status, headers, body and numbers."""
