-- What is in a job, label by label.
--
-- Parameter: 1. job id, in single quotes.
--
-- Reads the table jobs alone: no partition is opened. detections and instances are null for a job exported with
-- SEGMENTS alone, segments for one with TIMESTAMPS alone; times are then those of what there is. A job that failed has
-- no rows here.
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
