-- The labels of a video that are visible for longer than a number of seconds at a stretch.
--
-- Parameters: 1. job ID, in single quotes, 2. seconds: 5 or 2.5.
--
-- Only for jobs that were exported with AGGREGATE_BY=SEGMENTS (or both): other jobs have no rows in label_segments. For
-- those, use the saved query where-a-label-is-seen.
SELECT s.label_name,
       s.start_timestamp_ms,
       s.end_timestamp_ms,
       s.duration_ms,
       s.confidence
FROM label_segments s
JOIN jobs j ON j.job_id = s.job_id
WHERE s.job_id = ?
  AND s.duration_ms > CAST(? AS double) * 1000
ORDER BY s.duration_ms DESC, s.start_timestamp_ms, s.label_name
