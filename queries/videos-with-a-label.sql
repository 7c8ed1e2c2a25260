-- The videos in which a label is visible, most frequent first.
--
-- Parameter: 1. label, in single quotes. It is case-sensitive: 'Dog' is a label, 'dog' is not.
--
-- Reads only the table jobs, which has the labels of each job. A video that was analyzed twice is listed twice.
SELECT j.job_id,
       j.video_bucket,
       j.video_key,
       l.detections,
       l.instances,
       l.segments,
       l.first_timestamp_ms,
       l.last_timestamp_ms,
       l.max_confidence
FROM jobs j
CROSS JOIN UNNEST(j.labels) AS l
WHERE l.label = ?
ORDER BY coalesce(l.detections, l.segments) DESC, j.job_id
