"""Fetches the packages of inputs.tsv with the registries' own clients and
checks them: apt-get, npm, pip and cargo have to be set up.

    python fetch.py ARCHIVES
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys


def main():
    target = pathlib.Path(sys.argv[1])
    target.mkdir(exist_ok=True)
    wrong = []
    for line in (pathlib.Path(__file__).parent / "inputs.tsv").read_text().splitlines()[1:]:
        registry, name, version, file, digest = line.split("\t")
        path = target / file
        if not path.exists():
            fetch(registry, name, version, file, target)
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            wrong.append(file)
    if wrong:
        sys.exit("missing, or another file than was used: " + ", ".join(wrong))


def fetch(registry, name, version, file, target):
    if registry == "debian":
        run(target, "apt-get", "download", f"{name}={version}")
    elif registry == "npm":
        run(target, "npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}")
    elif registry == "pypi":
        run(target, sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", f"{name}=={version}")
    else:
        # `cargo fetch` in this repository brings most of them.
        home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
        for found in home.glob(f"registry/cache/*/{file}"):
            shutil.copy(found, target)


def run(target, *command):
    subprocess.run(command, cwd=target, check=False)


main()
