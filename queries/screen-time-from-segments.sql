-- For how long each label of a video is on the screen, by Rekognition's own segments.
--
-- Parameter: 1. job id, in single quotes.
--
-- Only for jobs exported with AGGREGATE_BY=SEGMENTS (or both): others have no rows here, and labels-of-a-video
-- estimates the time. Where the segments of a label overlap, the time in common counts in each.
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
