-- Removes old snapshots of all_detections, and the files that no other snapshot has. Athena keeps snapshots for five days.
VACUUM all_detections
