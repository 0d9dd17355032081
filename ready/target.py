"""The process that compiles for one target: numba was told which in the environment."""

import sys
import warnings
from pathlib import Path

from ready.networks import NETWORKS, PYRAMIDS, use
from ready.objects import collected, write_objects


def main(folder: str, name: str) -> None:
    """Write the objects of all networks for a target."""
    warnings.simplefilter("ignore")  # of NaN, in what no kernel has written
    wanted = collected(lambda: [*map(use, [*NETWORKS.values(), *PYRAMIDS.values()])])
    write_objects(wanted, Path(folder, name))
    print(f"{name}: {len(wanted)} entries", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
