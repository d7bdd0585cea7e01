"""What travels as JSON: msgspec Structs and TypedDicts, no behaviour."""
