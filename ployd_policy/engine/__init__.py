"""The engine: one question (`AdmissionRequest`), one answer (`Decision`). Pure; the doors bring and take the text."""

from ployd_policy.engine.decide import Door, Engine, Selection
from ployd_policy.engine.inventory import Inventory, InventoryObject

__all__ = ["Door", "Engine", "Inventory", "InventoryObject", "Selection"]
