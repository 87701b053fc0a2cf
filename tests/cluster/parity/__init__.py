"""Helpers of the parity tests: objects, questions to the API server, the comparison."""
