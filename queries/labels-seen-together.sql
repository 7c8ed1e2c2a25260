-- The pairs of labels of a video that are visible together, in the same samples.
--
-- Parameter: 1. job ID, in single quotes.
--
-- Rekognition also returns the parents of a label as labels, so a dog always appears together with an animal. Such pairs
-- are left out, and so are labels without a name. The query counts samples, not rows: three dogs and two people in one
-- sample are six pairs of rows, but one sample.
WITH seen AS (
    SELECT d.timestamp_ms, d.label_name, d.parents
    FROM label_detections d
    JOIN jobs j ON j.job_id = d.job_id
    WHERE d.job_id = ?
      AND (d.instance_index IS NULL OR d.instance_index = 0)
)
SELECT one.label_name AS label,
       other.label_name AS other_label,
       count(DISTINCT one.timestamp_ms) AS samples
FROM seen one
JOIN seen other ON other.timestamp_ms = one.timestamp_ms AND other.label_name > one.label_name
WHERE NOT coalesce(contains(one.parents, other.label_name), false)
  AND NOT coalesce(contains(other.parents, one.label_name), false)
GROUP BY one.label_name, other.label_name
ORDER BY samples DESC, label, other_label
LIMIT 100
