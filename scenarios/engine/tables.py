"""The tables of the journal."""

FORMAT = 1
"""Changes when the tables do."""

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batches (
    unit TEXT NOT NULL, batch INTEGER NOT NULL, scheme TEXT NOT NULL, point TEXT NOT NULL,
    snr_db REAL NOT NULL, items INTEGER NOT NULL, errors INTEGER NOT NULL, seconds REAL NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (unit, batch)
);
CREATE TABLE IF NOT EXISTS sessions (started TEXT NOT NULL, record TEXT NOT NULL);
"""
INSERT = "INSERT OR IGNORE INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
