-- Which labels a video has: how often, how many at once, and for how long they are on the screen.
--
-- Parameter: 1. job id, in single quotes. The query jobs-of-a-video finds it.
--
-- A detection has a row for each of its instances, or one row without. So count(*) counts neither: the first row of
-- each detection stands for it, and instance_count, which all its rows repeat, may not be summed over rows.
--
-- Rekognition looks at samples of the video, some 500 ms apart. A label that is seen in a sample counts as on the
-- screen until the next sample of the job, of whatever label, or the end of the video; for 1,000 ms at most, as a
-- moment without any label leaves no sample. This is an estimate: a label that comes and goes between two samples is
-- not seen. If the job has segments, screen-time-from-segments gives Rekognition's own times.
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
