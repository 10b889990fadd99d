"""How bodies of each form are read: JSON, MessagePack, forms, text. `_decode.py` says which of them a body has."""
