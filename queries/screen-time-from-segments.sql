-- The screen time of each label of a video, from Rekognition's own segments.
--
-- Parameter: 1. job ID, in single quotes.
--
-- Only for jobs that were exported with AGGREGATE_BY=SEGMENTS (or both): other jobs have no rows here. For those, the
-- saved query labels-of-a-video estimates the time. Where segments of a label overlap, each counts the common time.
SELECT s.label_name,
       count(*) AS segments,
       sum(s.duration_ms) AS screen_time_ms,
       max(s.duration_ms) AS longest_ms,
       min(s.start_timestamp_ms) AS first_ms,
       max(s.end_timestamp_ms) AS last_ms
FROM label_segments s
JOIN jobs j ON j.job_id = s.job_id
WHERE s.job_id = ?
GROUP BY s.label_name
ORDER BY screen_time_ms DESC, s.label_name
