-- The boxes of a label in a video, in pixels of the frame.
--
-- Parameters: 1. job ID, 2. label; both in single quotes. The label is case-sensitive.
--
-- The saved query where-a-label-is-seen explains the || '' below.
--
-- A row is an instance. Boxes may extend beyond the edges of the frame, so left_px and top_px may be negative. Instance
-- numbers do not follow an object: instance 0 in one sample and instance 0 in the next may be two different objects.
-- Detections without instances are left out. If Rekognition returned no box or no frame size, the pixels are null.
SELECT d.timestamp_ms,
       d.instance_index,
       d.instance_confidence,
       CAST(round(CAST(d.bbox_left AS double) * j.frame_width) AS bigint) AS left_px,
       CAST(round(CAST(d.bbox_top AS double) * j.frame_height) AS bigint) AS top_px,
       CAST(round(CAST(d.bbox_width AS double) * j.frame_width) AS bigint) AS width_px,
       CAST(round(CAST(d.bbox_height AS double) * j.frame_height) AS bigint) AS height_px
FROM label_detections d
JOIN jobs j ON j.job_id = d.job_id
WHERE d.job_id = ?
  AND d.label || '' = ?
  AND d.instance_index IS NOT NULL
ORDER BY d.timestamp_ms, d.instance_index
