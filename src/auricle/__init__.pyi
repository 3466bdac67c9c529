from auricle.client import AsyncClient as AsyncClient
from auricle.client import Client as Client

__version__: str
__all__ = ["AsyncClient", "Client", "__version__"]
