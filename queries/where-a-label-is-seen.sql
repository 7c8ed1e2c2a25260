-- The time ranges of a video in which a label is visible.
--
-- Parameters: 1. job ID, 2. label; both in single quotes. The label is case-sensitive: 'Dog' is a label, 'dog' is not.
-- Write a quote in a name twice: 'Farmer''s Market'.
--
-- The || '' below changes no name. It keeps the label out of the request to the catalog, in which Trino does not escape
-- quotes, so Farmer's Market would be an error. The catalog is asked for the job only, and the label is selected later.
--
-- Rekognition analyzes samples of the video, about 500 ms apart, and may miss a label in one of them. A range therefore
-- continues if the label is in another sample within 1,000 ms, and ends otherwise. Change the 1000 below for a stricter
-- or looser limit. A range lasts from the first to the last sample with the label, so a single sample is 0 ms long.
WITH seen AS (
    SELECT d.timestamp_ms,
           count(d.instance_index) AS instances,
           max(d.confidence) AS confidence
    FROM label_detections d
    JOIN jobs j ON j.job_id = d.job_id
    WHERE d.job_id = ?
      AND d.label || '' = ?
    GROUP BY d.timestamp_ms
),
marked AS (
    SELECT *,
           CASE WHEN timestamp_ms - lag(timestamp_ms) OVER (ORDER BY timestamp_ms) <= 1000 THEN 0 ELSE 1 END AS begins
    FROM seen
),
numbered AS (
    SELECT *, sum(begins) OVER (ORDER BY timestamp_ms) AS range_number
    FROM marked
)
SELECT min(timestamp_ms) AS from_ms,
       max(timestamp_ms) AS to_ms,
       count(*) AS samples,
       max(instances) AS most_at_once,
       max(confidence) AS max_confidence
FROM numbered
GROUP BY range_number
ORDER BY from_ms
