-- Replaces the rows of a batch of jobs in all_segments: deletes them all, and inserts those of the jobs that are in the lake.
--
-- A single commit, which may be repeated. Every row deleted is matched by "gone", and a row that is inserted never matches.
MERGE INTO all_segments t
USING (
    SELECT d.job_id, false AS gone,
           CASE WHEN d.label_name NOT IN ('', '__HIVE_DEFAULT_PARTITION__') THEN d.label_name END AS label,
           CAST(batch.completed_at_ms AS bigint) AS completed_at_ms,
           d.start_timestamp_ms, d.end_timestamp_ms, d.duration_ms, d.confidence, d.parents, d.aliases, d.categories,
           d.label_name
    FROM label_segments_by_job d
    JOIN (VALUES {jobs}) AS batch (job_id, completed_at_ms, content) ON batch.job_id = d.job_id
    WHERE d.job_id IN ({put})
    UNION ALL
    SELECT job_id, true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM (VALUES {jobs}) AS batch (job_id, completed_at_ms, content)
) s
ON t.job_id = s.job_id AND s.gone
WHEN MATCHED THEN DELETE
WHEN NOT MATCHED AND NOT s.gone THEN
    INSERT (
        job_id, label, completed_at_ms, start_timestamp_ms, end_timestamp_ms, duration_ms, confidence, parents,
        aliases, categories, label_name
    )
    VALUES (
        s.job_id, s.label, s.completed_at_ms, s.start_timestamp_ms, s.end_timestamp_ms, s.duration_ms, s.confidence,
        s.parents, s.aliases, s.categories, s.label_name
    )
