-- The boxes of a label in a video, in pixels of the frame.
--
-- Parameters: 1. job id, 2. label; both in single quotes. Case counts.
--
-- What the || '' below is for, where-a-label-is-seen tells.
--
-- A row is an instance. Boxes may reach over the edges of the frame: left_px and top_px may be negative. Nothing
-- follows an object from one sample to the next: instance 0 now and instance 0 then may be two. A detection without
-- instances is not here; if Rekognition told no box or no frame size, the pixels are null.
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
