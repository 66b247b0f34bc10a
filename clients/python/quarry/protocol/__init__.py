"""The items of the protocols, one module each: peer, control, worker.

A class is an item, its fields are the item's in order, and their annotations are the types of the
documents. At the end of each module stand the directions, with the number of each kind.
"""
