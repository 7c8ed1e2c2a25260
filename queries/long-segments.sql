-- Which labels of a video are seen for longer than so many seconds at a stretch.
--
-- Parameters: 1. job id, in single quotes, 2. seconds: 5 or 2.5.
--
-- Only for jobs exported with AGGREGATE_BY=SEGMENTS (or both): others have no rows in label_segments. For those see
-- where-a-label-is-seen.
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
