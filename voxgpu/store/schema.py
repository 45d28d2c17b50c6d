"""The tables of an index."""

from __future__ import annotations

import sqlite3

_TABLES = """
CREATE TABLE objects(
  id BLOB PRIMARY KEY, kind TEXT NOT NULL, primitive TEXT NOT NULL, size INTEGER NOT NULL,
  bytes INTEGER NOT NULL, seconds REAL NOT NULL, created REAL NOT NULL, used REAL NOT NULL,
  warnings TEXT NOT NULL, small TEXT) WITHOUT ROWID;
CREATE TABLE totals(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO totals VALUES('bytes', 0), ('objects', 0);
CREATE TRIGGER added AFTER INSERT ON objects BEGIN
  UPDATE totals SET value = value + new.size WHERE name = 'bytes';
  UPDATE totals SET value = value + 1 WHERE name = 'objects';
END;
CREATE TRIGGER removed AFTER DELETE ON objects BEGIN
  UPDATE totals SET value = value - old.size WHERE name = 'bytes';
  UPDATE totals SET value = value - 1 WHERE name = 'objects';
END;
CREATE TABLE files(
  path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL,
  inode INTEGER NOT NULL, digest TEXT NOT NULL, seen REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE headers(
  path TEXT PRIMARY KEY, state TEXT NOT NULL, header TEXT NOT NULL, seen REAL NOT NULL)
  WITHOUT ROWID;
CREATE TABLE saved(
  id BLOB NOT NULL, form TEXT NOT NULL, digest BLOB NOT NULL, warnings TEXT NOT NULL,
  seen REAL NOT NULL, PRIMARY KEY(id, form)) WITHOUT ROWID;
CREATE TABLE nodes(
  id BLOB PRIMARY KEY, primitive TEXT NOT NULL, meaning BLOB NOT NULL, parameters TEXT NOT NULL,
  inputs BLOB NOT NULL, seen REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX nodes_by_primitive ON nodes(primitive, seen);
CREATE TABLE goals(
  program TEXT NOT NULL, label TEXT NOT NULL, id BLOB NOT NULL, seen REAL NOT NULL,
  PRIMARY KEY(program, label)) WITHOUT ROWID;
"""


def definitions() -> set[str]:
    """The statements of the tables as SQLite stores them."""
    texts = (each.strip().rstrip(";") for each in statements())
    return {each for each in texts if each.startswith("CREATE")}


def statements() -> list[str]:
    """The statements that create the tables; `executescript` would end the transaction."""
    result, statement = [], ""
    for line in _TABLES.strip().splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            result.append(statement)
            statement = ""
    return result
