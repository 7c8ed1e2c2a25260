-- The labels of a video: how often, how many at the same time, and how long on screen.
--
-- Parameter: 1. job ID, in single quotes. The saved query jobs-of-a-video finds it.
--
-- A detection has one row for each of its instances, or a single row if it has none. So count(*) counts neither
-- detections nor instances. The query counts the first row of each detection as the detection. It does not sum
-- instance_count, which is repeated in all rows of a detection.
--
-- Rekognition analyzes samples of the video, about 500 ms apart. A label in a sample counts as on screen until the next
-- sample of the job with any label, or until the end of the video, but for 1,000 ms at most, because a moment without
-- labels leaves no sample. This is an estimate: a label that appears only between two samples is missed. If the job has
-- segments, the saved query screen-time-from-segments returns Rekognition's own times.
WITH seen AS (
    SELECT d.label_name,
           d.timestamp_ms,
           j.video_duration_ms,
           count_if(d.instance_index IS NULL OR d.instance_index = 0) AS detections,
           count(d.instance_index) AS instances,
           max(d.confidence) AS confidence
    FROM label_detections d
    JOIN jobs j ON j.job_id = d.job_id
    WHERE d.job_id = ?
    GROUP BY d.label_name, d.timestamp_ms, j.video_duration_ms
),
samples AS (
    SELECT timestamp_ms,
           coalesce(
               lead(timestamp_ms) OVER (ORDER BY timestamp_ms),
               greatest(video_duration_ms, timestamp_ms),
               timestamp_ms
           ) AS next_ms
    FROM seen
    GROUP BY timestamp_ms, video_duration_ms
)
SELECT seen.label_name,
       sum(seen.detections) AS detections,
       sum(seen.instances) AS instances,
       max(seen.instances) AS most_at_once,
       sum(least(samples.next_ms - samples.timestamp_ms, 1000)) AS screen_time_ms,
       min(seen.timestamp_ms) AS first_ms,
       max(seen.timestamp_ms) AS last_ms,
       max(seen.confidence) AS max_confidence
FROM seen
JOIN samples ON samples.timestamp_ms = seen.timestamp_ms
GROUP BY seen.label_name
ORDER BY screen_time_ms DESC, seen.label_name
