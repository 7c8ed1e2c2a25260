-- In which videos a label is seen, most often first.
--
-- Parameter: 1. label, in single quotes. Case counts: 'Dog' is a label, 'dog' is none.
--
-- Reads the table jobs alone, which knows the labels of each job. A video that was analysed twice is here twice.
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
