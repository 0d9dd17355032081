"""Damage model files in thousands of ways, and load each: python fuzz.py 2000 [SEED].

Each must end in ModelFileError, or in the model that was saved; a file whose numbers
and checksums are whole, but whose configuration was changed, may be another model.
All of it within 5 seconds of CPU time a file and 1 GiB over what the process had, with
nothing imported, executed, or opened for writing.  Prints a JSON of the outcomes.
"""

import contextlib
import json
import os
import resource
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from sora_np.layers import BatchNormalization, Dense, Dropout, Normalization
from sora_np.models import Sequential, load_model
from sora_np.saving import ModelFileError, archive

FORBIDDEN = {
    *("exec", "compile", "import", "os.system", "os.exec", "os.fork", "os.remove"),
    *("os.posix_spawn", "subprocess.Popen", "pickle.find_class", "ctypes.dlopen"),
    *("socket.connect", "os.rename", "os.mkdir", "os.link", "os.symlink"),
}
HOSTILE = [
    *(10**9, 2**62, 10**30, 0, -1, 1e308, float("nan"), None, True, "", [], {}),
    *("os.system", "../x", "x" * 10**6, [1] * 10**5, [10**9] * 9, "\0", "__import__"),
    *({"class_name": "system", "module": "os", "config": {"command": "true"}}, "sum"),
    {"class_name": "Dense", "config": {"units": 10**9}},
]


def model():
    """A small model with a state of every kind."""
    scale = Normalization(mean=[1, 2, 3], variance=[1, 4, 9], input_shape=(3,))
    layers = [scale, Dense(4, "relu"), BatchNormalization(), Dropout(0.5), Dense(2)]
    made = Sequential(layers, seed=1)
    made.compile("adam", "mse", metrics=["mae"])
    made.optimizer.build(made.flat.values)
    made.optimizer.slots["m"][...] = np.arange(made.flat.values.size)
    made.optimizer.batches = 3
    return made


def content(loaded):
    """All that a model is, comparable."""
    arrays = {f"{n}": a for n, a in enumerate(loaded.get_weights())}
    if loaded.optimizer is not None:
        arrays |= loaded.optimizer.slots
    numbers = {name: (a.shape, a.tobytes()) for name, a in arrays.items()}
    return json.dumps(loaded.get_config()), numbers


def damaged(whole, rng):
    """Return bytes that are not quite those of the file."""
    a, b = sorted(rng.integers(0, len(whole), 2))
    piece = whole[a : a + int(rng.integers(1, 40))]
    ways = {
        "truncated": lambda: whole[:b],
        "flipped": lambda: whole[:b] + bytes([whole[b] ^ rng.integers(1, 256)]) + tail,
        "zeros": lambda: whole[:a] + bytes(len(piece)) + whole[a + len(piece) :],
        "noise": lambda: whole[:a] + rng.bytes(len(piece)) + whole[a + len(piece) :],
        "left-out": lambda: whole[:a] + whole[b:],
        "doubled": lambda: whole[:b] + piece + whole[b:],
        "other-end": lambda: whole[:a] + rng.bytes(len(whole) - a),
        "numbers": lambda: whole[:a] + odd_number(rng) + whole[a + 4 :],
    }
    tail = whole[b + 1 :]
    way = str(rng.choice(list(ways)))
    return way, ways[way]()


def odd_number(rng):
    return struct.pack("<I", int(rng.choice([0, 2**31, 2**32 - 1, 2**32 - 2])))


def reconfigured(whole, path, rng):
    """Return a file with right checksums, whose JSON or arrays differ in one place."""
    path.write_bytes(whole)
    config, arrays = archive.read(path)
    places = [config]
    for place in places:
        inner = place.values() if isinstance(place, dict) else place
        places.extend(value for value in inner if isinstance(value, (dict, list)))
    place = places[rng.integers(len(places))]
    keys = list(place if isinstance(place, dict) else range(len(place)))
    if not keys:
        place = config
        keys = list(config)
    key = keys[rng.integers(len(keys))]
    draw = rng.random()
    if draw < 0.15:
        name = str(rng.choice(list(arrays)))
        odd = [
            np.zeros(3),
            np.zeros((), "i8"),
            np.zeros((2, 0), "f2"),
            arrays[name] > 0,
        ]
        arrays[name] = odd[rng.integers(len(odd))]
    elif draw < 0.3:
        del arrays[str(rng.choice(list(arrays)))]
    elif draw < 0.5:
        del place[key]
    else:
        place[key] = HOSTILE[rng.integers(len(HOSTILE))]
    archive.write(path, config, arrays)
    return "reconfigured", path.read_bytes()


