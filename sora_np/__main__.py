"""``python -m sora_np`` is the command ``sora-np``, see ``command/``."""

import sys

from sora_np.command.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
