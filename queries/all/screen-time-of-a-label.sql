-- The videos with a label, and how long the label is on screen in each.
--
-- Parameter: 1. label, in single quotes. It is case-sensitive: 'Dog' is a label, 'dog' is not.
--
-- Reads only the rows of the label. Rekognition analyzes samples of the video, about 500 ms apart. Each sample counts
-- until the next sample with the label, but for 500 ms at most, so the time is an estimate. A video that was analyzed
-- twice is listed twice. Jobs that were exported with SEGMENTS only are left out: for those, sum duration_ms in
-- all_segments.
WITH seen AS (
    SELECT d.job_id, d.timestamp_ms, count(d.instance_index) AS instances, max(d.confidence) AS confidence
    FROM all_detections d
    WHERE d.label = ?
    GROUP BY d.job_id, d.timestamp_ms
),
samples AS (
    SELECT *, lead(timestamp_ms) OVER (PARTITION BY job_id ORDER BY timestamp_ms) AS next_ms
    FROM seen
)
SELECT j.job_id,
       j.video_bucket,
       j.video_key,
       count(*) AS samples,
       max(s.instances) AS most_at_once,
       sum(least(coalesce(s.next_ms - s.timestamp_ms, 500), 500)) AS screen_time_ms,
       j.video_duration_ms,
       min(s.timestamp_ms) AS first_ms,
       max(s.timestamp_ms) AS last_ms,
       max(s.confidence) AS max_confidence
FROM samples s
JOIN all_jobs j ON j.job_id = s.job_id
GROUP BY j.job_id, j.video_bucket, j.video_key, j.video_duration_ms
ORDER BY screen_time_ms DESC, j.job_id
