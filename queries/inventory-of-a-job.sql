-- The labels of a job, with their counts.
--
-- Parameter: 1. job ID, in single quotes.
--
-- Reads only the table jobs, and opens no partition. For a job that was exported with SEGMENTS only, detections and
-- instances are null, and times and confidence come from the segments. For one with TIMESTAMPS only, segments is null.
-- A failed job has no rows here.
SELECT l.label,
       l.detections,
       l.instances,
       l.segments,
       l.first_timestamp_ms,
       l.last_timestamp_ms,
       l.max_confidence
FROM jobs j
CROSS JOIN UNNEST(j.labels) AS l
WHERE j.job_id = ?
ORDER BY l.label