def bomb(whole, path, rng):
    """Return an archive of right checksums that asks for more than there is."""
    shape = rng.choice(["(50000000000,)", "(4611686018427387904,)", "(-3,)", "(0, 9)"])
    kind = rng.choice(["<f4", "|O", "<U9", ">f8", "<f16", "|V8"])
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.encode().ljust(117) + b"\n"
    header = b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text
    zeros = int(rng.choice([0, 12, 10**6, 10**8], p=[0.4, 0.4, 0.19, 0.01]))
    deep = b"[" * int(rng.choice([10, 10**5])) + b"{" * 10**5
    path.write_bytes(whole)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = str(rng.choice(list(members)))
    members[name] = header + (deep if rng.random() < 0.2 else bytes(zeros))
    method = zipfile.ZIP_DEFLATED if rng.random() < 0.4 else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as file:
        for member, value in members.items():
            file.writestr(member, value)
    return "bomb", path.read_bytes()


def damaged_files(whole, count, other, rng):
    """Return so many (way, content), a quarter truncated, at every k-th byte."""
    step = max(1, len(whole) // (count // 4))
    files = [("truncated", whole[:k]) for k in range(0, len(whole), step)]
    files = files[: count // 4]
    while len(files) < count:
        draw = rng.random()
        if draw < 0.6:
            files.append(damaged(whole, rng))
        else:
            make = reconfigured if draw < 0.85 else bomb
            files.append(make(whole, other, rng))
    return files


class Watch:
    """Notes what must not happen while ``armed``."""

    def __init__(self):
        self.armed, self.seen = False, []
        sys.addaudithook(self)

    def __call__(self, event, args):
        if not self.armed:
            return
        mode = args[1] if event == "open" else None
        writes = isinstance(mode, str) and set(mode) & {*"wax+"}
        if event in FORBIDDEN or writes:
            self.seen.append(f"{event} {str(args)[:200]}")


def limit_memory(more):
    """Let this process have so many bytes more than it has."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (now + more, now + more))


def outcome(way, path, expected, watch):
    """Load a file; return what came of it, and what is wrong with that, if anything."""
    wrong = ""
    start, watch.armed = time.process_time(), True
    try:
        loaded = load_model(path)
    except ModelFileError as error:
        watch.armed, result = False, "refused"
        if str(path) not in str(error):
            wrong = f"no file named in {error}"
        if len(str(error)) > 2200 + len(str(path)):
            wrong = f"a message of {len(str(error))} characters"
    except BaseException:
        watch.armed, result, wrong = False, "raised", traceback.format_exc()
    else:
        watch.armed = False
        result = "equal" if content(loaded) == expected else "another"
        if result == "another" and way != "reconfigured":
            wrong = "another model"
    seconds = time.process_time() - start
    if seconds > 5:
        wrong += f" took {seconds:.1f} s"
    return result, seconds, wrong + " ".join(watch.seen)


def run(count, seed):
    """Load so many damaged files; return what came of them."""
    rng, made = np.random.default_rng(seed), model()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.npz")
        made.save(path)
        whole, expected = path.read_bytes(), content(made)
        files = damaged_files(whole, count, path, rng)
        some = [data for _, data in files[:: max(1, count // 40)]]
        for data in [whole, *some]:  # now all that is imported late has been
            path.write_bytes(data)
            with contextlib.suppress(ModelFileError):
                load_model(path)
        watch, outcomes, slowest, wrong = Watch(), Counter(), 0.0, []
        limit_memory(2**30)
        for way, data in files:
            path.write_bytes(data)
            result, seconds, fault = outcome(way, path, expected, watch)
            outcomes[f"{way}: {result}"] += 1
            slowest = max(slowest, seconds)
            if fault:
                wrong.append(f"{way}: {fault}")
                watch.seen.clear()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told = {"outcomes": dict(sorted(outcomes.items())), "wrong": wrong[:20]}
    return told | {"slowest": round(slowest, 3), "peak_mib": peak}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(run(int(sys.argv[1]), int((*sys.argv, 0)[2])), indent=1))
