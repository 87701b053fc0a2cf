"""The deploy path: what the PloyD SDK offers, a resource as calls to it, and who executes them.

Only a `Compliant` resource is ever executed; a translation by itself is a preview.
"""
