"""One file per API resource: signatures and documentation."""
