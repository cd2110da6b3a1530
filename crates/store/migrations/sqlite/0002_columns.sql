-- What jobs are found by becomes columns. The document is the record as JSON without its body, and decides where both say something.
-- No column has the name `record` any more, so that release 0.1 fails before it sends anything.
ALTER TABLE job RENAME TO old_job;
ALTER TABLE body RENAME TO old_body;

CREATE TABLE job (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    key      TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    state    TEXT NOT NULL,
    task_id  TEXT,
    account  TEXT,
    model    TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    label    TEXT,
    created  INTEGER NOT NULL,
    updated  INTEGER NOT NULL,
    ended    INTEGER,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE body (
    job  INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    body TEXT NOT NULL
) STRICT;

INSERT INTO job (key, revision, state, task_id, model, endpoint, created, updated, ended, document)
SELECT
    key,
    revision,
    COALESCE(state, 'unreadable'),
    task_id,
    COALESCE(model, ''),
    COALESCE(endpoint, ''),
    COALESCE(first_sent, 0),
    COALESCE(last_sent, first_sent, 0),
    CASE WHEN state IN ('refused', 'failed', 'forgotten', 'downloaded') THEN COALESCE(last_sent, first_sent, 0) END,
    CASE WHEN json_type(json, '$.body') = 'text' THEN json_set(json, '$.body', json('null')) ELSE record END
FROM (
    SELECT
        number,
        key,
        revision,
        record,
        json,
        CASE json_type(json, '$.state.state') WHEN 'text' THEN json_extract(json, '$.state.state') END AS state,
        CASE json_type(json, '$.state.task_id') WHEN 'text' THEN json_extract(json, '$.state.task_id') END AS task_id,
        CASE json_type(json, '$.model') WHEN 'text' THEN json_extract(json, '$.model') END AS model,
        CASE json_type(json, '$.endpoint') WHEN 'text' THEN json_extract(json, '$.endpoint') END AS endpoint,
        -- A number that SQLite cannot hold as an integer was written by a clock that was wrong.
        CASE WHEN typeof(first_sent) = 'integer' AND first_sent > 0 THEN first_sent END AS first_sent,
        CASE WHEN typeof(last_sent) = 'integer' AND last_sent > 0 THEN last_sent END AS last_sent
    FROM (
        SELECT
            number,
            key,
            revision,
            record,
            json,
            json_extract(json, '$.first_sent') AS first_sent,
            json_extract(json, '$.last_sent') AS last_sent
        FROM (
            SELECT
                rowid AS number,
                key,
                revision,
                record,
                CASE WHEN json_valid(record) THEN record ELSE '{}' END AS json
            FROM old_job
        )
    )
)
ORDER BY number;

-- The body of a job that has ended is not sent again.
INSERT INTO body (job, body)
SELECT job.id, old_body.body
FROM old_body JOIN job ON job.key = old_body.key
WHERE job.ended IS NULL;

INSERT INTO body (job, body)
SELECT job.id, json_extract(old_job.record, '$.body')
FROM old_job JOIN job ON job.key = old_job.key
WHERE job.ended IS NULL
    AND CASE WHEN json_valid(old_job.record) THEN json_type(old_job.record, '$.body') = 'text' ELSE FALSE END
ON CONFLICT (job) DO NOTHING;

DROP TABLE old_body;
DROP TABLE old_job;

-- Each begins with what is asked for and goes on in the order of pages, so that a page reads no more rows than it shows.
CREATE INDEX job_by_created ON job (created, id);
CREATE INDEX job_unfinished ON job (created, id) WHERE ended IS NULL;
CREATE INDEX job_by_state ON job (state, created, id);
CREATE INDEX job_by_model ON job (model, created, id);
CREATE INDEX job_by_endpoint ON job (endpoint, created, id);
CREATE INDEX job_by_account ON job (account, created, id) WHERE account IS NOT NULL;
CREATE INDEX job_by_label ON job (label, created, id) WHERE label IS NOT NULL;
CREATE INDEX job_by_task ON job (task_id, created, id) WHERE task_id IS NOT NULL;
CREATE INDEX job_by_ended ON job (ended) WHERE ended IS NOT NULL;
CREATE INDEX job_by_updated ON job (updated);
