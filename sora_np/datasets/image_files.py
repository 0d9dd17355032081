"""Find the images in a folder: which files are read, skipped or ignored."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.common.markup import Listing
from sora_np.common.warn import warn

from .idx import DataFileError
from .image import SUFFIXES, read_images

# names that systems and tools add, besides those that begin with a dot
NOT_OURS = ("__MACOSX", "__pycache__", "@eaDir", "$RECYCLE.BIN", "lost+found")
# images that are not read here: passed over, with a warning
OTHER_IMAGES = (
    *(".avif", ".cr2", ".dcm", ".dng", ".eps", ".exr", ".hdr", ".heic", ".heif"),
    *(".ico", ".j2k", ".jp2", ".jxl", ".nef", ".pbm", ".pcx", ".pgm", ".pnm", ".ppm"),
    *(".ps", ".psd", ".raw", ".svg", ".tga"),
)
NO_SUFFIX = "files without suffix"


class ImageReport(NamedTuple):
    """The images and other files in a folder; ``print`` shows a list.

    Attributes
    ----------
    images : how many images can be read
    skipped : file -> why it cannot be read
    converted : conversion -> how many images needed it
    other_files : how many files are not images by their names
    empty_classes : folders without a readable image
    passed_over : suffixes of other files, and other ignored entries -> how many
    """

    images: int
    skipped: dict[str, str]
    converted: dict[str, int]
    other_files: int
    empty_classes: list[str]
    passed_over: dict[str, int]

    def __str__(self) -> str:
        lines = [f"{self.images} images, {self.other_files} other files"]
        lines += [f"skipped {file}: {why}" for file, why in self.skipped.items()]
        lines += [f"{what}: {count}" for what, count in self.converted.items()]
        lines += [f"no images of {name!r}" for name in self.empty_classes]
        lines += [f"passed over {n} {what}" for what, n in self.passed_over.items()]
        return "\n  ".join(lines)

    def _repr_html_(self) -> str:
        return Listing(self)._repr_html_()


def class_folders(root: Path, wanted: Sequence[str] | None) -> dict[str, str]:
    """Return class name -> folder.

    Unicode can write some names in two ways, for example with an accented e.  The name
    of the class is always the composed form.
    """
    names = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    names = [name for name in names if not _is_hidden(name)]
    found = {unicodedata.normalize("NFC", name): name for name in names}
    if len(found) < len(names):
        raise ValueError(f"{root} has two folders of one name in different Unicode")
    if wanted is not None:
        missing = [name for name in wanted if name not in found]
        if missing:
            raise ValueError(f"{root} has no folder {missing[0]!r}, but {[*found]}")
        return {name: found[name] for name in wanted}
    if not found:
        raise ValueError(
            f"{root} has no folders: expected a folder for every class, or "
            "label_mode=None"
        )
    return dict(sorted(found.items()))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in NOT_OURS


def image_files(
    folder: Path, passed_over: Counter[str], deep: bool = True
) -> Iterator[Path]:
    """Yield the files that may be images, by name, and count ignored files."""

    def unreadable(error: OSError) -> None:
        passed_over["folders that cannot be read"] += 1

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        links = {name for name in folders if os.path.islink(Path(parent, name))}
        hidden = {name for name in folders if _is_hidden(name)}
        if deep:
            passed_over["hidden folders"] += len(hidden)
            passed_over["links to folders"] += len(links - hidden)
        folders[:] = sorted({*folders} - links - hidden) if deep else []
        for name in sorted(names):
            suffix = Path(name).suffix.lower()
            if _is_hidden(name):
                passed_over["hidden files"] += 1
            elif suffix in SUFFIXES:
                yield Path(parent, name)
            else:
                passed_over[f"{suffix} files" if suffix else NO_SUFFIX] += 1


def scan(
    root: Path, folders: dict[str, str], color_mode: str, size: tuple[int, int]
) -> tuple[list[Path], NDArray[np.int64], ImageReport]:
    """Return the images that can be read, their labels, and a report."""
    paths: list[Path] = []
    labels: list[int] = []
    skipped: dict[str, str] = {}
    converted: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    found = [
        (path, label)
        for label, folder in enumerate(folders.values() or [""])
        for path in image_files(root / folder, passed)
    ]
    read = read_images([path for path, _ in found], color_mode, size)
    for (path, label), image in zip(found, read, strict=True):
        name = os.path.relpath(path, root)
        if isinstance(image, DataFileError):
            skipped[name] = image.reason
        elif isinstance(image, OSError):  # a link to nothing, what may not be read
            skipped[name] = f"it cannot be opened: {image.strerror or image}"
        else:
            converted.update(image[1])
            paths.append(path)
            labels.append(label)
    if folders:
        entries = (entry for entry in os.scandir(root) if entry.is_dir())
        passed["hidden folders"] += sum(_is_hidden(entry.name) for entry in entries)
        beside = [*image_files(root, Counter(), deep=False)]
        passed["images beside the class folders"] += len(beside)
    other = sum(n for w, n in passed.items() if w.startswith(".") or w == NO_SUFFIX)
    seen = set(labels)
    empty = [name for label, name in enumerate(folders) if label not in seen]
    passed_over = {what: n for what, n in sorted(passed.items()) if n}
    report = ImageReport(
        *(len(paths), skipped, dict(converted), other, empty, passed_over)
    )
    if not paths:
        raise ValueError(f"{root} holds no image that can be read: {report}")
    return paths, np.array(labels), report


def folders_within(root: Path, paths: Sequence[Path]) -> list[str]:
    """Return two or more folders that every class has, if all images are in them.

    This is so if the classes are one level further down: train/cat, test/cat.
    """
    within: dict[str, set[str]] = {}
    for path in paths:
        folder, *inner, _ = path.relative_to(root).parts
        within.setdefault(folder, set()).add(inner[0] if inner else "")
    first, *others = within.values()
    alike = all(other == first for other in others) and "" not in first
    return sorted(first) if alike and len(first) > 1 else []


def warn_of(
    root: Path, report: ImageReport, names: list[str], inner: list[str], keeps: bool
) -> None:
    """Warn of images that are not used, and of folders that are hardly classes."""
    faults = [f"{len(report.skipped)} images were skipped"] * bool(report.skipped)
    images = {f"{suffix} files" for suffix in OTHER_IMAGES}
    images |= {"folders that cannot be read", "images beside the class folders"}
    left = [f"{n} {w}" for w, n in report.passed_over.items() if w in images]
    faults += [f"passed over: {', '.join(left)}"] * bool(left)
    if report.empty_classes:
        fault = f"no images of {', '.join(report.empty_classes)}"
        if not keeps:
            fault += (
                ", which therefore is no class and has no label (class_names=[...] "
                "would keep its place)"
            )
        faults.append(fault)
    faults += ["there is one class alone"] * (len(names) == 1)
    if inner:
        faults.append(
            f"the classes are {', '.join(names)}, each of which holds the folders "
            f"{', '.join(inner[:5])}: if these are the classes, give one of the former"
        )
    if faults:
        warn(f"{root}: {'; '.join(faults)}; the report of what is returned says more")
