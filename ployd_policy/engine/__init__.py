"""The engine: one question (`AdmissionRequest`), one answer (`Decision`). Pure; the doors bring and take the text."""

from ployd_policy.engine.decide import Door, Engine
from ployd_policy.engine.inventory import Inventory, InventoryObject, inventory_object
from ployd_policy.engine.receipt import essence
from ployd_policy.engine.selection import Selection
from ployd_policy.engine.surrounded import SurroundedEngine, labels_of

__all__ = [
    "Door",
    "Engine",
    "Inventory",
    "InventoryObject",
    "Selection",
    "SurroundedEngine",
    "essence",
    "inventory_object",
    "labels_of",
]
