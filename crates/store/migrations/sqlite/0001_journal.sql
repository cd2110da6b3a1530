-- The layout of release 0.1, which noted no version. It is the first step of a new file too, so that there is one way to the present.
CREATE TABLE IF NOT EXISTS job (
    key      TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    record   TEXT NOT NULL
) STRICT;
-- The first releases had the body in the record, and no table of bodies.
CREATE TABLE IF NOT EXISTS body (
    key  TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;
