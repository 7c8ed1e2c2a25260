-- The most frequent labels of all videos whose jobs were completed in a period.
--
-- Parameters: 1. from, 2. until (exclusive), each a date or a time in UTC, in single quotes: '2025-06-01', '2025-07-01'
-- is the month of June.
--
-- Reads only the table jobs, which has the counts of each label. A video that was analyzed twice counts twice. Jobs that
-- were exported with SEGMENTS only have no detections and are left out, as are jobs whose completion message had no time.
SELECT l.label,
       count(*) AS jobs,
       sum(l.detections) AS detections,
       sum(l.instances) AS instances,
       max(l.max_confidence) AS max_confidence
FROM jobs j
CROSS JOIN UNNEST(j.labels) AS l
WHERE j.completed_at_ms >= date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', CAST(? AS timestamp))
  AND j.completed_at_ms < date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', CAST(? AS timestamp))
  AND l.detections IS NOT NULL
GROUP BY l.label
ORDER BY detections DESC, l.label
LIMIT 100
