"""The process that compiles for one target, which its environment tells numba."""

import sys
import warnings
from pathlib import Path

from sora_np.ready.networks import NETWORKS, PYRAMIDS
from sora_np.ready.objects import collected, write_objects
from sora_np.ready.use import use


def main(folder: Path) -> None:
    """Write the objects of all networks."""
    warnings.simplefilter("ignore")  # arrays that no kernel wrote may hold NaN
    wanted = collected(lambda: [*map(use, [*NETWORKS.values(), *PYRAMIDS.values()])])
    write_objects(wanted, folder)
    print(f"{folder.name}: {len(wanted)} entries", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
