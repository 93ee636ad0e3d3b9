-- Version 1. A moment is four columns: the time of day and AWS's time in microseconds since 1970
-- (UTC), which start of the machine, and the microseconds since then. `seal` is a digest over the
-- other columns of its row: a byte that the disk changed is found.

CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    installation TEXT NOT NULL,
    account TEXT NOT NULL,
    salt TEXT NOT NULL,
    began_wall INTEGER NOT NULL, began_aws INTEGER, began_boot TEXT, began_uptime INTEGER,
    seal TEXT NOT NULL
) STRICT;

CREATE TABLE losses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_wall INTEGER NOT NULL, at_aws INTEGER, at_boot TEXT, at_uptime INTEGER,
    region TEXT NOT NULL,
    pack TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    approval TEXT,
    revision TEXT,
    seal TEXT NOT NULL
) STRICT;

CREATE TABLE held (
    id INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    pack TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    since_wall INTEGER NOT NULL, since_aws INTEGER, since_boot TEXT, since_uptime INTEGER,
    basis TEXT NOT NULL,
    seal TEXT NOT NULL,
    UNIQUE (region, pack, kind, name)
) STRICT;

-- An approval permits a loss once. A use goes with its loss when that is retracted, and outlives
-- it when that is pruned.
CREATE TABLE approvals_used (
    id INTEGER PRIMARY KEY,
    approval TEXT NOT NULL,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    pack TEXT NOT NULL,
    kind TEXT NOT NULL,
    loss_name TEXT NOT NULL,
    at_wall INTEGER NOT NULL, at_aws INTEGER, at_boot TEXT, at_uptime INTEGER,
    revision TEXT,
    seal TEXT NOT NULL,
    loss INTEGER REFERENCES losses (id) ON DELETE SET NULL,
    UNIQUE (approval, region, pack, kind, loss_name)
) STRICT;

CREATE TABLE approvals_read (
    id INTEGER PRIMARY KEY,
    approval TEXT NOT NULL UNIQUE,
    at_wall INTEGER NOT NULL, at_aws INTEGER, at_boot TEXT, at_uptime INTEGER,
    first TEXT NOT NULL,
    expires TEXT NOT NULL,
    rules TEXT NOT NULL,
    seal TEXT NOT NULL
) STRICT;

CREATE TABLE templates (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    rules TEXT NOT NULL,
    seal TEXT NOT NULL
) STRICT;

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_wall INTEGER NOT NULL, at_aws INTEGER, at_boot TEXT, at_uptime INTEGER,
    region TEXT NOT NULL,
    pack TEXT NOT NULL,
    template TEXT NOT NULL,
    parameters TEXT NOT NULL,
    revision TEXT,
    seal TEXT NOT NULL
) STRICT;

CREATE TABLE deployments (
    id INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    pack TEXT NOT NULL,
    seen_wall INTEGER NOT NULL, seen_aws INTEGER, seen_boot TEXT, seen_uptime INTEGER,
    marker TEXT NOT NULL,
    excluded TEXT NOT NULL,
    seal TEXT NOT NULL,
    UNIQUE (region, pack)
) STRICT;

CREATE TABLE levels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_wall INTEGER NOT NULL, at_aws INTEGER, at_boot TEXT, at_uptime INTEGER,
    region TEXT NOT NULL,
    pack TEXT NOT NULL,
    marker TEXT,
    echo TEXT,
    rules INTEGER,
    seal TEXT NOT NULL
) STRICT;

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_wall INTEGER NOT NULL, at_aws INTEGER, at_boot TEXT, at_uptime INTEGER,
    kind TEXT NOT NULL,
    region TEXT,
    pack TEXT,
    account TEXT,
    event TEXT NOT NULL,
    seal TEXT NOT NULL
) STRICT;
