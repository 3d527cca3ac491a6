"""Bringing files to the disk on Windows; the promises are in durable.py."""

import os


def sync_file(fd: int) -> None:
    """Bring the bytes to the disk."""
    os.fsync(fd)


def sync_folder(path: str) -> None:
    """Do nothing: Windows journals names itself, and Python cannot open a folder there."""
