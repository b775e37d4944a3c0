"""Maps the rooms at the top of the repository to the packages ``gptfx.<room>``.

Everything that is not about this mapping stands in ``pyproject.toml``. The root package lives in
``pipeline/root`` because a regular root (a folder with an ``__init__.py``) wins over a working
directory that happens to be called ``gptfx``; a namespace root would lose to it.
"""

from setuptools import find_packages, setup

ROOMS = ("data", "modules", "components", "pipeline", "kubeflow")

packages, folders = ["gptfx"], {"gptfx": "pipeline/root"}
for room in ROOMS:
    folders[f"gptfx.{room}"] = room
    inside = find_packages(room, exclude=["root", "root.*"])
    packages += [f"gptfx.{room}", *(f"gptfx.{room}.{package}" for package in inside)]

setup(packages=packages, package_dir=folders)
