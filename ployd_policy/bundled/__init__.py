"""Policies, schemas and examples as package data.

Links into the checkout's `policies/`, `schemas/` and `fixtures/rules/`; a wheel holds copies: one path to them,
installed or not. No code lives here.
"""
