"""Backups: the whole database as one file, made while all runs on, and put back."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import make_url, text

from store.database import MIGRATIONS, Database


class BackupError(Exception):
    """Why nothing was backed up or restored, with the way out."""
