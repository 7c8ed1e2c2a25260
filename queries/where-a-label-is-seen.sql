-- Where in a video a label is seen, as ranges of time.
--
-- Parameters: 1. job id, 2. label; both in single quotes. Case counts: 'Dog' is a label, 'dog' is none. A quote in a
-- name is written twice: 'Farmer''s Market'.
--
-- The || '' below changes no name. It keeps the label out of the question to the catalog, which Trino asks without
-- escaping quotes, so that Farmer's Market would be an error; the job is asked for, and labels are chosen after that.
--
-- Rekognition looks at samples of the video, some 500 ms apart, and may miss a label in one of them. So a range goes on
-- while the label is seen again within 1,000 ms, and ends where it is not; change the 1000 below to be stricter or more
-- generous. A range is from the first to the last sample with the label: one that is seen once is 0 ms long.
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
