"""minimm: how a large language model becomes a multimodal one, from scratch and for real.

Importing this package imports neither torch nor matplotlib; each room is loaded when it is first used.
"""

from minimm.errors import MinimmError

__all__ = ["MinimmError", "__version__"]
__version__ = "0.1.0"
