"""How fast trio-groq is, beside its peers. `python -m benchmarks` answers every question."""
